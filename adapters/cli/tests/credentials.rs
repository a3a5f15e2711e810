//! Secrets are read from files, variables and prompts, and never printed.

mod common;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use common::server::Setup;
use common::{have, status, stderr, stdout};

#[test]
fn files_of_secrets_may_have_any_encoding_of_text() {
    let setup = Setup::new(
        "auth = { basic = { user = 'pat', password = 'pä w' } }",
        &[300],
    );
    let file = setup.path("password");
    let utf16 = |unit: fn(u16) -> [u8; 2]| {
        let units = "\u{FEFF}pä w\r\n".encode_utf16();
        units.flat_map(unit).collect::<Vec<u8>>()
    };
    for bytes in [
        "pä w".as_bytes().to_vec(),
        "\u{FEFF}pä w\r\n".as_bytes().to_vec(),
        "pä w\rnext line".as_bytes().to_vec(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        let args = [
            "--user",
            "pat",
            "--auth",
            "basic",
            "--password-file",
            file.to_str().unwrap(),
        ];
        let output = setup.export(&args);
        assert_eq!(status(&output), 0, "{bytes:02X?}: {}", stderr(&output));
        std::fs::remove_dir_all(setup.path("out")).unwrap();
    }
}

#[test]
fn a_secret_in_the_place_of_a_name_is_not_printed() {
    let setup = Setup::new("", &[300]);
    for (args, code, says) in [
        (
            &["--bearer-env", "eyJ0eXAi.secret-1=="][..],
            2,
            "--bearer-env",
        ),
        (&["--bearer-env", "secret1"], 2, "--bearer-env"),
        (
            &["--bearer-file", "eyJ0eXAi.secret-1=="],
            4,
            "--bearer-file",
        ),
        (
            &["--bearer-file", &"secret1".repeat(100)],
            4,
            "--bearer-file",
        ),
        (
            &["--user", "pat", "--password-file", "secret1"],
            4,
            "--password-file",
        ),
    ] {
        let output = setup.export(args);
        let printed = stdout(&output) + &stderr(&output);
        assert_eq!(status(&output), code, "{printed}");
        assert!(printed.contains(says), "{printed}");
        assert!(
            !printed.contains("secret1") && !printed.contains("secret-1"),
            "{printed}"
        );
    }
}

/// Ctrl-C at the password prompt, and a signal from another process, restore the terminal's echo.
#[test]
#[cfg(target_os = "linux")]
fn the_echo_of_the_terminal_comes_back() {
    if !have("script") || !have("stty") {
        return;
    }
    let setup = Setup::new("", &[300]);
    for kill in [false, true] {
        let export = format!(
            "env --default-signal=HUP,INT,TERM {} export --url {} --ids {} --out {} --user pat",
            env!("CARGO_BIN_EXE_exportitems"),
            setup.emulator.url(),
            setup.path("ids").display(),
            setup.path("out").display(),
        );
        let (pid, tty) = (setup.path("pid"), setup.path("tty"));
        // The shell writes its process id, and `exec` keeps that id for the command.
        let shell = format!(
            "tty > {}; sh -c 'echo $$ > {}; exec {export}'; echo \"status $?\"; stty -a",
            tty.display(),
            pid.display()
        );
        let mut script = Command::new("script")
            .args(["-qec", &shell, "/dev/null"])
            .env_remove("EXPORTITEMS_PASSWORD")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let (mut printed, mut bytes) = (String::new(), [0; 1024]);
        while !printed.contains("Password of pat: ") {
            let len = stdout.read(&mut bytes).unwrap();
            assert_ne!(len, 0, "{printed}");
            printed += &String::from_utf8_lossy(&bytes[..len]);
        }
        // The prompt appears shortly before the echo is switched off.
        let tty = std::fs::read_to_string(&tty).unwrap();
        loop {
            let stty = Command::new("stty")
                .args(["-aF", tty.trim()])
                .output()
                .unwrap();
            if common::stdout(&stty).contains(" -echo ") {
                break;
            }
        }
        if kill {
            let id = std::fs::read_to_string(&pid).unwrap();
            let sent = Command::new("kill").arg(id.trim()).status().unwrap();
            assert!(sent.success());
        } else {
            stdin.write_all(b"\x03").unwrap();
        }
        // `script` ends with its command, so its input must stay open until then.
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).unwrap();
        script.wait().unwrap();
        printed += &String::from_utf8_lossy(&rest);
        assert!(printed.contains("status 130"), "{printed}");
        assert!(printed.contains(" echo "), "{printed}");
        assert!(printed.contains(" icanon "), "{printed}");
    }
}
