//! Prints how fast a response arrives over tokio: our client beside hyper, in one run.
//!
//! A thread sends the same response over loopback, in chunks of HTTP. Each row compares two ways to take it from the
//! socket: the body alone, and the body decoded into a sink that discards the payload. A ratio is hyper's time divided by
//! ours.

#![allow(clippy::cast_precision_loss)] // a rate has three digits

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use exportitems::{ItemId, Options, Outcome, RequestHeaders, ResponseItemId};
use exportitems_benches::clock::{interleaved, Times};
use exportitems_benches::corpus::Corpus;
use exportitems_http1::{BodyDecoder, HeadDecoder, HeadEvent};
use exportitems_tokio::{decode_stream, AsyncSink, Client};
use futures_core::Stream;
use http_body_util::{BodyDataStream, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

const ROUNDS: usize = 11;
const PAYLOAD: usize = 96 << 20;
/// The bytes of one read, those of our client.
const READ: usize = 64 * 1024;

fn main() {
    // `cargo test --benches` asks for a run that only shows that it works.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, payload) = if is_bench {
        (ROUNDS, PAYLOAD)
    } else {
        (1, 1 << 20)
    };
    let corpus = Corpus::items(1, payload, None);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    println!("| chunks | work | ours | hyper | ratio, min | ratio, median |");
    println!("|---|---|---:|---:|---:|---:|");
    for chunk in [4 * 1024, 64 * 1024] {
        let server = serve(&corpus.xml, chunk);
        let [ours_bare, hyper_bare, ours_whole, hyper_whole] = interleaved(
            rounds,
            [
                &mut || runtime.block_on(ours_received(server)),
                &mut || runtime.block_on(hyper_received(server)),
                &mut || runtime.block_on(ours_decoded(server)),
                &mut || runtime.block_on(hyper_decoded(server)),
            ],
        );
        let rate = |times: Times| corpus.xml.len() as f64 / times.min / f64::from(1 << 30);
        for (work, ours, hyper) in [
            ("received", ours_bare, hyper_bare),
            ("decoded", ours_whole, hyper_whole),
        ] {
            println!(
                "| {} KiB | {work} | {:.2} GiB/s | {:.2} GiB/s | {:.2} | {:.2} |",
                chunk / 1024,
                rate(ours),
                rate(hyper),
                hyper.min / ours.min,
                hyper.median / ours.median
            );
        }
    }
}

/// Sends the body in chunks of this size to each connection, after it has sent something.
fn serve(body: &[u8], chunk: usize) -> SocketAddr {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut response = head.to_vec();
    for piece in body.chunks(chunk) {
        response.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        response.extend_from_slice(piece);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\n\r\n");
    let response = Arc::new(response);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let response = Arc::clone(&response);
            thread::spawn(move || {
                let mut request = [0; 8192];
                while stream.read(&mut request).is_ok_and(|len| len > 0) {
                    if stream.write_all(&response).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

async fn ours_decoded(server: SocketAddr) -> u64 {
    let url = format!("http://{server}/");
    let mut client = Client::new(exportitems_std::Client::builder(&url)).unwrap();
    let (items, headers) = ([ItemId::new("AAMkAGYz+NAA=")], RequestHeaders::new());
    let mut sink = Count(0);
    client
        .export(&headers, &items, &mut sink, Options::new())
        .await
        .unwrap();
    sink.0
}

async fn hyper_decoded(server: SocketAddr) -> u64 {
    let body = Data(BodyDataStream::new(hyper_body(server).await));
    let mut sink = Count(0);
    decode_stream(body, Options::new().items(1), &mut sink)
        .await
        .unwrap();
    sink.0
}

async fn ours_received(server: SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let (mut line, mut buffer) = ([0; 1024], vec![0; READ]);
    let (mut head, mut body, mut received) = (HeadDecoder::new(&mut line), None, 0);
    loop {
        let len = stream.read(&mut buffer).await.unwrap();
        let mut input = &buffer[..len];
        while body.is_none() {
            match head.next(&mut input).unwrap() {
                Some(HeadEvent::Head(head)) => body = Some(BodyDecoder::new(&head)),
                Some(_) => {}
                None => break,
            }
        }
        let Some(body) = &mut body else { continue };
        while let Some(data) = body.next(&mut input).unwrap() {
            received += data.len() as u64;
        }
        if body.is_complete() {
            return received;
        }
    }
}

async fn hyper_received(server: SocketAddr) -> u64 {
    let mut body = Data(BodyDataStream::new(hyper_body(server).await));
    let mut received = 0;
    while let Some(data) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await
    {
        received += data.unwrap().len() as u64;
    }
    received
}

async fn hyper_body(server: SocketAddr) -> Incoming {
    let stream = TcpStream::connect(server).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::new(Empty::<Bytes>::new());
    sender.send_request(request).await.unwrap().into_body()
}

/// The data of hyper's body.
struct Data(BodyDataStream<Incoming>);

impl Stream for Data {
    type Item = Result<Bytes, hyper::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

/// Counts the bytes of payloads.
struct Count(u64);

impl AsyncSink for Count {
    type Error = Infallible;

    async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    async fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
        Ok(())
    }

    async fn abort(&mut self, _: &Outcome) {}

    async fn failed(&mut self, _: &Outcome) {}
}
