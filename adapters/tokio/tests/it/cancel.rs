//! Exports whose future is dropped at each `await`.

use core::future::{poll_fn, Future};
use core::pin::pin;
use core::task::Poll;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_testkit::sink::Checked;
use exportitems_tokio::Client;

use crate::common::{runtime, Waiting};

const SIZES: [u64; 3] = [700, 150_000, 3_001];

/// Polls a future at most `polls` times and drops it then.
async fn polled<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[test]
fn an_export_that_is_dropped_keeps_what_is_committed_and_nothing_else() {
    let scenario = Scenario::from_toml("tls = true").unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, emulator.ca_pem().unwrap()).unwrap();
    let ids: Vec<_> = (1..)
        .zip(SIZES)
        .map(|(seed, size)| item_id(DEFAULT_MAILBOX, seed, size))
        .collect();
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();
    let payloads: Vec<_> = (1..)
        .zip(SIZES)
        .map(|(seed, size)| payload(seed, size).unwrap())
        .collect();
    let builder = exportitems_std::Client::builder(&emulator.url()).ca_file(&ca);
    let mut client = Client::new(builder).unwrap();
    let headers = RequestHeaders::new();

    let (mut dropped, mut kept) = (0, 0);
    runtime().block_on(async {
        for polls in 0.. {
            let mut sink = Checked::default();
            let mut waiting = Waiting(&mut sink);
            let export = client.export(&headers, &items, &mut waiting, Options::new());
            let result = polled(export, polls).await;
            for (index, bytes) in &sink.committed {
                assert_eq!(*bytes, payloads[*index as usize], "after {polls} polls");
            }
            if let Some(result) = result {
                assert_eq!(result.unwrap().summary.ok, 3);
                assert_eq!(sink.committed.len(), 3);
                break;
            }
            dropped += 1;
            kept = kept.max(sink.committed.len());
            // Every few drops, the same client still exports everything.
            if polls % 8 == 0 {
                let mut sink = Checked::default();
                let mut waiting = Waiting(&mut sink);
                let export = client.export(&headers, &items, &mut waiting, Options::new());
                assert_eq!(export.await.unwrap().summary.ok, 3);
            }
        }
    });
    assert!(
        dropped > 20 && kept >= 2,
        "{dropped} drops, {kept} items kept"
    );
}
