//! The test kit's conformance suite.

use std::time::Duration;

use exportitems::Options;
use exportitems_std::client::{ClientError, Credentials};
use exportitems_testkit::conformance::{check, Credentials as Who, End};
use exportitems_tokio::Client;

use crate::common::{runtime, Waiting};

#[test]
fn the_client_conforms() {
    let runtime = runtime();
    check(|job, sink| {
        let builder = exportitems_std::Client::builder(&job.url());
        let builder = builder.read_timeout(Duration::from_secs(20));
        let builder = match job.credentials {
            Who::None => builder,
            Who::Basic { user, password } => {
                builder.credentials(Credentials::basic(user, password).unwrap())
            }
            Who::Bearer(token) => builder.credentials(Credentials::bearer(token).unwrap()),
        };
        let mut client = Client::new(builder).unwrap();
        let (headers, mut sink) = (job.headers(), Waiting(sink));
        match runtime.block_on(client.export(&headers, job.items, &mut sink, Options::new())) {
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
