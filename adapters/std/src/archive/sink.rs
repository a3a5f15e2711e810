//! What a response brings, into the archive.

use exportitems::policy::{Advice, Disposition};
use exportitems::{Event, ItemId, ItemIds, Outcome, Sink, Summary, Verdict};

use super::error::ArchiveError;
use super::manifest::{Entry, Status};
use super::name::{file_by_index, hex, Key};
use super::publisher::Temporary;
use super::Archive;
use crate::texts::ResponseTexts;

/// The [`Sink`] of one response; made by [`Archive::sink`] and [`Archive::sink_by_index`].
///
/// Outcomes become durable beside it: [`Archive::wait_published`] tells when.
#[derive(Debug)]
pub struct ArchiveSink<'a> {
    archive: &'a mut Archive,
    /// `None`: nobody knows what was asked for.
    asked: Option<&'a [ItemId<'a>]>,
    item: Option<Item>,
    texts: ResponseTexts,
    /// What can be done about the next outcome, where somebody knows more than the outcome itself.
    disposition: Option<Disposition>,
    /// Committed items that are suspect if the server truncates what follows.
    doubtful: Vec<Entry>,
}

/// The item that is being written.
#[derive(Debug)]
struct Item {
    file: String,
    payload: Temporary,
    answered_id: Option<String>,
    change_key: Option<String>,
}

impl<'a> ArchiveSink<'a> {
    pub(super) fn new(archive: &'a mut Archive, asked: Option<&'a [ItemId<'a>]>) -> Self {
        Self {
            archive,
            asked,
            item: None,
            texts: ResponseTexts::default(),
            disposition: None,
            doubtful: Vec::new(),
        }
    }

    /// The archive, to ask what has become durable.
    pub fn archive(&mut self) -> &mut Archive {
        self.archive
    }

    /// The disposition of the outcome that comes next.
    pub(crate) fn judged(&mut self, disposition: Disposition) {
        self.disposition = Some(disposition);
    }

    /// Positions of the items that [`end`](Sink::end) marks if the response was truncated, in that order.
    pub(crate) fn doubtful(&self) -> Vec<u32> {
        self.doubtful.iter().map(|entry| entry.index).collect()
    }

    /// The id that was asked for at this position.
    fn id(&self, index: u32) -> Option<&'a str> {
        let index = usize::try_from(index).ok()?;
        self.asked?.get(index).map(|item| item.id)
    }

    fn file(&self, index: u32) -> String {
        self.id(index)
            .map_or_else(|| file_by_index(index), |id| Key::of(id).file())
    }

    /// The entry for an outcome; ends what was noted about the message.
    fn entry(&mut self, outcome: &Outcome) -> Entry {
        let texts = self.texts.take(outcome);
        let id = self.id(outcome.index);
        let disposition = self
            .disposition
            .take()
            .unwrap_or_else(|| Advice::of_outcome(outcome).disposition);
        Entry {
            status: Status::Failed,
            index: outcome.index,
            id: id.map(str::to_owned),
            answered_id: None,
            change_key: None,
            file: None,
            bytes: outcome.bytes,
            sha256: None,
            integrity: outcome.integrity.map(|found| found.as_str().to_owned()),
            suspect: false,
            class: outcome.class.map(|class| class.as_str().to_owned()),
            code: texts.code(),
            error: outcome.error.map(|error| error.as_str().to_owned()),
            disposition: Some(disposition.as_str().to_owned()),
            message: texts.message(),
            back_off_ms: outcome.back_off_ms,
            attempts: id
                .map_or(0, |id| self.archive.attempts(id))
                .saturating_add(1),
            time: format!("{:.3}", jiff::Timestamp::now()),
        }
    }

    /// Queues an entry without a payload.
    fn tell(&mut self, entry: Entry) {
        if let Err(error) = self.archive.submit(entry, None) {
            self.archive.deferred.get_or_insert(error);
        }
    }
}

impl Sink for ArchiveSink<'_> {
    type Error = ArchiveError;

    fn begin(&mut self, index: u32, ids: ItemIds<'_>) -> Result<(), ArchiveError> {
        let file = self.file(index);
        self.item = Some(Item {
            payload: self.archive.temporary(&file)?,
            file,
            answered_id: ids.id.value().map(str::to_owned),
            change_key: ids.change_key.value().map(str::to_owned),
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let item = self.item.as_mut().ok_or(ArchiveError::Stopped)?;
        item.payload.write(bytes)
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        let mut item = self.item.take().ok_or(ArchiveError::Stopped)?;
        let digest = item.payload.finish()?;
        let entry = Entry {
            status: Status::Ok,
            answered_id: item.answered_id,
            change_key: item.change_key,
            file: Some(item.file),
            sha256: Some(hex(&digest)),
            ..self.entry(outcome)
        };
        if outcome.integrity != Some(Verdict::Whole) {
            self.doubtful.push(entry.clone());
        }
        self.archive.submit(entry, Some(item.payload))
    }

    fn abort(&mut self, outcome: &Outcome) {
        let item = self.item.take();
        let entry = Entry {
            answered_id: item.as_ref().and_then(|item| item.answered_id.clone()),
            ..self.entry(outcome)
        };
        self.tell(entry);
    }

    fn failed(&mut self, outcome: &Outcome) {
        let entry = self.entry(outcome);
        self.tell(entry);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.texts.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        if summary.suspect > 0 {
            for entry in core::mem::take(&mut self.doubtful) {
                self.tell(Entry {
                    suspect: true,
                    ..entry
                });
            }
        }
    }
}
