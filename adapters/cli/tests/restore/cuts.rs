//! Cuts, kills and interrupts.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::{command, status, stderr};
use crate::setup::*;

#[test]
fn a_cut_makes_no_copies_and_loses_nothing() {
    let setup = archived();
    let rule = |answer: &str, times: u32| {
        format!("[[request]]\noperation = 'UploadItems'\ntimes = {times}\nanswer = {answer}\n")
    };
    for rules in [
        rule("'hang-up'", 1),
        rule("'hang-up-after'", 1),
        // The response is cut in its first or a later message.
        rule("{ items = { cut-after = 700 } }", 1) + &rule("{ items = { cut-after = 1500 } }", 1),
        rule(
            "{ fault = { code = 'ErrorServerBusy', back-off-ms = 1 } }",
            1,
        ),
        rule(
            "{ http = { status = 503, headers = { Retry-After = '0' } } }",
            1,
        ),
    ] {
        let target = start(&format!("{rules}\n{TARGET}"));
        let done = restore(&target, &setup.archive, &[]);
        assert_eq!(status(&done), 0, "{rules}: {}", stderr(&done));
        setup.is_restored_to(&target);
    }
}

#[test]
fn a_killed_restore_is_resumed() {
    let setup = archived();
    let mut random = fastrand::Rng::with_seed(
        std::env::var("RESTORE_SEED").map_or(7, |seed| seed.parse().unwrap()),
    );
    let kills = std::env::var("RESTORE_KILLS").map_or(4, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let store = setup.dir.path().join(format!("store{kill}"));
        let scenario = format!("[uploads]\nstore = '{}'\n{TARGET}", store.display());
        let archive = setup.dir.path().join(format!("killed{kill}"));
        copy(&setup.archive, &archive);
        let mut target = start(&scenario);
        let is_server_killed = kill % 2 == 1;
        // The command is killed, or the server, which then starts again from its store.
        for _ in 0..3 {
            let mut child = command(&["restore", "--url", &target.url(), "--retry-for", "0"])
                .arg(&archive)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            thread::sleep(Duration::from_millis(random.u64(0..400)));
            if is_server_killed {
                drop(target);
                child.wait().unwrap();
                target = start(&scenario);
            } else {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
        let done = restore(&target, &archive, &[]);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
        let again = setup.dir.path().join(format!("again{kill}"));
        back_up(&target, &again);
        assert_eq!(contents(&again), contents(&setup.archive), "kill {kill}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// The first signal ends the run after the current request.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_restore_says_how_to_resume() {
    use std::io::Read as _;
    let setup = archived();
    let slow = "[[request]]\noperation = 'UploadItems'\ntimes = 1000\nanswer = { items = { bytes-per-second = 3000 } }\n";
    let target = start(&format!("{slow}{TARGET}"));
    let mut child = crate::common::signalled(&["restore", "--url", &target.url()])
        .arg(&setup.archive)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while target.items(ADDRESS).is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    let pid = i32::try_from(child.id()).unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    let there = target.items(ADDRESS).len();
    let expected =
        format!("interrupted: {there} of 20 items are in the mailbox; run the same command again");
    assert!(there < 20 && text.contains(&expected), "{there}: {text}");

    let done = restore(&target, &setup.archive, &[]);
    let (_, summary) = crate::common::json(&done);
    assert_eq!(summary["present"], there);
    setup.is_restored_to(&target);
}
