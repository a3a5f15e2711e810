//! Sends items, and finds out what became of them.

use std::fs::File;
use std::io::{Read as _, Take};
use std::path::PathBuf;
use std::time::Instant;

use exportitems::policy::{Advice, Policy, Retry};
use exportitems::{Event, FolderId, ItemError, Outcome, ResponseItemId, Sink, UploadItem};

use super::folders::Target;
use super::key::{key, Key};
use super::log::{Line, Version};
use super::{failed, RestoreError, RestoreProgress, Restored, Restorer, LARGEST_REQUEST_SETTING};
use crate::archive::Entry;
use crate::client::ClientError;
use crate::list::SameItem;
use crate::{error_chain, ResponseTexts};

/// Items up to this size share a request.
const SMALL: u64 = 64 * 1024;
/// The largest number of them, and of their bytes.
const MOST: usize = 20;
const MOST_BYTES: u64 = 1024 * 1024;

/// The settings of a server that limit an item.
const LARGEST_ITEM_SETTING: &str = "; raise MaxReceiveSize of the mailbox and of the organization";

/// An item that can be sent.
#[derive(Debug)]
pub(super) struct Ready {
    /// The key of its copies in the folder.
    pub(super) key: Key,
    pub(super) entry: Entry,
    pub(super) version: Version,
    pub(super) target: Target,
    pub(super) file: PathBuf,
    pub(super) same: SameItem,
    /// `Size`, as a server counts it.
    pub(super) size: u64,
    pub(super) associated: bool,
}

impl Ready {
    pub(super) fn new(entry: Entry, target: Target, file: PathBuf, same: SameItem) -> Self {
        let associated = entry.item.associated.unwrap_or(false);
        let (kind, value) = match &same {
            SameItem::SearchKey(key) => (0, &key[..]),
            SameItem::Subject(subject) => (1, subject.as_bytes()),
        };
        Self {
            key: key(&[target.id.as_bytes(), &[kind, associated.into()], value]),
            version: Version::of(&entry),
            size: entry.item.size.unwrap_or(entry.bytes),
            associated,
            entry,
            target,
            file,
            same,
        }
    }
}

/// Returns whether an item can be added to a request.
pub(super) fn fits(batch: &[Ready], item: &Ready) -> bool {
    let bytes: u64 = batch.iter().map(|item| item.entry.bytes).sum();
    let is_small = |item: &Ready| item.entry.bytes <= SMALL;
    batch.is_empty()
        || batch.len() < MOST
            && bytes + item.entry.bytes <= MOST_BYTES
            && batch.iter().all(is_small)
            && is_small(item)
}

/// What a response says about an item.
#[derive(Debug)]
enum Said {
    Stored {
        new_id: Option<String>,
    },
    /// A request later may succeed; the item is not stored.
    Later(Advice, String),
    /// The server refuses the item.
    Never(String),
    /// The item may be stored.
    Nothing,
}

/// Collects what a response says about each item.
struct Answers {
    said: Vec<Said>,
    texts: ResponseTexts,
    new_id: Option<String>,
}

impl Answers {
    fn new(items: usize) -> Self {
        Self {
            said: (0..items).map(|_| Said::Nothing).collect(),
            texts: ResponseTexts::default(),
            new_id: None,
        }
    }

    fn say(&mut self, outcome: &Outcome, said: Said) {
        let index = usize::try_from(outcome.index).unwrap_or(usize::MAX);
        if let Some(place) = self.said.get_mut(index) {
            *place = said;
        }
    }

    fn fail(&mut self, outcome: &Outcome) {
        let texts = self.texts.take(outcome);
        // Without a message of its own, an item may be stored, unless a fault refuses the whole request.
        let is_refused = outcome.error == Some(ItemError::Refused);
        let is_fault = outcome.class.is_none() && outcome.code.is_some();
        if !is_refused && !is_fault {
            return;
        }
        let code = texts.code().unwrap_or_default();
        let mut message = match texts.message() {
            Some(text) => format!("{code}: {text}"),
            None => code.clone(),
        };
        if code == "ErrorMessageSizeExceeded" {
            message.push_str(LARGEST_ITEM_SETTING);
        }
        let advice = Advice::of_outcome(outcome);
        let said = match may_pass(advice) {
            true => Said::Later(advice, message),
            false => Said::Never(message),
        };
        self.say(outcome, said);
    }
}

