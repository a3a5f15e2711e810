//! Uploads of exchangelib, a client of other authors, beside ours: the emulator and Microsoft's schema judge both alike.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems::{
    Event, FolderId, Options, Outcome, RequestHeaders, ResponseItemId, Sink, UploadItem,
};
use exportitems_emulator::payload;
use exportitems_std::list::Lister;
use exportitems_std::{Client, ResponseTexts};

use crate::common::{command, data, status, stderr};
use crate::setup::*;

/// A server that passes connections on to another one, and keeps what clients send.
struct Relay {
    url: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || relay(client, server, &kept));
            }
        });
        let url = format!("http://{address}{}", exportitems::ENDPOINT_PATH);
        Self { url, sent }
    }

    /// Returns the `UploadItems` elements that were sent since the last call, as documents of their own.
    fn uploads(&self) -> Vec<String> {
        const NAMESPACES: &str = r#" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types""#;
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        let sent = String::from_utf8(sent).unwrap();
        let elements = sent.split("<m:UploadItems>").skip(1).map(|rest| {
            let (content, _) = rest.split_once("</m:UploadItems>").unwrap();
            format!("<m:UploadItems{NAMESPACES}>{content}</m:UploadItems>")
        });
        elements.collect()
    }
}

fn relay(mut client: TcpStream, server: SocketAddr, kept: &Mutex<Vec<u8>>) {
    let mut server = TcpStream::connect(server).unwrap();
    let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        // Either side may close the connection.
        let _ = io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        kept.lock().unwrap().extend_from_slice(&buffer[..read]);
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

/// Keeps the judgement of each item: `stored`, or the code of the refusal.
#[derive(Default)]
struct Judgements {
    texts: ResponseTexts,
    items: Vec<String>,
}

impl Sink for Judgements {
    type Error = std::convert::Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> {
        self.items.push("stored".to_owned());
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        let code = self.texts.take(outcome).code();
        self.items.push(code.unwrap_or_default());
    }

    fn note(&mut self, event: &Event<'_>) {
        self.texts.note(event);
    }
}

/// Returns whether xmllint finds a document valid; `None` if it is not installed.
fn is_valid(document: &str, schema: &Path) -> Option<bool> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("request.xml");
    fs::write(&file, document).unwrap();
    let arguments = [Path::new("--noout"), Path::new("--schema"), schema, &file];
    match Command::new("xmllint").args(arguments).output() {
        Ok(output) => Some(output.status.success()),
        Err(_) => {
            data::skip_without("no xmllint");
            None
        }
    }
}

/// Fails unless the documents are valid, if the schema is there.
fn assert_valid(documents: &[String]) {
    assert!(!documents.is_empty());
    let Some(schema) = data::path("xsd/messages.patched.xsd") else {
        return;
    };
    for document in documents {
        let start = &document[..document.len().min(2_000)];
        assert_ne!(is_valid(document, &schema), Some(false), "{start}");
    }
    // xmllint notices what is wrong.
    let broken = documents[0].replace("ParentFolderId", "DistinguishedFolderId");
    assert_ne!(is_valid(&broken, &schema), Some(true));
}

#[test]
fn uploads_of_exchangelib_and_ours_are_judged_alike() {
    let has = Command::new("python3")
        .args(["-c", "import exchangelib"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        return data::skip_without("python3 has no exchangelib");
    }
    let target = start(&format!("uploads = {{ largest-item = 50000 }}\n{TARGET}"));
    let relay = Relay::start(target.address());
    let mut client = Client::builder(&relay.url).build().unwrap();
    let inbox = Lister::new(&mut client, RequestHeaders::new())
        .folder("inbox")
        .unwrap();
    let good = payload(5, 40_000).unwrap();
    let items = [
        good.clone(),
        good[..39_999].to_vec(),
        payload(6, 300).unwrap(),
        payload(7, 60_000).unwrap(),
        good,
    ];

    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/exchangelib_upload.py"
    );
    let output = Command::new("python3")
        .args([script, &relay.url, &inbox.id])
        .args(items.iter().map(|data| BASE64_STANDARD.encode(data)))
        .output()
        .unwrap();
    let ids: Vec<_> = target
        .items(ADDRESS)
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    let said = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<_> = said
        .lines()
        .map(|line| match ids.iter().any(|id| id == line) {
            true => "stored",
            false => line,
        })
        .collect();
    assert_eq!(
        theirs,
        [
            "stored",
            "ErrorCorruptData",
            "stored",
            "ErrorMessageSizeExceeded",
            "stored"
        ],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let their_request = relay.uploads();

    let uploads = items.each_ref().map(|data| {
        let folder = FolderId::new(&inbox.id);
        UploadItem::new(folder, data.len() as u64)
    });
    let mut ours = Judgements::default();
    let open = |index: usize| Ok(&items[index][..]);
    client
        .upload(
            &RequestHeaders::new(),
            &uploads,
            open,
            &mut ours,
            Options::new(),
        )
        .unwrap();
    assert_eq!(ours.items, theirs);
    let sizes: Vec<_> = (target.items(ADDRESS).iter())
        .map(|entry| entry.properties.size)
        .collect();
    assert_eq!(sizes, [40_000, 300, 40_000].repeat(2));
    assert_valid(&their_request);
    assert_valid(&relay.uploads());
}

#[test]
fn the_requests_of_a_restore_are_valid() {
    let setup = archived();
    let target = start(TARGET);
    let relay = Relay::start(target.address());
    let done = command(&["restore", "--url", &relay.url])
        .arg(&setup.archive)
        .output()
        .unwrap();
    assert_eq!(status(&done), 0, "{}", stderr(&done));
    let uploads = relay.uploads();
    assert!(uploads
        .iter()
        .any(|upload| upload.contains(r#"IsAssociated="true""#)));
    assert_valid(&uploads);
}
