//! Exports into an asynchronous store of one's own, such as one over the network.
//!
//! Run it: `cargo run -p exportitems-tokio --example own_async_store`
//!
//! The store sends each complete item to a task, which would upload it, and waits for its reply. While the store waits,
//! nothing is received, so a slow upload slows the server down. The exporter makes batches, uses several connections,
//! repeats what may succeed later, and asks the store what it holds already, so a second run requests nothing. The server
//! is the emulator, in this process.

use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::{ready, Future};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exportitems::{ItemError, ItemId, Outcome, RequestHeaders, ResponseItemId};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::archive::ItemState;
use exportitems_std::{Confirmation, Item, Published};
use exportitems_tokio::{AsyncSink, Client, Store, StoreSink, Tokio};
use tokio::sync::{mpsc, oneshot};

/// An item for the task that stores it.
struct Upload {
    id: String,
    payload: Vec<u8>,
    stored: oneshot::Sender<()>,
}

/// The task has ended, so nothing can be stored.
#[derive(Debug)]
struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upload has ended; start it and run the export again")
    }
}

impl Error for Gone {}

struct Remote {
    uploads: mpsc::Sender<Upload>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: HashSet<String>,
    /// The outcomes that the exporter has not fetched yet.
    published: VecDeque<Result<Published<()>, Gone>>,
}

impl Remote {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores an item, and waits until it is durable.
    async fn keep(&self, id: String, payload: Vec<u8>) -> Result<(), Gone> {
        let (stored, reply) = oneshot::channel();
        let upload = Upload {
            id,
            payload,
            stored,
        };
        self.uploads.send(upload).await.map_err(|_| Gone)?;
        reply.await.map_err(|_| Gone)
    }
}

impl Store<()> for Remote {
    type Entry = ();
    type Error = Gone;
    type Sink<'s> = RemoteSink<'s>;

    fn state(&self, item: &Item<'_>) -> ItemState {
        match self.lock().held.contains(item.id.id) {
            true => ItemState::Done,
            false => ItemState::New,
        }
    }

    fn sink<'s>(&'s self, ids: &'s [ItemId<'s>], _: &[&'s Item<'s>]) -> RemoteSink<'s> {
        RemoteSink {
            store: self,
            ids,
            current: Vec::new(),
            committed: HashMap::new(),
        }
    }

    fn published(&self) -> Result<Option<Published<()>>, Gone> {
        self.lock().published.pop_front().transpose()
    }

    /// Each outcome is durable when it is published, so there is nothing to wait for.
    fn wait_published(&self) -> impl Future<Output = Result<Option<Published<()>>, Gone>> + Send {
        ready(self.published())
    }
}

/// Receives one response. It keeps the items in memory until the end of the response confirms them.
struct RemoteSink<'s> {
    store: &'s Remote,
    ids: &'s [ItemId<'s>],
    current: Vec<u8>,
    committed: HashMap<u32, Vec<u8>>,
}

impl RemoteSink<'_> {
    /// Publishes the outcome of an item, after its payload is stored if the store is to keep it.
    async fn publish(&self, index: u32, payload: Option<Vec<u8>>) {
        // Messages that were not requested have no item.
        let Some(id) = self.ids.get(index as usize) else {
            return;
        };
        let mut published = Published {
            id: id.id.to_owned(),
            is_done: false,
            bytes: 0,
            entry: (),
        };
        let mut result = Ok(());
        if let Some(payload) = payload {
            published.is_done = true;
            published.bytes = payload.len() as u64;
            result = self.store.keep(published.id.clone(), payload).await;
        }
        let mut state = self.store.lock();
        if published.is_done && result.is_ok() {
            state.held.insert(published.id.clone());
        }
        state.published.push_back(result.map(|()| published));
    }
}

impl AsyncSink for RemoteSink<'_> {
    type Error = Gone;

    async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Gone> {
        self.current.clear();
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.current.extend_from_slice(bytes);
        Ok(())
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Gone> {
        let payload = core::mem::take(&mut self.current);
        self.committed.insert(outcome.index, payload);
        Ok(())
    }

    async fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome).await;
    }

    async fn failed(&mut self, outcome: &Outcome) {
        // The end of the response decides about refused items.
        if outcome.error != Some(ItemError::Refused) {
            self.publish(outcome.index, None).await;
        }
    }
}

impl StoreSink for RemoteSink<'_> {
    async fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        let payload = self.committed.remove(&outcome.index);
        let is_confirmed = confirmation == Confirmation::Confirmed;
        self.publish(outcome.index, payload.filter(|_| is_confirmed))
            .await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
    let ids: Vec<_> = (0..100)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, 1_000 + seed * 100))
        .collect();
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();

    let (uploads, mut received) = mpsc::channel::<Upload>(1);
    let upload = tokio::spawn(async move {
        let mut objects = HashMap::new();
        while let Some(Upload {
            id,
            payload,
            stored,
        }) = received.recv().await
        {
            objects.insert(id, payload);
            // The run may have ended meanwhile.
            let _ = stored.send(());
        }
        objects
    });

    let mut client = Client::new(exportitems_std::Client::builder(&emulator.url()))?;
    let store = Remote {
        uploads,
        state: Mutex::default(),
    };
    for expected in [(100, 0), (0, 100)] {
        let report = client
            .exporter(&store, RequestHeaders::new())
            .run_async(Tokio, &items, &mut |_| ())
            .await?;
        println!(
            "{} exported, {} held before, {} bytes",
            report.ok, report.skipped, report.bytes
        );
        assert_eq!((report.ok, report.skipped), expected);
    }
    drop(store);
    println!("{} items were uploaded", upload.await?.len());
    Ok(())
}
