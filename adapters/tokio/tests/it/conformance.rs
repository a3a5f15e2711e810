//! The test kit's conformance suite.

use std::time::Duration;

use exportitems::Options;
use exportitems_std::client::{Answer, ClientError, Credentials};
use exportitems_testkit::conformance::{check, check_uploads, Credentials as Who, End};
use exportitems_tokio::{AsyncReaders, Client};

use crate::common::{runtime, Waiting};

#[test]
fn the_client_conforms() {
    let runtime = runtime();
    check(|job, sink| {
        let mut client = client(&job.url(), job.credentials);
        let (headers, mut sink) = (job.headers(), Waiting(sink));
        end(runtime.block_on(client.export(&headers, job.items, &mut sink, Options::new())))
    });
}

#[test]
fn uploads_conform() {
    let runtime = runtime();
    check_uploads(|job, sink| {
        let mut client = client(&job.url(), job.credentials);
        let (headers, mut sink) = (job.headers(), Waiting(sink));
        let mut source = AsyncReaders::new(async |index: usize| Ok(&job.data[index][..]));
        let options = Options::new();
        end(runtime.block_on(client.upload(&headers, job.items, &mut source, &mut sink, options)))
    });
}

fn client(url: &str, credentials: Who) -> Client {
    let builder = exportitems_std::Client::builder(url).read_timeout(Duration::from_secs(20));
    let builder = match credentials {
        Who::None => builder,
        Who::Basic { user, password } => {
            builder.credentials(Credentials::basic(user, password).unwrap())
        }
        Who::Bearer(token) => builder.credentials(Credentials::bearer(token).unwrap()),
    };
    Client::new(builder).unwrap()
}

fn end(result: Result<Answer, ClientError>) -> End {
    match result {
        Ok(_) | Err(ClientError::Sink(_)) => End::Answer,
        Err(ClientError::Response(_) | ClientError::Transport(_)) => End::Broken,
        Err(ClientError::Status(error)) => End::NotSoap {
            status: error.status,
            retry_after: error.retry_after.map(|wait| wait.as_secs()),
        },
        Err(error) => panic!("{error}"),
    }
}
