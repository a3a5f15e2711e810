//! A fleet with a real queue, and the commands of docs/scale.md as they are written there.
#![cfg(all(unix, feature = "fleet"))]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{command, have, status, stderr, stdout};
use exportitems_emulator::{Emulator, Scenario};
use serde_json::Value;

const SCALE: &str = include_str!("../../../docs/scale.md");
const MAILBOXES: [&str; 4] = ["a@x.test", "b@x.test", "c@x.test", "d@x.test"];

/// A folder with a configuration file and a list of mailboxes, and a server that has them.
struct Setup {
    emulator: Emulator,
    dir: tempfile::TempDir,
}

impl Setup {
    fn new(scenario: &str) -> Self {
        let mut text = scenario.to_owned();
        for mailbox in MAILBOXES {
            text += "[[mailboxes]]\n";
            text += &["address = \"", mailbox, "\"\n"].concat();
            text += "[[mailboxes.folder]]\npath = \"Inbox\"\nitems = 5\nsizes = [600]\n";
        }
        let scenario = Scenario::from_toml(&text).expect("a scenario");
        let this = Self {
            emulator: Emulator::start(scenario, ([127, 0, 0, 1], 0).into()).expect("a server"),
            dir: tempfile::tempdir().expect("a directory"),
        };
        this.write("mailboxes.txt", &(MAILBOXES.join("\n") + "\n"));
        this.write("password", "secret\n");
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes the configuration file of the page, with the server and the queue of this test.
    fn configure(&self, port: u16) {
        let config = block("toml", "From nothing to a finished run");
        let config = config
            .replace(
                "https://mail.example.com/EWS/Exchange.asmx",
                &self.emulator.url(),
            )
            .replace(":4222", &format!(":{port}"));
        self.write("config.toml", &config);
    }

    /// Runs a script in the folder, with the command in its path.
    fn bash(&self, script: &str, variables: &[(&str, &str)]) -> std::process::Output {
        let program = Path::new(env!("CARGO_BIN_EXE_exportitems"));
        let path = format!(
            "{}:{}",
            program.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let script = format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n{script}");
        Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.dir.path())
            .env("PATH", path)
            .env_remove("XDG_CONFIG_HOME")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("bash starts")
    }

    fn check_archives(&self) {
        for mailbox in MAILBOXES {
            let archive = self.path("archives").join(mailbox);
            let verified = command(&["verify"]).arg(&archive).output().unwrap();
            assert_eq!(status(&verified), 0, "{mailbox}: {}", stdout(&verified));
            let shown = command(&["status", "--json"])
                .arg(&archive)
                .output()
                .unwrap();
            let shown: Value = serde_json::from_str(&stdout(&shown)).unwrap();
            assert_eq!(shown["done"], 5, "{mailbox}");
        }
    }

    fn fleet(&self, name: &str) -> Command {
        let mut command = command(&["fleet", name, "--config"]);
        command.arg(self.path("config.toml"));
        command
    }

    fn submit(&self) {
        let mut submit = self.fleet("submit");
        submit.args(["--server", "main", "--mailboxes"]);
        let done = submit.arg(self.path("mailboxes.txt")).output().unwrap();
        assert_eq!(status(&done), 0, "{}", stderr(&done));
    }

    fn work(&self, args: &[&str]) -> Command {
        let mut work = self.fleet("work");
        work.arg("--out").arg(self.path("archives")).args(args);
        work.stdin(Stdio::null());
        work
    }

    fn status(&self) -> Value {
        let shown = self.fleet("status").arg("--json").output().unwrap();
        serde_json::from_str(&stdout(&shown)).unwrap_or_else(|_| panic!("{}", stderr(&shown)))
    }
}

/// Returns the first block of this language below a heading of docs/scale.md.
fn block(language: &str, heading: &str) -> String {
    let (_, below) = SCALE.split_once(&format!("# {heading}\n")).expect(heading);
    let (_, block) = below
        .split_once(&format!("```{language}\n"))
        .expect(language);
    block.split("```").next().unwrap().to_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A nats-server in the folder of a test.
struct Nats(#[allow(dead_code)] Process);

impl Nats {
    fn start(setup: &Setup) -> Option<Self> {
        if !have("nats-server") {
            return None;
        }
        let port = free_port();
        setup.configure(port);
        let mut nats = Command::new("nats-server");
        nats.args([
            "--jetstream",
            "--addr",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ])
        .arg("--store_dir")
        .arg(setup.path("queue"))
        .stderr(Stdio::null());
        Some(Self(Process(nats.spawn().unwrap())))
    }
}

#[test]
fn a_newcomer_finishes_a_run_with_three_commands() {
    let setup = Setup::new("");
    if !have("nats-server") {
        return;
    }
    let port = free_port();
    setup.configure(port);
    let script = block("sh", "From nothing to a finished run");
    assert_eq!(script.lines().count(), 3);
    // Other tests may use the usual port.
    let script = script.replace("--addr", &format!("--port {port} --addr"));
    let done = setup.bash(&script, &[]);
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    assert!(
        stdout(&done).contains("4 mailboxes submitted"),
        "{}",
        stdout(&done)
    );
    setup.check_archives();
}

#[test]
fn backups_need_no_queue() {
    let setup = Setup::new("");
    setup.configure(4222);
    // `backup` does not have the options of the queue, and ignores them.
    if have("parallel") {
        let done = setup.bash(&block("sh", "GNU parallel"), &[]);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
        setup.check_archives();
    }
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let deploy = deploy.canonicalize().unwrap();
    std::fs::remove_dir_all(setup.path("archives")).ok();
    for task in 0..MAILBOXES.len() {
        let task = task.to_string();
        let variables = [
            ("SLURM_ARRAY_TASK_ID", &*task),
            ("EXPORTITEMS_DEPLOY", deploy.to_str().unwrap()),
        ];
        let script = format!("{}/slurm-array.sbatch", deploy.display());
        let done = setup.bash(&script, &variables);
        assert_eq!(status(&done), 0, "{}", stderr(&done));
    }
    setup.check_archives();
    // The command line of the pod, with the paths of this test.
    std::fs::remove_dir_all(setup.path("archives")).unwrap();
    let job = std::fs::read_to_string(deploy.join("kubernetes-indexed-job.yaml")).unwrap();
    let (_, args) = job.split_once("          args:\n").expect("the arguments");
    let args: Vec<&str> = args
        .lines()
        .map_while(|line| line.strip_prefix("            - "))
        .collect();
    assert_eq!(args.len(), 6);
    let line = args.join(" ");
    let line = line
        .replace("/lists/", "")
        .replace("/secrets/", "")
        .replace("/archives", "archives");
    for task in 0..MAILBOXES.len() {
        let line = line.replace("$(JOB_COMPLETION_INDEX)", &task.to_string());
        let done = setup.bash(
            &format!("/bin/sh {}/backup-nth {line}", deploy.display()),
            &[],
        );
        assert_eq!(status(&done), 0, "{}", stderr(&done));
    }
    setup.check_archives();
    let beyond = setup.bash(
        &format!("{}/backup-nth mailboxes.txt 4 archives", deploy.display()),
        &[],
    );
    assert_eq!(status(&beyond), 2);
}

#[test]
fn a_refused_login_parks_the_server_until_it_is_resumed() {
    let setup =
        Setup::new("auth = { basic = { user = 'CONTOSO\\backup', password = \"secret\" } }\n");
    let Some(_nats) = Nats::start(&setup) else {
        return;
    };
    let config = std::fs::read_to_string(setup.path("config.toml")).unwrap();
    let config = config + "auth = \"basic\"\nallow-plaintext-credentials = true\n";
    setup.write("config.toml", &config);
    setup.write("password", "hunter2\n");
    setup.submit();
    let parked = setup
        .work(&["--until-empty", "--metrics", "off"])
        .output()
        .unwrap();
    assert_eq!(status(&parked), 3, "{}", stderr(&parked));
    assert!(
        stderr(&parked).contains("fleet resume"),
        "{}",
        stderr(&parked)
    );
    assert!(!stderr(&parked).contains("hunter2"), "{}", stderr(&parked));
    let jobs = setup.status();
    assert_eq!(
        (&jobs["waiting"], &jobs["done"]),
        (&4.into(), &0.into()),
        "{jobs}"
    );
    assert!(jobs["servers"]["main"]["parked"].is_string(), "{jobs}");
    setup.write("password", "secret\n");
    let resumed = setup
        .fleet("resume")
        .args(["--server", "main"])
        .output()
        .unwrap();
    assert_eq!(stdout(&resumed), "the jobs of main are released\n");
    let done = setup
        .work(&["--until-empty", "--metrics", "off"])
        .output()
        .unwrap();
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    setup.check_archives();
}

#[test]
fn a_busy_mailbox_is_handed_back_and_serves_metrics_meanwhile() {
    // The first requests of the first mailbox are refused for longer than a worker waits.
    let busy = "[[request]]\ntimes = 2\nanswer = { fault = { code = \"ErrorServerBusy\", back-off-ms = 10500 } }\n";
    let setup = Setup::new(busy);
    let Some(_nats) = Nats::start(&setup) else {
        return;
    };
    setup.submit();
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let work = ["--longest-wait", "1", "--metrics", &address];
    let mut worker = Process(setup.work(&work).stderr(Stdio::null()).spawn().unwrap());
    let end = Instant::now() + Duration::from_mins(2);
    loop {
        let jobs = setup.status();
        if jobs["done"] == 4 {
            assert_eq!(jobs["items"], 20);
            break;
        }
        assert!(Instant::now() < end, "{jobs}");
    }
    let mut metrics = String::new();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    stream.read_to_string(&mut metrics).unwrap();
    assert!(
        metrics.contains("exportitems_jobs_done_total 4"),
        "{metrics}"
    );
    assert!(
        metrics.contains("exportitems_jobs_handed_back_total "),
        "{metrics}"
    );
    // SIGTERM drains it.
    let id = worker.0.id().to_string();
    assert!(Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap()
        .success());
    assert_eq!(worker.0.wait().unwrap().code(), Some(0));
    setup.check_archives();
}

#[test]
fn the_usage_is_checked_before_a_job_is_taken() {
    let setup = Setup::new("");
    setup.write("config.toml", "nats = \"nats://127.0.0.1:1\"\n");
    for (args, says) in [
        (
            &["work", "--out", "x"][..],
            "write the options of each as [servers.NAME]",
        ),
        (&["status", "--nats", "nats://pat:secret@h"], "--nats-user"),
        (&["status", "--queue", "a.b"], "letters, digits"),
    ] {
        let mut command = setup.fleet(args[0]);
        let done = command.args(&args[1..]).output().unwrap();
        assert_eq!(status(&done), 2, "{args:?}: {}", stderr(&done));
        assert!(stderr(&done).contains(says), "{args:?}: {}", stderr(&done));
    }
    let unreachable = setup.fleet("status").output().unwrap();
    assert_eq!(status(&unreachable), 3);
    assert!(stderr(&unreachable).contains("nats-server --jetstream"));
}
