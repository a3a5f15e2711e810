//! Access tokens from an asynchronous source.

use core::time::Duration;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{AccessToken, BuildError, Credentials};
use exportitems_testkit::sink::Checked;
use exportitems_tokio::Client;
use tokio::task::yield_now;

use crate::common::{runtime, Waiting};

/// Clients that share a token renew it once: one that has expired, and one that the server refuses.
#[test]
fn clients_do_not_renew_a_token_at_the_same_time() {
    for (first, seconds) in [("right", 0), ("wrong", 3600)] {
        let scenario = Scenario::from_toml("auth = { bearer = { token = 'right' } }").unwrap();
        let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
        let calls = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&calls);
        let source = move || {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                for _ in 0..10 {
                    yield_now().await;
                }
                let (text, seconds) = if call == 0 {
                    (first, seconds)
                } else {
                    ("right", 3600)
                };
                Ok(AccessToken::new(text)?.expires_in(Duration::from_secs(seconds)))
            }
        };
        let exported = runtime().block_on(async {
            let credentials = Credentials::bearer_source(source).await.unwrap();
            let builder =
                exportitems_std::Client::builder(&emulator.url()).credentials(credentials);
            let tasks: Vec<_> = (0..6)
                .map(|_| {
                    let builder = builder.clone();
                    tokio::spawn(async move {
                        let mut client = Client::new(builder).unwrap();
                        let id = item_id(DEFAULT_MAILBOX, 1, 1_000);
                        let (items, headers) = ([ItemId::new(&id)], RequestHeaders::new());
                        let mut sink = Checked::default();
                        let mut sink = Waiting(&mut sink);
                        let answer = client
                            .export(&headers, &items, &mut sink, Options::new())
                            .await;
                        answer.unwrap().summary.ok
                    })
                })
                .collect();
            let mut exported = 0;
            for task in tasks {
                exported += task.await.unwrap();
            }
            exported
        });
        assert_eq!(exported, 6);
        assert_eq!(calls.load(Ordering::Relaxed), 2, "{first}");
    }
}

#[test]
fn a_source_that_fails_gives_no_credentials() {
    let source = || async { Err("the vault is sealed".into()) };
    let error = runtime().block_on(Credentials::bearer_source(source));
    assert!(matches!(error, Err(BuildError::TokenSource(_))));
}
