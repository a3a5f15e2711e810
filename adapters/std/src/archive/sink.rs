//! The sink that writes a response into the archive.

use core::mem;

use exportitems::policy::{Advice, Disposition};
use exportitems::{
    Event, IdMatch, ItemError, ItemId, Outcome, ResponseItemId, Sink, Summary, Verdict,
};
use exportitems_engine::{Confirmation, Ids};

use super::commit::Job;
use super::entry::{Entry, Status};
use super::error::ArchiveError;
use super::info::ItemInfo;
use super::name::{file_by_index, hex, Key};
use super::record::now;
use super::temporary::Temporary;
use super::Archive;
use crate::texts::ResponseTexts;

/// The [`Sink`] for one response, made by [`Archive::sink`] or [`Archive::sink_by_index`].
///
/// Outcomes become durable in another thread, and [`Archive::wait_published`] returns them.
///
/// Drive it by [`Decoder::feed`](exportitems::Decoder::feed) until [`end`](Sink::end). Before that, items that only
/// the end of the response can confirm are suspect in the manifest, and refused items have no line. If `end` is never
/// called, they stay so.
#[derive(Debug)]
pub struct ArchiveSink<'a> {
    archive: &'a Archive,
    /// The requested items, or `None` if the request is unknown.
    requested: Option<&'a [ItemId<'a>]>,
    /// The properties of the requested items, by position.
    infos: Vec<ItemInfo>,
    /// The listed `ChangeKey`s of the requested items, if they are not in the request.
    listed: Vec<Option<String>>,
    /// The ids of the request, once one is answered. An exporter compares them itself.
    ids: Option<Ids>,
    item: Option<Item>,
    texts: ResponseTexts,
    /// The disposition of the next outcome, if the caller knows more than the outcome says.
    disposition: Option<Disposition>,
    /// The message for items without an answer, if the response has none.
    explanation: Option<String>,
    /// The committed items of this response.
    committed: Vec<Committed>,
    /// The item that was committed last, until the next event of the response.
    latest: Option<Committed>,
    /// The refused items of this response. A refusal has no id, so only the end of the response shows to which item it
    /// belongs.
    refused: Vec<(Outcome, Entry)>,
    unrequested: u64,
}

/// The item that is being written.
#[derive(Debug)]
struct Item {
    index: u32,
    payload: Payload,
    written: u64,
    answered_id: Option<String>,
    change_key: Option<String>,
}

/// The destination of an item's bytes.
#[derive(Debug)]
enum Payload {
    /// A temporary file.
    File(Temporary),
    /// The item was not requested, so its bytes are discarded.
    Discarded,
    /// This file cannot be written, but others can.
    Failed(ArchiveError),
}

/// A committed item.
#[derive(Debug)]
struct Committed {
    outcome: Outcome,
    entry: Entry,
    stage: Stage,
}

/// The progress of a committed item.
#[derive(Debug)]
enum Stage {
    /// Its final line is queued, or in the manifest.
    Final,
    /// Its file has its final name, but its line says that it is suspect.
    Provisional,
    /// It keeps its temporary name until the end of the response, because the archive holds an older version of the
    /// item.
    Waiting(Temporary),
}

impl<'a> ArchiveSink<'a> {
    pub(super) fn new(archive: &'a Archive, requested: Option<&'a [ItemId<'a>]>) -> Self {
        Self {
            archive,
            requested,
            infos: Vec::new(),
            listed: Vec::new(),
            ids: None,
            item: None,
            texts: ResponseTexts::default(),
            disposition: None,
            explanation: None,
            committed: Vec::new(),
            latest: None,
            refused: Vec::new(),
            unrequested: 0,
        }
    }

    /// Adds the properties of the requested items, in the order of the request. The manifest keeps them.
    ///
    /// An item without properties here keeps those of its earlier entry.
    #[must_use]
    pub fn describe(mut self, infos: Vec<ItemInfo>) -> Self {
        self.infos = infos;
        self
    }

    /// Adds the `ChangeKey`s with which the requested items were listed, in the order of the request.
    ///
    /// Each becomes the `requested_change_key` of an item that was requested without one, so that [`Archive::state`]
    /// recognises the listed version even if the server answers with another key.
    #[must_use]
    pub fn listed(mut self, change_keys: Vec<Option<String>>) -> Self {
        self.listed = change_keys;
        self
    }

    /// Returns the archive, for example to get the outcomes that have become durable.
    #[must_use]
    pub const fn archive(&self) -> &'a Archive {
        self.archive
    }

