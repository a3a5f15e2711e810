//! Kept connections, early responses and tasks.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{ClientError, StatusKind};
use exportitems_testkit::sink::Checked;
use exportitems_tokio::Client;

use crate::common::{runtime, Waiting};

const FAULT: &str = concat!(
    r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>"#,
    "<faultcode>s:Server</faultcode><faultstring>busy</faultstring></s:Fault></s:Body></s:Envelope>"
);

fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[test]
fn bytes_that_wait_on_a_kept_connection_are_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (accepted, connections) = mpsc::channel();
    thread::spawn(move || {
        for pushed in [response("500 No", FAULT), Vec::new()] {
            let (mut stream, _) = listener.accept().unwrap();
            accepted.send(()).unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(&response("500 No", FAULT)).unwrap();
            thread::sleep(Duration::from_millis(100));
            stream.write_all(&pushed).unwrap();
            // Keep it open until the client has decided.
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(2));
                drop(stream);
            });
        }
    });
    let mut client = Client::new(exportitems_std::Client::builder(&url)).unwrap();
    runtime().block_on(async {
        let items = [ItemId::new("AAMkAGYz+NAA=")];
        for _ in 0..2 {
            let mut sink = Checked::default();
            let headers = RequestHeaders::new();
            let answer = client
                .export(&headers, &items, &mut Waiting(&mut sink), Options::new())
                .await;
            assert!(answer.unwrap().summary.fault.is_some());
            // The runtime does not run meanwhile, so it has not seen what arrives.
            thread::sleep(Duration::from_millis(300));
        }
    });
    assert_eq!(connections.try_iter().count(), 2);
}

#[test]
fn a_response_before_the_end_of_a_large_request_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(&response("413 Too Large", "")).unwrap();
        // The rest is never read.
        thread::sleep(Duration::from_secs(5));
    });
    let mut client = Client::new(exportitems_std::Client::builder(&url)).unwrap();
    let id = "A".repeat(1000);
    let items = vec![ItemId::new(&id); 20_000];
    let mut sink = Checked::default();
    let headers = RequestHeaders::new();
    let export = async {
        let mut sink = Waiting(&mut sink);
        client
            .export(&headers, &items, &mut sink, Options::new())
            .await
    };
    match runtime().block_on(export).unwrap_err() {
        ClientError::Status(error) => assert_eq!(error.kind, StatusKind::TooLarge),
        error => panic!("{error}"),
    }
}

#[test]
fn an_export_can_be_a_task_of_a_runtime_with_threads() {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let url = emulator.url();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (1..=4)
            .map(|seed| {
                let builder = exportitems_std::Client::builder(&url);
                tokio::spawn(async move {
                    let mut client = Client::new(builder).unwrap();
                    let id = item_id(DEFAULT_MAILBOX, seed, 100_000);
                    let mut sink = Checked::default();
                    let mut waiting = Waiting(&mut sink);
                    let headers = RequestHeaders::new();
                    let items = [ItemId::new(&id)];
                    let export = client.export(&headers, &items, &mut waiting, Options::new());
                    export.await.unwrap().summary.ok
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 1);
        }
    });
}
