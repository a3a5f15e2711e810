//! The testkit's conformance suite.

use std::time::Duration;

use exportitems::Options;
use exportitems_std::client::{Answer, Client, ClientError, Credentials};
use exportitems_testkit::conformance::{check, check_uploads, Credentials as Who, End};

#[test]
fn the_client_conforms() {
    check(|job, sink| {
        let mut client = client(&job.url(), job.credentials);
        end(client.export(&job.headers(), job.items, sink, Options::new()))
    });
}

#[test]
fn uploads_conform() {
    check_uploads(|job, sink| {
        let mut client = client(&job.url(), job.credentials);
        let open = |index: usize| Ok(&job.data[index][..]);
        end(client.upload(&job.headers(), job.items, open, sink, Options::new()))
    });
}

fn client(url: &str, credentials: Who) -> Client {
    let builder = Client::builder(url).read_timeout(Duration::from_secs(20));
    match credentials {
        Who::None => builder,
        Who::Basic { user, password } => {
            builder.credentials(Credentials::basic(user, password).unwrap())
        }
        Who::Bearer(token) => builder.credentials(Credentials::bearer(token).unwrap()),
    }
    .build()
    .unwrap()
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