    /// Returns the number of response messages that were not requested. They have no line in the manifest.
    #[must_use]
    pub const fn unrequested(&self) -> u64 {
        self.unrequested
    }

    /// Sets the disposition of the next outcome.
    pub(crate) fn judged(&mut self, disposition: Disposition) {
        self.disposition = Some(disposition);
    }

    /// Sets the message for outcomes that have none.
    pub(crate) fn explain(&mut self, explanation: String) {
        self.explanation = Some(explanation);
    }

    /// Returns whether the current item cannot be written, so that its commit will be reported as a failure.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(&self.item, Some(item) if matches!(item.payload, Payload::Failed(_)))
    }

    /// Returns whether a committed item is proven to be whole and the requested one before the response has ended.
    fn is_confirmed_early(&self, outcome: &Outcome) -> bool {
        let is_proven =
            outcome.id_match == IdMatch::Same && outcome.integrity == Some(Verdict::Whole);
        is_proven || self.requested.is_none()
    }

    /// Returns the item that was requested at this position.
    fn requested(&self, index: u32) -> Option<ItemId<'a>> {
        let index = usize::try_from(index).ok()?;
        self.requested?.get(index).copied()
    }

    /// Returns whether an item was requested at this position.
    fn is_requested(&self, index: u32) -> bool {
        self.requested.is_none() || self.requested(index).is_some()
    }

    /// Returns the path of the item's first version, beside which its temporary file is.
    fn file(&self, index: u32) -> String {
        self.requested(index)
            .map_or_else(|| file_by_index(index), |item| Key::of(item.id).file(1))
    }

    /// Makes the entry for an outcome. This consumes the texts that were noted for its message.
    fn entry(&mut self, outcome: &Outcome) -> Entry {
        let texts = self.texts.take(outcome);
        let requested = self.requested(outcome.index);
        let id = requested.map(|item| item.id);
        let at = usize::try_from(outcome.index).unwrap_or(usize::MAX);
        let listed = self.listed.get(at).cloned().flatten();
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
            requested_change_key: requested
                .and_then(|item| item.change_key)
                .map(str::to_owned)
                .or(listed),
            item: self.info(outcome.index),
            file: None,
            bytes: outcome.bytes,
            sha256: None,
            integrity: outcome.integrity.map(|found| found.as_str().to_owned()),
            suspect: false,
            class: outcome.class.map(|class| class.as_str().to_owned()),
            code: texts.code(),
            error: outcome.error.map(|error| error.as_str().to_owned()),
            disposition: Some(disposition.as_str().to_owned()),
            message: texts.message().or_else(|| self.explanation.clone()),
            back_off_ms: outcome.back_off_ms,
            attempts: id
                .map_or(0, |id| self.archive.attempts(id))
                .saturating_add(1),
            time: now(),
        }
    }

    /// Returns the properties of the item that was requested at this position.
    fn info(&self, index: u32) -> ItemInfo {
        let given = usize::try_from(index)
            .ok()
            .and_then(|at| self.infos.get(at));
        if let Some(info) = given.filter(|info| !info.is_empty()) {
            return info.clone();
        }
        let Some(item) = self.requested(index) else {
            return ItemInfo::default();
        };
        self.archive.info(item.id).unwrap_or_else(|error| {
            self.archive.defer(error);
            ItemInfo::default()
        })
    }

    /// Returns the entry of an item that the archive already holds. An unreadable entry counts as not held.
    fn held(&self, entry: &Entry) -> Option<Entry> {
        let held = self.archive.held(entry.id.as_deref()?);
        held.unwrap_or_else(|error| {
            self.archive.defer(error);
            None
        })
    }

    /// Writes to the manifest that an item was not answered, and reports no outcome.
    pub(crate) fn note_unanswered(&mut self, outcome: &Outcome) {
        let entry = self.entry(outcome);
        let line = self.failure(entry).0;
        self.archive.submit(Job {
            line,
            ..Job::default()
        });
    }

    /// Queues the entry of a failed item.
    fn fail(&mut self, entry: Entry) {
        let (line, report) = self.failure(entry);
        self.archive.submit(Job {
            line,
            report: Some(report),
            ..Job::default()
        });
    }

    /// Returns the line for a failed item, and the entry to report.
    ///
    /// If the archive holds an earlier payload of the item, the manifest must still list it.
    fn failure(&mut self, entry: Entry) -> (Option<Entry>, Entry) {
        match self.held(&entry) {
            Some(held) if held.is_done() => {
                let is_final = entry.is_permanent_failure();
                let line = is_final.then(|| Entry {
                    requested_change_key: entry.requested_change_key.clone(),
                    attempts: entry.attempts,
                    ..held
                });
                (line, entry)
            }
            Some(held) => {
                let suspect = Entry {
                    status: Status::Ok,
                    suspect: true,
                    file: held.file,
                    bytes: held.bytes,
                    sha256: held.sha256,
                    integrity: held.integrity,
                    answered_id: held.answered_id,
                    change_key: held.change_key,
                    ..entry
                };
                (Some(suspect.clone()), suspect)
            }
            None => (Some(entry.clone()), entry),
        }
    }

    /// Queues the item that was committed last, because another event follows it.
    fn release(&mut self) {
        let Some(mut item) = self.latest.take() else {
            return;
        };
        if let Stage::Waiting(mut payload) = item.stage {
            let holds_whole = self.held(&item.entry).is_some_and(|held| held.is_done());
            item.stage = if holds_whole {
                // Many items may wait for long, so the file is closed.
                if let Err(error) = payload.sync() {
                    self.archive.defer(error);
                }
                Stage::Waiting(payload)
            } else {
                self.archive.submit(Job {
                    payload: Some(payload),
                    line: Some(suspect(&item.entry, Confirmation::Doubtful)),
                    ..Job::default()
                });
                Stage::Provisional
            };
        }
        self.committed.push(item);
    }

    /// Queues the final entry of the item at this position, which was committed or refused.
    pub(crate) fn confirm(&mut self, index: u32, confirmation: Confirmation) {
        self.committed.extend(self.latest.take());
        let refused = self
            .refused
            .iter()
            .position(|(outcome, _)| outcome.index == index);
        if let Some(at) = refused {
            let (_, entry) = self.refused.remove(at);
            return self.conclude_refusal(entry, confirmation);
        }
        let committed = self
            .committed
            .iter()
            .position(|item| item.outcome.index == index);
        if let Some(at) = committed {
            let item = self.committed.remove(at);
            self.conclude(item, confirmation);
        }
    }

    /// Queues the final entry of a refused item, according to the end of the response.
    fn conclude_refusal(&mut self, mut entry: Entry, confirmation: Confirmation) {
        if confirmation != Confirmation::Confirmed {
            // The refusal may belong to another item, so it is not permanent.
            entry.disposition = Some(Disposition::Transient.as_str().to_owned());
        }
        self.fail(entry);
    }

    /// Queues the final entry of a committed item, according to the end of the response.
    fn conclude(&mut self, item: Committed, confirmation: Confirmation) {
        let Committed { entry, stage, .. } = item;
        let is_confirmed = confirmation == Confirmation::Confirmed;
        let concluded = match is_confirmed {
            true => entry,
            false => suspect(&entry, confirmation),
        };
        match stage {
            Stage::Final if is_confirmed => {
                let report = self.requested.is_some().then_some(concluded);
                self.archive.submit(Job {
                    report,
                    ..Job::default()
                });
            }
            Stage::Final | Stage::Provisional => self.archive.submit(Job {
                line: Some(concluded.clone()),
                report: Some(concluded),
                ..Job::default()
            }),
            Stage::Waiting(payload) => {
                let holds_whole = self.held(&concluded).is_some_and(|held| held.is_done());
                if is_confirmed || !holds_whole {
                    self.archive.submit(Job {
                        payload: Some(payload),
                        line: Some(concluded.clone()),
                        report: Some(concluded),
                        ..Job::default()
                    });
                } else {
                    // An older version that is confirmed is worth more than a suspect one.
                    drop(payload);
                    self.archive.submit(Job {
                        report: Some(Entry {
                            status: Status::Failed,
                            suspect: false,
                            file: None,
                            sha256: None,
                            error: Some(ItemError::Contradiction.as_str().to_owned()),
                            ..concluded
                        }),
                        ..Job::default()
                    });
                }
            }
        }
    }
}

