//! A server, and exports from it.

use std::path::{Path, PathBuf};
use std::process::Output;

use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
use serde_json::Value;

use super::{command, files};

/// A server, a list of the ids of its items, and a directory to export into.
pub(crate) struct Setup {
    pub(crate) emulator: Emulator,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sizes: Vec<u64>,
}

impl Setup {
    pub(crate) fn new(scenario: &str, sizes: &[u64]) -> Self {
        let scenario = Scenario::from_toml(scenario).expect("a scenario");
        let emulator = Emulator::start(scenario, ([127, 0, 0, 1], 0).into()).expect("a server");
        let this = Self {
            emulator,
            dir: tempfile::tempdir().expect("a directory"),
            sizes: sizes.to_vec(),
        };
        let ids: String = (0..sizes.len()).map(|at| this.id(at) + "\n").collect();
        std::fs::write(this.path("ids"), ids).unwrap();
        if let Some(pem) = this.emulator.ca_pem() {
            std::fs::write(this.path("ca.pem"), pem).unwrap();
        }
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn id(&self, position: usize) -> String {
        item_id(DEFAULT_MAILBOX, position as u64, self.sizes[position])
    }

    /// The command `export` with the options that every test needs, followed by `args`.
    pub(crate) fn export(&self, args: &[&str]) -> Output {
        self.export_from(&self.emulator.url(), args)
    }

    /// It does not wait between attempts, unless `args` sets a time.
    pub(crate) fn export_from(&self, url: &str, args: &[&str]) -> Output {
        let (ids, out) = (self.path("ids"), self.path("out"));
        let waits = args.contains(&"--retry-for");
        let wait = if waits {
            &[][..]
        } else {
            &["--retry-for", "0"]
        };
        command(&["export", "--url", url])
            .args(wait)
            .args([Path::new("--ids"), &ids, Path::new("--out"), &out])
            .args(args)
            .output()
            .expect("the command starts")
    }

    /// Returns the positions of the exported items, according to the manifest.
    ///
    /// Fails unless exactly these files exist, and each equals the server's item.
    pub(crate) fn exported(&self) -> Vec<usize> {
        let manifest = std::fs::read_to_string(self.path("out/manifest.jsonl")).unwrap();
        let mut done = Vec::new();
        let mut expected = vec![PathBuf::from("manifest.jsonl")];
        for line in manifest.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            if entry["status"] != "ok" {
                continue;
            }
            let position = (0..self.sizes.len())
                .find(|&position| entry["id"] == self.id(position))
                .expect("an id that was asked for");
            let file = PathBuf::from(entry["file"].as_str().unwrap());
            let bytes = std::fs::read(self.path("out").join(&file)).unwrap();
            let same = bytes == payload(position as u64, self.sizes[position]).unwrap();
            assert!(same, "item {position} is not what the server has");
            done.push(position);
            expected.push(file);
        }
        expected.sort();
        let mut found = files(&self.path("out"));
        // A run that ends by itself writes it.
        found.retain(|file| file != Path::new("report.html"));
        assert_eq!(found, expected, "a file too many or too few");
        done.sort_unstable();
        done
    }
}

/// A server that answers request `n` with the bytes of `answer(n, body)`, and closes the connection.
pub(crate) struct Scripted {
    pub(crate) url: String,
}

impl Scripted {
    pub(crate) fn new(answer: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> Self {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!(
            "http://{}/EWS/Exchange.asmx",
            listener.local_addr().unwrap()
        );
        std::thread::spawn(move || {
            for (n, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
                let body = loop {
                    let len = stream.read(&mut bytes).unwrap_or(0);
                    request.extend_from_slice(&bytes[..len]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        assert_ne!(len, 0, "a request that ends");
                        continue;
                    };
                    let head = head.to_ascii_lowercase();
                    let length = head.split("content-length: ").nth(1).expect("a length");
                    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                    if body.len() >= length {
                        break body.to_owned();
                    }
                };
                let _ = stream.write_all(&answer(n, &body));
            }
        });
        Self { url }
    }
}

/// Returns an HTTP response with this body.
pub(crate) fn http(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