/// Returns whether the same request may succeed later.
fn may_pass(advice: Advice) -> bool {
    use exportitems::policy::Disposition::{Throttled, Transient};
    matches!(advice.disposition, Throttled | Transient)
}

impl Sink for Answers {
    type Error = core::convert::Infallible;

    fn begin(&mut self, _: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error> {
        self.new_id = ids.id.value().map(str::to_owned);
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
        let new_id = self.new_id.take();
        self.say(outcome, Said::Stored { new_id });
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.fail(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.fail(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.texts.note(event);
    }
}

impl Restorer<'_, '_> {
    /// Sends items in one request, and again what may succeed later.
    pub(super) fn send(&mut self, mut items: Vec<Ready>) -> Result<(), RestoreError> {
        let (mut retry, began) = (Retry::new(), Instant::now());
        while !items.is_empty() {
            let (left, advice, error) = self.attempt(items)?;
            items = left;
            if items.is_empty() {
                break;
            }
            let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let random = getrandom::u32().unwrap_or(1 << 31);
            let wait = Policy::DEFAULT.next(&mut retry, advice, elapsed, random);
            let wait = wait.map(|ms| core::time::Duration::from_millis(ms.into()));
            match wait.filter(|&wait| began.elapsed() + wait <= self.options.patience) {
                Some(wait) => {
                    let message = &error.to_string();
                    (self.report)(RestoreProgress::Wait { wait, message });
                    (self.options.sleep)(wait);
                }
                None => return self.give_up(items, error),
            }
            if self.is_interrupted() {
                break;
            }
        }
        Ok(())
    }

    /// Ends with the error of the request, or fails the items if the server answers.
    fn give_up(&mut self, items: Vec<Ready>, error: Problem) -> Result<(), RestoreError> {
        match error {
            // The server has answered since: the copies were counted.
            Problem::Request(error @ (ClientError::Transport(_) | ClientError::Response(_))) => {
                self.send_alone(items, &error)
            }
            Problem::Request(error) => Err(RestoreError::Client(error)),
            Problem::Items(message) => {
                for item in items {
                    self.fail(item, "refused", message.clone())?;
                }
                Ok(())
            }
        }
    }

    /// Sends the items of a request without a response one by one. One that fails alone is given up.
    fn send_alone(&mut self, items: Vec<Ready>, error: &ClientError) -> Result<(), RestoreError> {
        let is_one = items.len() == 1;
        for item in items {
            if is_one {
                let message = format!(
                    "{}; if a server or proxy ends the connection because the request is too large, raise {LARGEST_REQUEST_SETTING}",
                    error_chain(error)
                );
                self.fail(item, "no-response", message)?;
            } else {
                self.send(vec![item])?;
            }
        }
        Ok(())
    }

    /// Sends items once. Returns those that may succeed later, with the reason.
    fn attempt(
        &mut self,
        items: Vec<Ready>,
    ) -> Result<(Vec<Ready>, Advice, Problem), RestoreError> {
        let intents = self.intents(&items)?;
        let mut answers = Answers::new(items.len());
        let result = {
            let uploads: Vec<_> = items.iter().map(upload).collect();
            let open = |index: usize| -> std::io::Result<Take<File>> {
                let item: &Ready = &items[index];
                Ok(File::open(&item.file)?.take(item.entry.bytes))
            };
            self.lister.upload(&uploads, open, &mut answers)
        };
        let mut problem = Problem::Items(String::new());
        let mut advice = Advice::CUT;
        match result {
            Ok(answer) => (self.report)(RestoreProgress::Answer(&answer)),
            Err(ClientError::Status(error)) if matches!(error.status, 413 | 507) => {
                return self.too_large(items, error.status);
            }
            Err(ClientError::Source { index, source }) => {
                return self.unreadable(items, index, &source);
            }
            // Nothing was stored.
            Err(ClientError::Status(error)) => {
                let location = error.location.as_deref();
                advice = Advice::of_http(error.policy_status(), error.policy_seconds(), location);
                let error = ClientError::Status(error);
                if !may_pass(advice) {
                    return Err(RestoreError::Client(error));
                }
                return Ok((items, advice, Problem::Request(error)));
            }
            Err(error @ (ClientError::Transport(_) | ClientError::Response(_))) => {
                problem = Problem::Request(error);
            }
            Err(error) => return Err(RestoreError::Client(error)),
        }
        let (mut left, mut uncertain) = (Vec::new(), Vec::new());
        for ((item, found), said) in items.into_iter().zip(intents).zip(answers.said) {
            match said {
                Said::Stored { new_id } => {
                    self.copies(&item)?.total += 1;
                    self.stored(item, new_id)?;
                }
                Said::Never(message) => self.fail(item, "refused", message)?,
                Said::Later(asked, message) => {
                    advice = asked;
                    if matches!(problem, Problem::Items(_)) {
                        problem = Problem::Items(message);
                    }
                    left.push(item);
                }
                Said::Nothing => uncertain.push((item, found)),
            }
        }
        // Last, because the sizes are then those of the server, which has the other items.
        for (item, found) in uncertain {
            let total = self.sizes(&item)?.len() as u64;
            self.copies(&item)?.total = total;
            match total > found {
                true => self.stored(item, None)?,
                false => left.push(item),
            }
        }
        Ok((left, advice, problem))
    }

    /// Makes the intents durable, and returns how many items with the same search key each folder has before.
    fn intents(&mut self, items: &[Ready]) -> Result<Vec<u64>, RestoreError> {
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let before = items[..index].iter().filter(|other| other.key == item.key);
            let before = before.count() as u64;
            found.push(self.copies(item)?.total + before);
        }
        let lines = items.iter().zip(&found).map(|(item, &found)| Line::Sent {
            version: item.version.clone(),
            found,
        });
        self.add(&lines.collect::<Vec<_>>())?;
        Ok(found)
    }

    pub(super) fn record_stored(
        &mut self,
        item: &Ready,
        new_id: Option<String>,
    ) -> Result<(), RestoreError> {
        let version = item.version.clone();
        self.add(&[Line::Stored { version, new_id }])
    }

    fn stored(&mut self, item: Ready, new_id: Option<String>) -> Result<(), RestoreError> {
        self.record_stored(&item, new_id.clone())?;
        let restored = Restored::Stored { new_id };
        self.outcome(item.entry, Some(item.target.path), restored);
        Ok(())
    }

    fn fail(
        &mut self,
        item: Ready,
        error: &'static str,
        message: String,
    ) -> Result<(), RestoreError> {
        let version = item.version;
        self.add(&[Line::NotStored { version }])?;
        self.outcome(item.entry, Some(item.target.path), failed(error, message));
        Ok(())
    }

    /// The server refuses the size of the request. Several items are sent one by one.
    fn too_large(
        &mut self,
        items: Vec<Ready>,
        status: u16,
    ) -> Result<(Vec<Ready>, Advice, Problem), RestoreError> {
        let is_one = items.len() == 1;
        for item in items {
            if is_one {
                let message = format!(
                    "the server refuses a request of this size ({status}); raise {LARGEST_REQUEST_SETTING}"
                );
                self.fail(item, "too-large", message)?;
            } else {
                self.send(vec![item])?;
            }
        }
        Ok((Vec::new(), Advice::CUT, Problem::Items(String::new())))
    }

    /// The file of an item cannot be read. The others are sent again.
    fn unreadable(
        &mut self,
        mut items: Vec<Ready>,
        index: usize,
        error: &std::io::Error,
    ) -> Result<(Vec<Ready>, Advice, Problem), RestoreError> {
        let item = items.remove(index.min(items.len().saturating_sub(1)));
        let message = format!("the file cannot be read: {}", error_chain(error));
        self.fail(item, "file", message)?;
        self.send(items)?;
        Ok((Vec::new(), Advice::CUT, Problem::Items(String::new())))
    }
}

impl core::fmt::Display for Problem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Request(error) => f.write_str(&error_chain(error)),
            Self::Items(message) => f.write_str(message),
        }
    }
}

/// Why items are left.
#[derive(Debug)]
enum Problem {
    /// There was no complete response.
    Request(ClientError),
    /// The server refuses them for now.
    Items(String),
}

fn upload(item: &Ready) -> UploadItem<'_> {
    UploadItem {
        is_associated: item.associated,
        ..UploadItem::new(FolderId::new(&item.target.id), item.entry.bytes)
    }
}
