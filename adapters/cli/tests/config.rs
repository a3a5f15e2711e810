//! The configuration file.

mod common;

use std::path::PathBuf;
use std::process::Output;

use common::server::Setup;
use common::{command, status, stderr, stdout};

const USER: &str = r"CONTOSO\pat";
const PASSWORD: &str = "s3cret-pässwörd";
const WINDOWS: &str =
    "tls = true\n[auth.windows]\nuser = 'CONTOSO\\pat'\npassword = 's3cret-pässwörd'\n";

/// A server, and a folder with a configuration file and what it names.
struct Place {
    setup: Setup,
    config: PathBuf,
}

impl Place {
    fn new(scenario: &str, config: &str) -> Self {
        let setup = Setup::new(scenario, &[300, 5_000]);
        std::fs::write(setup.path("password"), PASSWORD).unwrap();
        let folder = setup.path("exportitems");
        std::fs::create_dir(&folder).unwrap();
        let this = Self {
            config: folder.join("config.toml"),
            setup,
        };
        this.write(config);
        this
    }

    /// Writes the file; `URL` in it is that of the server.
    fn write(&self, config: &str) {
        std::fs::write(
            &self.config,
            config.replace("URL", &self.setup.emulator.url()),
        )
        .unwrap();
        #[cfg(unix)]
        permit(&self.config, 0o600);
    }

