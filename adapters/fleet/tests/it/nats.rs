//! A server of NATS, which can be killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exportitems_fleet::{async_nats, Queue, Settings};

use crate::data;

/// A running nats-server. It ends when it is dropped.
pub(crate) struct Nats {
    dir: tempfile::TempDir,
    process: Child,
    url: String,
}

impl Nats {
    /// Starts a server; `None` where nats-server is not installed.
    pub(crate) fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let Ok(process) = start(dir.path(), -1) else {
            data::skip_without("no nats-server");
            return None;
        };
        let url = url(dir.path(), process.id());
        Some(Self { dir, process, url })
    }

    /// Kills the server, and starts it again at the same port.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let port = self.url.rsplit(':').next().unwrap().parse().unwrap();
        self.process = start(self.dir.path(), port).unwrap();
        assert_eq!(url(self.dir.path(), self.process.id()), self.url);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn client(&self) -> async_nats::Client {
        async_nats::connect(&self.url).await.unwrap()
    }

    /// Opens the queue for a worker of this name.
    pub(crate) async fn queue(&self, worker: &str, settings: &Settings) -> Queue {
        let client = self.client().await;
        let settings = Settings {
            worker: worker.to_owned(),
            ..settings.clone()
        };
        Queue::open(client, settings).await.unwrap()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(dir: &Path, port: i32) -> std::io::Result<Child> {
    let dir = dir.display();
    let config = format!(
        "listen: \"127.0.0.1:{port}\"\nports_file_dir: \"{dir}\"\njetstream {{ store_dir: \"{dir}/store\", max_mem: 64MB, max_file: 1GB }}\n"
    );
    let file = format!("{dir}/nats.conf");
    std::fs::write(&file, config)?;
    Command::new("nats-server")
        .args(["-c", &file])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Reads the URL that the server has written.
fn url(dir: &Path, process: u32) -> String {
    let file = dir.join(format!("nats-server_{process}.ports"));
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let ports = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(at) = ports.find("nats://") {
            return ports[at..].split('"').next().unwrap().to_owned();
        }
        assert!(Instant::now() < end, "nats-server has not started");
        std::thread::sleep(Duration::from_millis(10));
    }
}
