//! Runs the command.
#![allow(dead_code)] // each test binary uses a part

pub(crate) mod server;
pub(crate) mod tls;

#[path = "../../../../tests/src/data.rs"]
pub(crate) mod data;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The variables by which the command finds the tester's configuration file.
const CONFIG_FOLDERS: [&str; 3] = ["XDG_CONFIG_HOME", "HOME", "APPDATA"];

/// The command, without the environment variables that it reads.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exportitems"));
    command.args(args).env_remove("EXPORTITEMS_PASSWORD");
    for folder in CONFIG_FOLDERS {
        command.env_remove(folder);
    }
    command
}

/// The command, started so that it handles signals even if the tester's shell ignores them.
#[cfg(target_os = "linux")]
pub(crate) fn signalled(args: &[&str]) -> Command {
    let mut command = Command::new("env");
    command
        .args([
            "--default-signal=HUP,INT,TERM",
            env!("CARGO_BIN_EXE_exportitems"),
        ])
        .args(args)
        .env_remove("EXPORTITEMS_PASSWORD");
    command
}

/// Runs the command with this standard input, and waits for its end.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // The write fails if the command does not read its input.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the command ends");
    writer.join().expect("the writer ends");
    output
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Parses the lines of `--json` into those of the items and the summary.
pub(crate) fn json(output: &Output) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = stdout(output)
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let mut last = lines.pop().expect("a summary");
    (lines, last["summary"].take())
}

/// Returns the relative path of each file under `dir`, sorted.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(dir).expect("below").to_owned();
    let mut found: Vec<_> = found.iter().map(relative).collect();
    found.sort();
    found
}

/// Whether a program can be started; where not, the test is skipped.
pub(crate) fn have(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        data::skip_without(&format!("no {program}"));
    }
    found
}

/// Returns a response with these messages.
pub(crate) fn response(messages: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>{messages}</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"#
    )
}

pub(crate) const FAULT: &str = r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:ErrorServerBusy</faultcode><faultstring xml:lang="en-US">The server cannot service this request right now.</faultstring><detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode><e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">The server cannot service this request right now.</e:Message><t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="BackOffMilliseconds">700</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"#;