    fn export(&self, args: &[&str]) -> (i32, String) {
        let _ = std::fs::remove_dir_all(self.setup.path("out"));
        let config = self.config.to_str().unwrap();
        let output = command(&["export", "--config", config])
            .args([
                "--ids",
                self.setup.path("ids").to_str().unwrap(),
                "--out",
                self.setup.path("out").to_str().unwrap(),
            ])
            .args(args)
            .env("ITS_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        printed(&output)
    }
}

#[cfg(unix)]
fn permit(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn printed(output: &Output) -> (i32, String) {
    let printed = stdout(output) + &stderr(output);
    assert!(!printed.contains(PASSWORD), "{printed}");
    (status(output), printed)
}

const WORK: &str = r#"
retry-for = 0
proxy = "none"

[servers.work]
url = "URL"
user = 'CONTOSO\pat'
password-file = "../password"
ca-file = ["../ca.pem"]
batch-size = 1
connections = 1

[servers.other]
url = "https://mail.invalid/"
"#;

#[test]
fn a_server_has_a_name() {
    let place = Place::new(WINDOWS, WORK);
    let (code, printed) = place.export(&["--server", "work"]);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(place.setup.exported(), [0, 1]);
    // The manifest records where the items are from.
    let manifest = std::fs::read_to_string(place.setup.path("out/manifest.jsonl")).unwrap();
    assert!(
        manifest.contains(&format!("--url={}", place.setup.emulator.url())),
        "{manifest}"
    );
    let requests = place.setup.emulator.requests();
    let with_body = requests
        .iter()
        .filter(|it| it.header("content-length") != Some("0"));
    assert_eq!(with_body.count(), 2, "the file gives --batch-size 1");

    // The command line replaces what the file gives.
    let (code, printed) = place.export(&["--server", "work", "--batch-size", "2"]);
    assert_eq!(code, 0, "{printed}");
    let requests = place.setup.emulator.requests();
    let with_body = requests
        .iter()
        .filter(|it| it.header("content-length") != Some("0"));
    assert_eq!(with_body.count(), 3);

    let (code, printed) = place.export(&["--server", "other"]);
    assert_eq!(code, 3, "{printed}");
    assert!(
        printed.contains("cannot find the host mail.invalid"),
        "{printed}"
    );
    let (code, printed) = place.export(&["--server", "third"]);
    assert_eq!(code, 2);
    assert!(printed.contains("its servers are other, work"), "{printed}");

    // Other commands ignore the options that they do not have.
    let output = command(&["doctor", "--server", "work", "--config"])
        .arg(&place.config)
        .output()
        .unwrap();
    assert_eq!(status(&output), 0, "{}", stdout(&output));
}

#[test]
fn the_users_file_and_its_default_server() {
    let place = Place::new(WINDOWS, &format!("server = 'work'\n{WORK}"));
    let home = place.setup.dir.path().to_str().unwrap();
    let (name, value) = match cfg!(windows) {
        true => ("APPDATA", home.to_owned()),
        false => ("XDG_CONFIG_HOME", home.to_owned()),
    };
    let output = command(&["doctor"]).env(name, &value).output().unwrap();
    let (code, text) = printed(&output);
    assert_eq!(code, 0, "{text}");
    let output = command(&["doctor", "--server", "other"])
        .env(name, &value)
        .output()
        .unwrap();
    assert_eq!(status(&output), 3);
    // Without the file the URL is missing, and so is the server.
    let output = command(&["doctor"]).output().unwrap();
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("--url"), "{}", stderr(&output));
    let output = command(&["doctor", "--server", "work"]).output().unwrap();
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("there is no configuration file"),
        "{}",
        stderr(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_is_refused() {
    let place = Place::new(WINDOWS, WORK);
    for mode in [0o622, 0o620, 0o602, 0o666] {
        permit(&place.config, mode);
        let (code, printed) = place.export(&["--server", "work"]);
        assert_eq!(code, 2, "{mode:o}: {printed}");
        assert!(printed.contains("chmod go-w"), "{printed}");
    }
    permit(&place.config, 0o644);
    let folder = place.config.parent().unwrap();
    permit(folder, 0o777);
    let (code, printed) = place.export(&["--server", "work"]);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("can replace the file"), "{printed}");
    permit(folder, 0o1777);
    assert_eq!(place.export(&["--server", "work"]).0, 0);
    assert!(place.setup.emulator.logins().len() == 1);
    // A link to it in a folder that others can write, and a file below such a folder.
    permit(folder, 0o755);
    let open = place.setup.path("open");
    let inner = open.join("inner");
    std::fs::create_dir_all(&inner).unwrap();
    permit(&open, 0o777);
    std::os::unix::fs::symlink(&place.config, open.join("link.toml")).unwrap();
    std::fs::copy(&place.config, inner.join("copy.toml")).unwrap();
    for path in ["open/link.toml", "open/inner/copy.toml"] {
        let path = place.setup.path(path);
        let output = place
            .setup
            .export(&["--config", path.to_str().unwrap(), "--server", "work"]);
        let (code, text) = self::printed(&output);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("can replace the file"), "{text}");
    }
}

#[test]
fn mistakes_are_errors_with_their_line() {
    let place = Place::new("", "");
    for (config, line, says) in [
        ("url = 'URL'\nurll = 'x'", 2, "unknown option urll"),
        (
            "\n[servers.a]\nurl = 'URL'\nuser-name = 'pat'",
            4,
            "unknown option user-name",
        ),
        (
            "password = 's3cret-pässwörd'",
            1,
            "must not contain secrets",
        ),
        (
            "[servers.a]\nclient-secret = 's3cret-pässwörd'",
            2,
            "client-secret-file",
        ),
        ("password = s3cret-pässwörd", 1, ""),
        ("url = 'URL'\nurl = 'URL'", 2, ""),
        ("url = 'URL'\ngzip = 'yes'", 2, "true or false"),
        ("url = true", 1, "must be a text"),
        ("url = ['URL', 'URL']", 1, "takes one value"),
        ("url = { a = 1 }", 1, "[servers.NAME]"),
        ("[server.a]\nurl = 'URL'", 1, "[servers.NAME]"),
        ("servers = 1", 1, "[servers.NAME]"),
        ("batch-size = 1979-05-27", 1, "a number"),
        ("config = 'x'", 1, "unknown option config"),
    ] {
        place.write(config);
        let (code, printed) = place.export(&[]);
        assert_eq!(code, 2, "{config}: {printed}");
        let at = format!("config.toml:{line}: ");
        assert!(printed.contains(&at), "{config}: {printed}");
        assert!(printed.contains(says), "{config}: {printed}");
    }
    // What the command line refuses is refused here.
    place.write("url = 'URL'\nbatch-size = 0\nheader = 'X-Test: 1'");
    let (code, printed) = place.export(&[]);
    assert_eq!(code, 2);
    assert!(printed.contains("'--batch-size <N>'"), "{printed}");
    assert!(
        printed.contains("gives the options --batch-size, --header, --url"),
        "{printed}"
    );
    place.write("url = 'URL'\nproxy = 'http://pat:s3cret-pässwörd@127.0.0.1:9'");
    let (code, printed) = place.export(&[]);
    assert_eq!(code, 2);
    assert!(
        printed.contains("a configuration file must not contain secrets"),
        "{printed}"
    );
    std::fs::write(&place.config, b"url = '\xFF'").unwrap();
    assert!(place.export(&[]).1.contains("save the file as UTF-8"));
}

#[test]
fn secrets_are_named() {
    let place = Place::new(WINDOWS, "");
    let common = format!("url = 'URL'\nuser = '{USER}'\nca-file = '../ca.pem'\nretry-for = 0\n");
    for (option, unix_only) in [
        ("password-file = '../password'", false),
        ("password-env = 'ITS_PASSWORD'", false),
        (r#"password-command = "sh -c 'echo $ITS_PASSWORD'""#, true),
    ] {
        if unix_only && cfg!(not(unix)) {
            continue;
        }
        place.write(&format!("{common}{option}"));
        let (code, printed) = place.export(&[]);
        assert_eq!(code, 0, "{option}: {printed}");
        let manifest = std::fs::read_to_string(place.setup.path("out/manifest.jsonl")).unwrap();
        assert!(!manifest.contains("$ITS_PASSWORD"), "{manifest}");
    }
    for (option, says) in [
        (
            "password-env = 's3cret-pässwörd'",
            "there is no environment variable with the name",
        ),
        (
            "password-command = 'no-such-program'",
            "cannot start no-such-program",
        ),
        ("password-command = \"'\"", "a quotation mark is not closed"),
    ] {
        place.write(&format!("{common}{option}"));
        let (code, printed) = place.export(&[]);
        assert!(code == 2 || code == 4, "{option}: {printed}");
        assert!(printed.contains(says), "{option}: {printed}");
    }
}

/// A login on the command line replaces that of the file as a whole.
#[test]
fn logins_do_not_mix() {
    let place = Place::new("auth = { bearer = { token = 'right' } }", "");
    std::fs::write(place.setup.path("token"), "right").unwrap();
    place.write(&format!(
        "url = 'URL'\nuser = '{USER}'\npassword-file = '../password'\nretry-for = 0\n\
         [servers.tenant]\ntenant = 'x'\nclient-id = 'y'\nclient-secret-file = '../password'\n"
    ));
    let token = place.setup.path("token");
    let token = ["--bearer-file", token.to_str().unwrap()];
    let (code, printed) = place.export(&token);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = place.export(&[&token[..], &["--server", "tenant"]].concat());
    assert_eq!(code, 0, "{printed}");
    // The password of one user is not sent for another.
    let (code, printed) = place.export(&["--user", "bob"]);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("no password"), "{printed}");
    // Nor is that of all servers when a server has another login.
    place.write(&format!(
        "url = 'URL'\nuser = '{USER}'\npassword-file = '../password'\nretry-for = 0\n\
         [servers.token]\nbearer-file = '../token'\n"
    ));
    let (code, printed) = place.export(&["--server", "token"]);
    assert_eq!(code, 0, "{printed}");
}
