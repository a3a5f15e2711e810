//! Brings the list of a folder up to date.

use super::log::FolderLog;
use super::{Backup, BackupError, BackupProgress, BackupReport};
use crate::client::Client;
use crate::list::{Change, Changes, Filter, Folder, ListError, ListedItem, Lister};

/// The number of answers after the first complete list, if the folder changes all the time.
const MORE_ANSWERS: usize = 20;

impl Backup<'_> {
    /// Syncs a folder until an answer has no changes, and returns the items that are to be exported.
    pub(super) fn sync<E>(
        &self,
        client: &mut Client,
        folder: &Folder,
        progress: &mut dyn FnMut(BackupProgress<'_>),
        report: &mut BackupReport,
    ) -> Result<Vec<ListedItem>, BackupError<E>> {
        let mut log = FolderLog::open(self.archive.dir(), folder)?;
        let mut lister = self.lister(client, progress);
        match self.synced(&mut lister, folder, &mut log, report) {
            Err(BackupError::List(ListError::Refused { refusal, .. }))
                if !refusal.is_transient() =>
            {
                self.found(&mut lister, folder, &mut log, report)?;
            }
            result => result?,
        }
        // Of the items that have failed before, the caller's export decides which are requested again.
        let due = log.ids().filter(|(id, key)| !self.is_done(id, *key));
        Ok(due.filter_map(|(id, _)| log.listed(id, folder)).collect())
    }

    /// Adds the changes of `SyncFolderItems`.
    fn synced<E>(
        &self,
        lister: &mut Lister<'_>,
        folder: &Folder,
        log: &mut FolderLog,
        report: &mut BackupReport,
    ) -> Result<(), BackupError<E>> {
        let mut more = MORE_ANSWERS;
        loop {
            let state = log.state(self.associated).map(str::to_owned);
            let answer = lister.changes(folder, state.as_deref(), self.associated)?;
            let is_complete = answer.is_last && answer.changes.is_empty();
            let is_last = answer.is_last;
            if answer.from_start {
                log.restart();
            }
            let next = answer.state.clone();
            self.apply(answer, log, report);
            if is_complete {
                for id in log.unseen() {
                    self.forget(log, &id, report);
                }
            }
            log.save(&next, self.associated)?;
            more -= usize::from(is_last);
            if is_complete || more == 0 {
                return Ok(());
            }
        }
    }

    fn apply(&self, answer: Changes, log: &mut FolderLog, report: &mut BackupReport) {
        for change in answer.changes {
            match change {
                Change::Exists(item) => log.item(item),
                Change::ReadFlag(item) if self.read_state => {
                    log.change_key(&item.id, item.change_key);
                }
                Change::ReadFlag(_) => {}
                Change::Deleted { id } => self.forget(log, &id, report),
            }
        }
    }

    /// Replaces the list by the result of `FindItem`. Items are deleted only if the folder stayed the same meanwhile.
    fn found<E>(
        &self,
        lister: &mut Lister<'_>,
        folder: &Folder,
        log: &mut FolderLog,
        report: &mut BackupReport,
    ) -> Result<(), BackupError<E>> {
        let found = lister.items(folder, self.associated, &Filter::default())?;
        log.restart();
        for item in found.items {
            log.item(item);
        }
        if found.is_certain {
            for id in log.unseen() {
                self.forget(log, &id, report);
            }
        }
        Ok(log.flush()?)
    }
}