/// Marks an entry as suspect.
fn suspect(entry: &Entry, why: Confirmation) -> Entry {
    let disposition = match why {
        Confirmation::Truncated => Disposition::Truncated,
        Confirmation::Confirmed | Confirmation::Doubtful => Disposition::Transient,
    };
    Entry {
        suspect: true,
        disposition: Some(disposition.as_str().to_owned()),
        ..entry.clone()
    }
}

impl Sink for ArchiveSink<'_> {
    type Error = ArchiveError;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        if self.requested.is_none() {
            return IdMatch::Unknown;
        }
        let is_requested = self.is_requested(index);
        let Some(id) = ids.id.value() else {
            return IdMatch::Unknown;
        };
        let requested = self.requested.unwrap_or_default();
        let ids = self
            .ids
            .get_or_insert_with(|| Ids::new(requested.iter().copied()));
        ids.answer(index, is_requested, id)
    }

    fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), ArchiveError> {
        self.release();
        let file = self.file(index);
        let payload = match self.is_requested(index) {
            true => match self.archive.temporary(&file) {
                Ok(payload) => Payload::File(payload),
                Err(error) if error.concerns_one_item() => Payload::Failed(error),
                Err(error) => return Err(error),
            },
            false => Payload::Discarded,
        };
        self.item = Some(Item {
            index,
            payload,
            written: 0,
            answered_id: ids.id.value().map(str::to_owned),
            change_key: ids.change_key.value().map(str::to_owned),
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let item = self.item.as_mut().ok_or(ArchiveError::Stopped)?;
        item.written += bytes.len() as u64;
        match &mut item.payload {
            Payload::File(payload) => payload.write(bytes),
            Payload::Discarded | Payload::Failed(_) => Ok(()),
        }
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), ArchiveError> {
        self.release();
        let item = self.item.take();
        let mismatch = ArchiveError::Mismatch {
            index: outcome.index,
        };
        let item = item
            .filter(|item| item.index == outcome.index && item.written == outcome.bytes)
            .ok_or(mismatch)?;
        let entry = Entry {
            answered_id: item.answered_id,
            change_key: item.change_key,
            ..self.entry(outcome)
        };
        let mut payload = match item.payload {
            Payload::File(payload) => payload,
            Payload::Discarded => {
                self.unrequested += 1;
                return Ok(());
            }
            Payload::Failed(error) => {
                let mut entry = entry;
                entry.lose_payload(&error);
                self.fail(entry);
                return Ok(());
            }
        };
        let digest = payload.finish()?;
        let entry = Entry {
            status: Status::Ok,
            sha256: Some(hex(&digest)),
            // The requested key is kept only if it differs, to compare it with later lists.
            requested_change_key: entry
                .requested_change_key
                .clone()
                .filter(|requested| entry.change_key.as_ref() != Some(requested)),
            ..entry
        };
        let mut committed = Committed {
            outcome: *outcome,
            entry,
            stage: Stage::Final,
        };
        if self.is_confirmed_early(outcome) {
            let entry = committed.entry.clone();
            // If the request is unknown, the end of the response confirms nothing more.
            let report = self.requested.is_none().then(|| entry.clone());
            self.archive.submit(Job {
                payload: Some(payload),
                line: Some(entry),
                report,
                ..Job::default()
            });
            self.committed.push(committed);
        } else {
            committed.stage = Stage::Waiting(payload);
            self.latest = Some(committed);
        }
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.release();
        let item = self.item.take();
        if !self.is_requested(outcome.index) || outcome.error == Some(ItemError::Unrequested) {
            self.unrequested += 1;
            self.texts.take(outcome);
            self.disposition = None;
            return;
        }
        let item = item.filter(|item| item.index == outcome.index);
        let entry = Entry {
            answered_id: item.and_then(|item| item.answered_id),
            ..self.entry(outcome)
        };
        if outcome.error == Some(ItemError::Refused) && self.requested.is_some() {
            self.refused.push((*outcome, entry));
        } else {
            self.fail(entry);
        }
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.abort(outcome);
    }

    fn note(&mut self, event: &Event<'_>) {
        self.release();
        self.texts.note(event);
    }

    fn end(&mut self, summary: &Summary) {
        let ids = self.ids.take().unwrap_or_default();
        let judgement = ids.judge(summary);
        for (_, entry) in mem::take(&mut self.refused) {
            self.conclude_refusal(entry, judgement.refused());
        }
        let mut committed = mem::take(&mut self.committed);
        committed.extend(self.latest.take());
        for item in committed {
            let confirmation = judgement.committed(&item.outcome);
            self.conclude(item, confirmation);
        }
    }
}
