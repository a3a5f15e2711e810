//! Exports of many items into an async store over several connections.

use core::future::ready;
use core::future::Future;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use exportitems::policy::Limits;
use exportitems::{ItemId, Outcome, RequestHeaders, ResponseItemId};
use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::archive::ItemState;
use exportitems_std::{Confirmation, Item, Published};
use exportitems_tokio::{AsyncSink, Client, Store, StoreSink, Tokio};
use tokio::task::yield_now;

use crate::common::runtime;

/// A store in memory, whose calls wait.
#[derive(Default)]
struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    payloads: BTreeMap<String, (usize, Vec<u8>)>,
    published: VecDeque<Published<()>>,
    /// The number of sinks that are open, and the largest number so far.
    open: [usize; 2],
}

struct MemorySink<'s> {
    store: &'s Memory,
    items: Vec<(String, usize)>,
    current: Vec<u8>,
    committed: BTreeMap<u32, Vec<u8>>,
}

impl Store<usize> for Memory {
    type Entry = ();
    type Error = Infallible;
    type Sink<'s> = MemorySink<'s>;

    fn state(&self, item: &Item<'_, usize>) -> ItemState {
        match self.0.lock().unwrap().payloads.contains_key(item.id.id) {
            true => ItemState::Done,
            false => ItemState::New,
        }
    }

    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], items: &[&'s Item<'s, usize>]) -> MemorySink<'s> {
        let mut state = self.0.lock().unwrap();
        state.open[0] += 1;
        state.open[1] = state.open[1].max(state.open[0]);
        MemorySink {
            store: self,
            items: ids
                .iter()
                .zip(items)
                .map(|(id, item)| (id.id.to_owned(), item.value))
                .collect(),
            current: Vec::new(),
            committed: BTreeMap::new(),
        }
    }

    fn published(&self) -> Result<Option<Published<()>>, Infallible> {
        Ok(self.0.lock().unwrap().published.pop_front())
    }

    fn wait_published(
        &self,
    ) -> impl Future<Output = Result<Option<Published<()>>, Infallible>> + Send {
        ready(self.published())
    }
}

impl MemorySink<'_> {
    fn publish(&self, index: u32, payload: Option<Vec<u8>>) {
        let (id, value) = &self.items[index as usize];
        let mut state = self.store.0.lock().unwrap();
        state.published.push_back(Published {
            id: id.clone(),
            is_done: payload.is_some(),
            bytes: payload.as_ref().map_or(0, |payload| payload.len() as u64),
            entry: (),
        });
        if let Some(payload) = payload {
            state.payloads.insert(id.clone(), (*value, payload));
        }
    }
}

impl Drop for MemorySink<'_> {
    fn drop(&mut self) {
        self.store.0.lock().unwrap().open[0] -= 1;
    }
}

impl AsyncSink for MemorySink<'_> {
    type Error = Infallible;

    async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        yield_now().await;
        self.current.clear();
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        yield_now().await;
        self.current.extend_from_slice(bytes);
        Ok(())
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        let payload = core::mem::take(&mut self.current);
        self.committed.insert(outcome.index, payload);
        Ok(())
    }

    async fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome).await;
    }

    async fn failed(&mut self, outcome: &Outcome) {
        // The engine confirms refused items at the end of the response.
        if outcome.error != Some(exportitems::ItemError::Refused) {
            self.publish(outcome.index, None);
        }
    }
}

impl StoreSink for MemorySink<'_> {
    async fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        yield_now().await;
        let payload = self.committed.remove(&outcome.index);
        let is_confirmed = confirmation == Confirmation::Confirmed;
        self.publish(outcome.index, payload.filter(|_| is_confirmed));
    }
}

#[test]
fn a_store_receives_every_item_over_several_connections_and_a_second_run_none() {
    let scenario = r#"
        [[request]]
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 100 } }
        [[request]]
        answer = { http = { status = 503, headers = { Retry-After = "1" } } }
    "#;
    let scenario = Scenario::from_toml(scenario).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let ids: Vec<_> = (0..60)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, 500 + seed * 1000))
        .collect();
    let items = || {
        ids.iter()
            .enumerate()
            .map(|(position, id)| Item::new(ItemId::new(id), position))
    };
    let store = Memory::default();
    let limits = Limits {
        items: 4,
        connections: 4,
        ..Limits::default()
    };
    let mut client = Client::new(exportitems_std::Client::builder(&emulator.url())).unwrap();
    let mut bytes = 0;
    let report = runtime().block_on(async {
        let exporter = client.exporter(&store, RequestHeaders::new());
        exporter
            .limits(limits)
            .run_async(Tokio, items(), &mut |progress| {
                if let exportitems_std::Progress::Bytes(more) = progress {
                    bytes += more;
                }
            })
            .await
            .unwrap()
    });
    assert_eq!((report.ok, report.missing), (60, vec![]));
    assert_eq!(bytes, report.bytes);
    let state = store.0.lock().unwrap();
    assert!(state.open[1] > 1, "requests at the same time");
    for (position, id) in ids.iter().enumerate() {
        let seed = position as u64;
        let expected = payload(seed, 500 + seed * 1000).unwrap();
        assert_eq!(state.payloads[id], (position, expected));
    }
    drop(state);

    let requests = emulator.requests().len();
    let report = runtime().block_on(async {
        let exporter = client.exporter(&store, RequestHeaders::new());
        exporter
            .run_async(Tokio, items(), &mut |_| {})
            .await
            .unwrap()
    });
    assert_eq!((report.ok, report.skipped), (0, 60));
    assert_eq!(emulator.requests().len(), requests);
}

#[test]
fn a_run_that_is_dropped_is_resumed() {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let ids: Vec<_> = (0..40)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, 20_000))
        .collect();
    let items = || ids.iter().map(|id| Item::new(ItemId::new(id), 0));
    let store = Memory::default();
    let mut client = Client::new(exportitems_std::Client::builder(&emulator.url())).unwrap();
    let mut dropped = 0;
    let ok = runtime().block_on(async {
        loop {
            let exporter = client.exporter(&store, RequestHeaders::new());
            let exporter = exporter.limits(Limits {
                items: 2,
                connections: 3,
                ..Limits::default()
            });
            let wait = Duration::from_millis(5 + dropped);
            match tokio::time::timeout(wait, exporter.run_async(Tokio, items(), &mut |_| {})).await
            {
                Ok(report) => break report.unwrap().missing.is_empty(),
                Err(_) => dropped += 1,
            }
        }
    });
    assert!(ok && dropped > 0);
    assert_eq!(store.0.lock().unwrap().payloads.len(), 40);
}
