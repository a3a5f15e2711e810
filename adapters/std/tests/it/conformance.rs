//! The testkit's conformance suite.

use std::time::Duration;

use exportitems::Options;
use exportitems_std::client::{Client, ClientError, Credentials};
use exportitems_testkit::conformance::{check, Credentials as Who, End};

#[test]
fn the_client_conforms() {
    check(|job, sink| {
        let builder = Client::builder(&job.url()).read_timeout(Duration::from_secs(20));
        let mut client = match job.credentials {
            Who::None => builder,
            Who::Basic { user, password } => {
                builder.credentials(Credentials::basic(user, password).unwrap())
            }
            Who::Bearer(token) => builder.credentials(Credentials::bearer(token).unwrap()),
        }
        .build()
        .unwrap();
        match client.export(&job.headers(), job.items, sink, Options::new()) {
            Ok(_) | Err(ClientError::Sink(_)) => End::Answer,
            Err(ClientError::Response(_) | ClientError::Transport(_)) => End::Broken,
            Err(ClientError::Status(error)) => End::NotSoap {
                status: error.status,
                retry_after: error.retry_after.map(|wait| wait.as_secs()),
            },
            Err(error) => panic!("{error}"),
        }
    });
}
