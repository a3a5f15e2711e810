//! The testkit's conformance suite, blocking and async.

use core::convert::Infallible;

use embedded_io_adapters::std::FromStd;
use embedded_io_adapters::tokio_1::FromTokio;
use exportitems::{
    Decoder, ErrorKind, Event, IdMatch, Options, Outcome, ResponseItemId, Sink as _,
    UploadItemsOperation,
};
use exportitems::{Summary, MIN_SCRATCH};
use exportitems_embedded_io::{AsyncSink, Authorization, Client, Error, Server, UploadError};
use exportitems_testkit::conformance::{check, check_uploads, Credentials, End, Job, UploadJob};
use exportitems_testkit::sink::{Checked, Failed};

#[test]
fn blocking() {
    check(|job, sink| {
        let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
        let stream = std::net::TcpStream::connect(job.address).unwrap();
        let mut client = Client::new(
            FromStd::new(stream),
            server(job.credentials, &mut secret),
            &mut buffer,
        );
        end(client.export(&job.request(), &mut decoder(job), sink))
    });
}

#[test]
fn asynchronous() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    check(|job, sink| {
        let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(job.address).await.unwrap();
            let server = server(job.credentials, &mut secret);
            let mut client = Client::new(FromTokio::new(stream), server, &mut buffer);
            end(client
                .export_async(&job.request(), &mut decoder(job), &mut Waiting(sink))
                .await)
        })
    });
}

#[test]
fn blocking_uploads() {
    check_uploads(|job, sink| {
        let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
        let stream = std::net::TcpStream::connect(job.address).unwrap();
        let server = server(job.credentials, &mut secret);
        let mut client = Client::new(FromStd::new(stream), server, &mut buffer);
        let mut data = Items::new(job.data);
        end_of_upload(client.upload(&job.request(), &mut data, &mut upload_decoder(job), sink))
    });
}

#[test]
fn asynchronous_uploads() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    check_uploads(|job, sink| {
        let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(job.address).await.unwrap();
            let server = server(job.credentials, &mut secret);
            let mut client = Client::new(FromTokio::new(stream), server, &mut buffer);
            let (mut data, mut decoder) = (Items::new(job.data), upload_decoder(job));
            let (request, mut sink) = (job.request(), Waiting(sink));
            let uploaded = client.upload_async(&request, &mut data, &mut decoder, &mut sink);
            end_of_upload(uploaded.await)
        })
    });
}

/// The data of items, one item after the other, in pieces of 1 to 997 bytes.
struct Items<'d> {
    data: &'d [Vec<u8>],
    read: usize,
    piece: usize,
}

impl<'d> Items<'d> {
    fn new(data: &'d [Vec<u8>]) -> Self {
        Self {
            data,
            read: 0,
            piece: 0,
        }
    }
}

impl embedded_io::ErrorType for Items<'_> {
    type Error = Infallible;
}

impl embedded_io::Read for Items<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        let [item, later @ ..] = self.data else {
            panic!("a read after the last item");
        };
        let rest = &item[self.read..];
        assert!(out.len() <= rest.len(), "a read over the end of an item");
        self.piece = (self.piece * 31 + 1) % 997;
        let len = out.len().min(self.piece.max(1));
        out[..len].copy_from_slice(&rest[..len]);
        self.read += len;
        if len == rest.len() {
            (self.data, self.read) = (later, 0);
        }
        Ok(len)
    }
}

impl embedded_io_async::Read for Items<'_> {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Infallible> {
        tokio::task::yield_now().await;
        embedded_io::Read::read(self, out)
    }
}

fn upload_decoder(job: &UploadJob<'_>) -> Decoder<[u8; MIN_SCRATCH], UploadItemsOperation> {
    Decoder::for_operation(Options::new().items(u32::try_from(job.items.len()).unwrap()))
}

fn end_of_upload(result: Result<Summary, UploadError<std::io::Error, Infallible>>) -> End {
    end(result.map_err(|error| match error {
        UploadError::Client(error) => error,
        error => panic!("{error}"),
    }))
}

fn server(credentials: Credentials, secret: &mut [u8]) -> Server<'_> {
    let server = Server::new("localhost");
    match credentials {
        Credentials::None => server,
        Credentials::Basic { user, password } => {
            server.authorization(Authorization::basic(user, password, secret).unwrap())
        }
        Credentials::Bearer(token) => {
            server.authorization(Authorization::bearer(token, secret).unwrap())
        }
    }
}

fn decoder(job: &Job<'_>) -> Decoder<[u8; MIN_SCRATCH]> {
    Decoder::new(Options::new().items(u32::try_from(job.items.len()).unwrap()))
}

fn end(result: Result<Summary, Error<std::io::Error>>) -> End {
    match result {
        Ok(_) => End::Answer,
        Err(Error::Status(status)) => End::NotSoap {
            status: status.code,
            retry_after: status.retry_after,
        },
        Err(Error::Response(error)) if error.kind == ErrorKind::NotSoap => End::NotSoap {
            status: 200,
            retry_after: None,
        },
        Err(Error::Http(_) | Error::Transport(_) | Error::Response(_)) => End::Broken,
        Err(error) => panic!("{error}"),
    }
}

/// A sink that yields to other tasks before each call.
struct Waiting<'s>(&'s mut Checked);

impl AsyncSink for Waiting<'_> {
    type Error = Failed;

    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        tokio::task::yield_now().await;
        self.0.compare_id(index, ids)
    }

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        self.0.begin(index, ids)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        self.0.write(bytes)
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Failed> {
        tokio::task::yield_now().await;
        self.0.commit(outcome)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        tokio::task::yield_now().await;
        self.0.abort(outcome);
    }

    async fn failed(&mut self, outcome: &Outcome) {
        self.0.failed(outcome);
    }

    async fn note(&mut self, event: &Event<'_>) {
        self.0.note(event);
    }

    async fn end(&mut self, summary: &Summary) {
        self.0.end(summary);
    }
}
