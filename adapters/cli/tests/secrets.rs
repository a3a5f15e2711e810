//! No secret is in what the command writes, in its arguments, or in a core dump.

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use common::server::{Scripted, Setup};
use common::{command, files};

/// Each secret is unlike anything else that is written.
const PASSWORD: &str = "pw-7f3a-Zq9";
const TOKEN: &str = "tk-51bc-Yw8";
const SECRET: &str = "cs-94de-Xv7";
const PROXY: &str = "px-08aa-Uu6";

/// The forms in which the secrets could be written.
fn forms() -> Vec<Vec<u8>> {
    let base64 = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let output = Command::new("base64")
            .arg("-w0")
            .arg(file.path())
            .output()
            .unwrap();
        output.stdout
    };
    let mut forms: Vec<Vec<u8>> = Vec::new();
    for secret in [PASSWORD, TOKEN, SECRET, PROXY] {
        forms.push(secret.into());
        forms.push(secret.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    forms.push(base64(&format!("pat:{PASSWORD}")));
    forms.push(base64(&format!("pat:{PROXY}")));
    // An NTLM message, in base64 and as it is.
    forms.push(b"TlRMTVNTUA".into());
    forms.push(b"NTLMSSP".into());
    forms
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for form in forms() {
        let is_in = bytes.windows(form.len()).any(|window| window == form);
        assert!(!is_in, "{} in {what}", form.escape_ascii());
    }
}

/// The arguments of a process and of those that it has started, as other users see them.
fn arguments(process: &Child) -> Vec<u8> {
    let id = process.id();
    let mut all = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let children = format!("/proc/{id}/task/{id}/children");
    for child in std::fs::read_to_string(children)
        .unwrap_or_default()
        .split_whitespace()
    {
        all.extend(std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default());
    }
    all
}

fn write_secrets(setup: &Setup) {
    for (name, secret) in [("password", PASSWORD), ("token", TOKEN), ("secret", SECRET)] {
        std::fs::write(setup.path(name), secret).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_secret_is_written() {
    let authority = Scripted::new(|_, _| {
        let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":3599}}"#);
        common::server::http(&body)
    });
    let windows = format!("[auth.windows]\nuser = 'pat'\npassword = '{PASSWORD}'\n");
    let basic = format!("auth = {{ basic = {{ user = 'pat', password = '{PASSWORD}' }} }}\n");
    let bearer = format!("auth = {{ bearer = {{ token = '{TOKEN}' }} }}\n");
    let refused = "auth = { bearer = { token = 'another' } }\n";
    let proxy = format!("{bearer}[proxy]\nuser = 'pat'\npassword = '{PROXY}'\n");
    let user = "--user pat --password-file password";
    let application = format!(
        "--tenant t --client-id c --client-secret-file secret --authority {}",
        authority.url.trim_end_matches("/EWS/Exchange.asmx")
    );
    for (scenario, args) in [
        (&windows, user.to_owned()),
        (
            &windows,
            "--user pat --password-env SECRET_PASSWORD".to_owned(),
        ),
        (&windows, "--user other --password-file password".to_owned()),
        (&windows, format!("{user} --auth basic")),
        (&basic, format!("{user} --auth basic")),
        (&basic, user.to_owned()),
        (&bearer, "--bearer-file token".to_owned()),
        (&bearer, "--bearer-env SECRET_TOKEN".to_owned()),
        (&bearer, "--token-command 'cat token'".to_owned()),
        (&bearer, application.clone()),
        (&refused.to_owned(), "--bearer-file token".to_owned()),
        (&refused.to_owned(), application),
        (
            &proxy,
            "--bearer-file token --proxy proxy-of-the-environment".to_owned(),
        ),
    ] {
        let setup = Setup::new(scenario, &[300, 5_000]);
        write_secrets(&setup);
        let mut words = shlex::split(&args).unwrap();
        let mut proxies = vec![];
        if let Some(at) = words
            .iter()
            .position(|word| word == "proxy-of-the-environment")
        {
            words.drain(at - 1..=at);
            let url = setup.emulator.proxy_url().unwrap();
            proxies.push(("http_proxy", url.replace("//", &format!("//pat:{PROXY}@"))));
        }
        for subcommand in [&["export", "--json"][..], &["export"], &["doctor"]] {
            let mut command = command(subcommand);
            if subcommand[0] == "export" {
                command.args(["--ids", "ids", "--out", "out", "--retry-for", "0"]);
            }
            let process = command
                .args(["--url", &setup.emulator.url()])
                .args(&words)
                .current_dir(setup.dir.path())
                .envs([("SECRET_PASSWORD", PASSWORD), ("SECRET_TOKEN", TOKEN)])
                .envs(proxies.clone())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let seen = arguments(&process);
            let output = process.wait_with_output().unwrap();
            assert_clean(&format!("the arguments of {args}"), &seen);
            assert_clean(&format!("the output of {args}"), &output.stdout);
            assert_clean(&format!("the messages of {args}"), &output.stderr);
        }
        if setup.path("out").exists() {
            for file in files(&setup.path("out")) {
                let bytes = std::fs::read(setup.path("out").join(&file)).unwrap();
                assert_clean(&file.display().to_string(), &bytes);
            }
        }
    }
}

/// Runs an export that waits for its server, and ends it by SIGQUIT. Whether it left a core dump.
#[cfg(target_os = "linux")]
fn dumps_core(dir: &Path, command: &str) -> (bool, String) {
    use std::os::unix::process::ExitStatusExt as _;
    let (asked, request) = mpsc::channel();
    let server = Scripted::new(move |_, _| {
        asked.send(()).unwrap();
        std::thread::sleep(Duration::from_mins(1));
        Vec::new()
    });
    let script = format!("ulimit -c unlimited; exec {command}").replace("URL", &server.url);
    let mut process = Command::new("sh")
        .args(["-c", &script])
        .current_dir(dir)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    request.recv_timeout(Duration::from_secs(30)).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.contains("core file size"))
        .unwrap();
    let id = process.id().to_string();
    assert!(Command::new("kill")
        .args(["-QUIT", &id])
        .status()
        .unwrap()
        .success());
    (process.wait().unwrap().core_dumped(), core.to_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn there_is_no_core_dump_with_secrets() {
    let setup = Setup::new("", &[300]);
    write_secrets(&setup);
    let program = env!("CARGO_BIN_EXE_exportitems");
    let export = format!("{program} export --url URL --ids ids --out out --bearer-file token");
    let (dumped, limit) = dumps_core(setup.dir.path(), &export);
    assert!(!dumped, "there is a core dump");
    assert!(limit.split_whitespace().nth(4) == Some("0"), "{limit}");
}
