//! Exports into a store of one's own: one file with all payloads, and an index that says where each is.
//!
//! Run it: `cargo run -p exportitems-std --example own_store`
//!
//! The exporter makes batches, uses several connections, repeats what may succeed later, and asks the store what it holds
//! already, so a second run requests nothing. The folder of each item is the caller's value, which the store gets with
//! the item. The server is the emulator, in this process; it is busy at first, and refuses one item.

use std::collections::{HashMap, HashSet, VecDeque};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use exportitems::{ItemError, ItemId, Outcome, RequestHeaders, ResponseItemId, Sink};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::archive::ItemState;
use exportitems_std::{Client, Confirmation, Exporter, Item, Published, Store, StoreSink};

/// All payloads in one file.
struct Pack(Mutex<State>);

struct State {
    payloads: File,
    /// The number of bytes in `payloads`.
    len: u64,
    /// A line for each item: offset, length, folder and id, separated by tabs.
    index: File,
    held: HashSet<String>,
    /// The outcomes that the exporter has not fetched yet.
    published: VecDeque<io::Result<Published<()>>>,
}

impl Pack {
    fn open(dir: &Path) -> io::Result<Self> {
        let open = |name| {
            File::options()
                .append(true)
                .create(true)
                .open(dir.join(name))
        };
        let (payloads, index) = (open("payloads")?, open("index.tsv")?);
        let lines = fs::read_to_string(dir.join("index.tsv"))?;
        let ids = lines.lines().filter_map(|line| line.split('\t').nth(3));
        Ok(Self(Mutex::new(State {
            len: payloads.metadata()?.len(),
            payloads,
            index,
            held: ids.map(str::to_owned).collect(),
            published: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes a payload durably, and then its line. A line that is cut off by a kill has no id, so the item is new again.
    fn keep(&mut self, id: &str, folder: &str, payload: &[u8]) -> io::Result<()> {
        self.payloads.write_all(payload)?;
        self.payloads.sync_data()?;
        let (offset, length) = (self.len, payload.len());
        self.len += payload.len() as u64;
        self.index
            .write_all(format!("{offset}\t{length}\t{folder}\t{id}\t\n").as_bytes())?;
        self.index.sync_data()?;
        self.held.insert(id.to_owned());
        Ok(())
    }
}

impl<'v> Store<&'v str> for Pack {
    type Entry = ();
    type Error = io::Error;
    type Sink<'s>
        = PackSink<'s>
    where
        &'v str: 's;

    fn state(&self, item: &Item<'_, &'v str>) -> ItemState {
        match self.lock().held.contains(item.id.id) {
            true => ItemState::Done,
            false => ItemState::New,
        }
    }

    fn sink<'s>(&'s self, _: &'s [ItemId<'s>], items: &[&'s Item<'s, &'v str>]) -> PackSink<'s> {
        PackSink {
            pack: self,
            items: items.iter().map(|item| (item.id.id, item.value)).collect(),
            current: Vec::new(),
            committed: HashMap::new(),
        }
    }

    /// Each outcome is durable when it is published, so there is nothing to wait for.
    fn published(&self, _wait: bool) -> io::Result<Option<Published<()>>> {
        self.lock().published.pop_front().transpose()
    }
}

/// Receives one response. It keeps the items in memory until the end of the response confirms them.
struct PackSink<'s> {
    pack: &'s Pack,
    /// The requested ids and their folders.
    items: Vec<(&'s str, &'s str)>,
    current: Vec<u8>,
    committed: HashMap<u32, Vec<u8>>,
}

impl PackSink<'_> {
    /// Publishes the outcome of an item, with its payload if the store is to keep it.
    fn publish(&self, index: u32, payload: Option<&[u8]>) {
        // Messages that were not requested have no item.
        let Some(&(id, folder)) = self.items.get(index as usize) else {
            return;
        };
        let mut state = self.pack.lock();
        let kept = payload.map_or(Ok(()), |payload| state.keep(id, folder, payload));
        let published = kept.map(|()| Published {
            id: id.to_owned(),
            is_done: payload.is_some(),
            bytes: payload.map_or(0, |payload| payload.len() as u64),
            entry: (),
        });
        state.published.push_back(published);
    }
}

impl Sink for PackSink<'_> {
    type Error = io::Error;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), io::Error> {
        self.current.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), io::Error> {
        self.current.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), io::Error> {
        let payload = core::mem::take(&mut self.current);
        self.committed.insert(outcome.index, payload);
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        // The end of the response decides about refused items.
        if outcome.error != Some(ItemError::Refused) {
            self.publish(outcome.index, None);
        }
    }
}

impl StoreSink for PackSink<'_> {
    fn confirm(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        let payload = self.committed.remove(&outcome.index);
        let is_confirmed = confirmation == Confirmation::Confirmed;
        let payload = payload.filter(|_| is_confirmed);
        self.publish(outcome.index, payload.as_deref());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let trouble = r#"
        [[request]]
        answer = { fault = { code = "ErrorServerBusy", back-off-ms = 100 } }
        [[item]]
        index = 3
        times = 1
        answer = { error = { code = "ErrorItemCorrupt" } }"#;
    let emulator = Emulator::start(Scenario::from_toml(trouble)?, "127.0.0.1:0".parse()?)?;
    let ids: Vec<_> = (0..100)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, 1_000 + seed * 100))
        .collect();
    let folders = ["Inbox", "Sent Items"];
    let items = || {
        let listed = ids.iter().zip(folders.into_iter().cycle());
        listed.map(|(id, folder)| Item::new(ItemId::new(id), folder))
    };
    let dir = tempfile::tempdir()?;
    let mut client = Client::builder(&emulator.url()).build()?;

    for expected in [(99, 0), (1, 99)] {
        let pack = Pack::open(dir.path())?;
        let exporter = Exporter::new(&mut client, &pack, RequestHeaders::new());
        // The emulator refuses the item once, so the second run exports it.
        let report = exporter.run(items(), &mut |_| ())?;
        println!(
            "{} exported, {} held before, {} bytes",
            report.ok, report.skipped, report.bytes
        );
        assert_eq!((report.ok, report.skipped), expected);
    }
    let index = fs::read_to_string(dir.path().join("index.tsv"))?;
    let last = index.lines().last().unwrap_or_default();
    println!(
        "{} lines in the index, the last of them: {last}",
        index.lines().count()
    );
    Ok(())
}
