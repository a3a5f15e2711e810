//! The testkit's conformance suite, blocking and async.

use embedded_io_adapters::std::FromStd;
use embedded_io_adapters::tokio_1::FromTokio;
use exportitems::{
    Decoder, ErrorKind, Event, IdMatch, Options, Outcome, ResponseItemId, Sink as _,
};
use exportitems::{Summary, MIN_SCRATCH};
use exportitems_embedded_io::{AsyncSink, Authorization, Client, Error, Server};
use exportitems_testkit::conformance::{check, Credentials, End, Job};
use exportitems_testkit::sink::{Checked, Failed};

#[test]
fn blocking() {
    check(|job, sink| {
        let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
        let stream = std::net::TcpStream::connect(job.address).unwrap();
        let mut client = Client::new(FromStd::new(stream), server(job, &mut secret), &mut buffer);
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
            let server = server(job, &mut secret);
            let mut client = Client::new(FromTokio::new(stream), server, &mut buffer);
            end(client
                .export_async(&job.request(), &mut decoder(job), &mut Waiting(sink))
                .await)
        })
    });
}

fn server<'s>(job: &Job<'_>, secret: &'s mut [u8]) -> Server<'s> {
    let server = Server::new("localhost");
    match job.credentials {
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
