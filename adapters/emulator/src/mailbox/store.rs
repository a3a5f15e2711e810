//! A mailbox: its folders, its items, and the order of their changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::defaults::{ARCHIVE_FOLDERS, DEFAULT_FOLDERS};
use crate::id::{self, Item};
use crate::payload::search_key;
use crate::scenario::{Change, FolderRule, ItemRange, MailboxItem, MailboxRule, START};
use crate::upload::{Data, Uploaded};

/// A folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// The number in its id, unique in the mailbox.
    pub(crate) number: u64,
    /// The number of the parent. A root has none.
    pub(crate) parent: Option<u64>,
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) distinguished: Option<String>,
    pub(crate) is_search: bool,
    pub(crate) allows_sync: bool,
    /// The times of creation and of the last change, as sequence numbers of the mailbox.
    pub(crate) created: u64,
    pub(crate) changed: u64,
}

/// An item.
#[derive(Clone, Debug)]
pub(crate) struct StoredItem {
    /// The seed and size in its id. The seed is unique in the mailbox.
    pub(crate) identity: Item,
    /// The seed and size of its payload.
    pub(crate) content: Item,
    pub(crate) folder: u64,
    pub(crate) properties: MailboxItem,
    /// The times of creation, of the last change of the content, and of the last change of the read flag, as sequence
    /// numbers of the mailbox.
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) read_changed: u64,
    /// The payload, if it was uploaded.
    pub(crate) uploaded: Option<Arc<Uploaded>>,
}

impl StoredItem {
    /// Returns the current change key.
    pub(crate) fn change_key(&self) -> String {
        id::change_key(self.changed.max(self.read_changed))
    }

    /// Returns `PidTagSearchKey`, which is kept if the item moves or changes.
    pub(crate) fn search_key(&self) -> Vec<u8> {
        match &self.uploaded {
            None => search_key(self.content.seed).to_vec(),
            Some(uploaded) => match &uploaded.properties.search_key {
                Some(key) => key.clone(),
                // Another prefix than that of generated items, which have seeds of another mailbox.
                None => [*b"uploaded", self.identity.seed.to_be_bytes()].concat(),
            },
        }
    }

    /// Returns the payload.
    pub(crate) fn data(&self) -> Data {
        match &self.uploaded {
            Some(uploaded) => Data::Uploaded(Arc::clone(uploaded)),
            None => Data::Generated(self.content),
        }
    }
}

/// Something that no longer exists.
#[derive(Clone, Debug)]
pub(crate) struct Gone<T> {
    pub(crate) what: T,
    /// The time of deletion.
    pub(crate) at: u64,
}

/// A mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    pub(crate) address: String,
    pub(crate) guid: String,
    pub(crate) refuse: Option<String>,
    folders: Vec<Folder>,
    /// By the seeds of their ids.
    items: BTreeMap<u64, StoredItem>,
    gone_items: Vec<Gone<StoredItem>>,
    gone_folders: Vec<Gone<Folder>>,
    /// The time of the last change.
    sequence: u64,
    /// The last number given to a folder or an item.
    last: u64,
}

impl Mailbox {
    pub(crate) fn new(rule: &MailboxRule, guid: String) -> Self {
        let mut mailbox = Self {
            address: rule.address.clone(),
            guid,
            refuse: rule.refuse.clone(),
            folders: Vec::new(),
            items: BTreeMap::new(),
            gone_items: Vec::new(),
            gone_folders: Vec::new(),
            sequence: 0,
            last: 0,
        };
        let has_archive = rule.folders.iter().any(|folder| {
            let within = [Some(&folder.within), folder.distinguished.as_ref()];
            let mut within = within.into_iter().flatten();
            within.any(|name| name.starts_with("archive"))
        });
        let archive = ARCHIVE_FOLDERS.iter().filter(|_| has_archive);
        for (distinguished, name, class, parent) in DEFAULT_FOLDERS.iter().chain(archive) {
            let parent = mailbox.distinguished(parent).map(|parent| parent.number);
            let number = mailbox.create_folder(parent, name, class);
            mailbox.change_folder(number, |folder| {
                folder.distinguished = Some((*distinguished).to_owned());
            });
        }
        for folder in &rule.folders {
            mailbox.fill(folder);
        }
        mailbox
    }

    /// Makes the folder of a rule and its items.
    fn fill(&mut self, rule: &FolderRule) {
        let known = rule.distinguished.as_deref();
        let known = known.and_then(|name| self.distinguished(name));
        let number = match known.map(|folder| folder.number) {
            Some(number) => number,
            None => self.make_path(&rule.within, &rule.path),
        };
        self.change_folder(number, |folder| {
            if let Some(distinguished) = &rule.distinguished {
                folder.distinguished = Some(distinguished.clone());
                folder.name.clone_from(&rule.path);
            }
            if let Some(class) = &rule.class {
                folder.class.clone_from(class);
            }
            folder.is_search = rule.search;
            folder.allows_sync = rule.sync;
        });
        for item in &rule.list {
            self.create_item(number, item.clone());
        }
        let sizes = rule.sizes.iter().copied().cycle();
        for (i, size) in (0..rule.items + rule.associated).zip(sizes) {
            self.generate(number, size, i >= rule.items);
        }
    }

    /// Makes an item with invented properties.
    fn generate(&mut self, folder: u64, size: u64, associated: bool) {
        let n = self.last + 1;
        let class = match self.folder(folder).map(|folder| folder.class.as_str()) {
            _ if associated => "IPM.Configuration.Emulator",
            Some("IPF.Appointment") => "IPM.Appointment",
            Some("IPF.Contact") => "IPM.Contact",
            Some("IPF.Task") => "IPM.Task",
            _ => "IPM.Note",
        };
        let hours = SignedDuration::from_hours(i64::try_from(n % 10_000).unwrap_or_default());
        let item = MailboxItem {
            class: class.to_owned(),
            subject: format!("Item {n}"),
            received: START.checked_add(hours).unwrap_or(START),
            size,
            associated,
            ..MailboxItem::default()
        };
        self.create_item(folder, item);
    }

    /// Returns the number of the folder at `path` within a well-known folder, after creating what is missing.
    fn make_path(&mut self, within: &str, path: &str) -> u64 {
        let mut at = self.distinguished(within).map(|folder| folder.number);
        for name in names(path) {
            let known = self.folders.iter().find(|folder| {
                folder.parent == at && folder.parent.is_some() && folder.name == name
            });
            at = Some(match known {
                Some(folder) => folder.number,
                None => self.create_folder(at, &name, "IPF.Note"),
            });
        }
        at.unwrap_or_default()
    }

    /// Creates a folder, and returns its number.
    pub(crate) fn create_folder(&mut self, parent: Option<u64>, name: &str, class: &str) -> u64 {
        let number = self.next_number();
        let created = self.tick();
        self.folders.push(Folder {
            number,
            parent,
            name: name.to_owned(),
            class: class.to_owned(),
            distinguished: None,
            is_search: false,
            allows_sync: true,
            created,
            changed: created,
        });
        number
    }

    /// Creates an item, and returns its seed.
    pub(crate) fn create_item(&mut self, folder: u64, properties: MailboxItem) -> u64 {
        let seed = self.next_number();
        let size = properties.size;
        let created = self.tick();
        let item = Item { seed, size };
        let item = StoredItem {
            identity: item,
            content: item,
            folder,
            properties,
            created,
            changed: created,
            read_changed: created,
            uploaded: None,
        };
        self.items.insert(seed, item);
        seed
    }

    /// Creates an item with an uploaded payload, and returns its seed.
    pub(crate) fn create_uploaded(
        &mut self,
        folder: u64,
        associated: bool,
        uploaded: Arc<Uploaded>,
    ) -> u64 {
        let properties = MailboxItem {
            associated,
            read: true,
            ..MailboxItem::default()
        };
        let seed = self.create_item(folder, properties);
        self.set_uploaded(seed, uploaded);
        seed
    }

    /// Gives an item another payload.
    pub(crate) fn update_uploaded(&mut self, seed: u64, uploaded: Arc<Uploaded>) {
        let now = self.tick();
        if let Some(item) = self.items.get_mut(&seed) {
            item.changed = now;
        }
        self.set_uploaded(seed, uploaded);
    }

    fn set_uploaded(&mut self, seed: u64, uploaded: Arc<Uploaded>) {
        let Some(item) = self.items.get_mut(&seed) else {
            return;
        };
        let found = &uploaded.properties;
        let properties = &mut item.properties;
        properties.class = found.class.clone().unwrap_or_else(|| "IPM.Note".to_owned());
        properties.subject = found.subject.clone().unwrap_or_default();
        properties.received = found.received.unwrap_or(START);
        properties.size = uploaded.size;
        item.uploaded = Some(uploaded);
    }

    /// Returns the item with this id.
    pub(crate) fn stored(&self, id: &str) -> Option<&StoredItem> {
        let identity = id::read(&self.guid, id).ok()?;
        self.item(identity.seed)
            .filter(|item| item.identity == identity)
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Returns the time for a new change.
    fn tick(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn change_folder(&mut self, number: u64, change: impl FnOnce(&mut Folder)) {
        let now = self.tick();
        if let Some(folder) = self.folders.iter_mut().find(|it| it.number == number) {
            change(folder);
            folder.changed = now;
        }
    }

    /// Applies a change of the scenario or of a test.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create {
                folder,
                items,
                size,
            } => {
                if let Some(folder) = self.by_path(folder) {
                    (0..*items).for_each(|_| self.generate(folder, *size, false));
                }
            }
            Change::Update(range) => {
                for seed in self.range(range) {
                    let now = self.tick();
                    if let Some(item) = self.items.get_mut(&seed) {
                        item.changed = now;
                        item.uploaded = None;
                        item.content.seed = seed & u64::from(u32::MAX) | (now & 0xffff) << 32;
                    }
                }
            }
            Change::Read(range) => {
                for seed in self.range(range) {
                    let now = self.tick();
                    if let Some(item) = self.items.get_mut(&seed) {
                        item.read_changed = now;
                        item.properties.read = !item.properties.read;
                    }
                }
            }
            Change::Move { range, to } => {
                if let Some(to) = self.by_path(to) {
                    for seed in self.range(range) {
                        self.move_item(seed, to);
                    }
                }
            }
            Change::Delete(range) => {
                for seed in self.range(range) {
                    self.delete_item(seed);
                }
            }
            Change::CreateFolder { folder } => {
                self.make_path("msgfolderroot", folder);
            }
            Change::RenameFolder { folder, name } => {
                if let Some(number) = self.by_path(folder) {
                    self.change_folder(number, |folder| folder.name.clone_from(name));
                }
            }
            Change::DeleteFolder { folder } => {
                if let Some(number) = self.by_path(folder) {
                    self.delete_folder(number);
                }
            }
        }
    }

    fn move_item(&mut self, seed: u64, to: u64) {
        if let Some(item) = self.delete_item(seed) {
            let identity = Item {
                seed: self.next_number(),
                size: item.identity.size,
            };
            let now = self.tick();
            let moved = StoredItem {
                identity,
                folder: to,
                created: now,
                changed: now,
                read_changed: now,
                ..item
            };
            self.items.insert(identity.seed, moved);
        }
    }

    fn delete_item(&mut self, seed: u64) -> Option<StoredItem> {
        let item = self.items.remove(&seed)?;
        let at = self.tick();
        let what = item.clone();
        self.gone_items.push(Gone { what, at });
        Some(item)
    }

    fn delete_folder(&mut self, number: u64) {
        let children = self.children(number).map(|child| child.number);
        for child in children.collect::<Vec<_>>() {
            self.delete_folder(child);
        }
        let items = self.items_of(number).map(|item| item.identity.seed);
        for seed in items.collect::<Vec<_>>() {
            self.delete_item(seed);
        }
        let at = self.tick();
        let index = self.folders.iter().position(|it| it.number == number);
        if let Some(index) = index {
            let what = self.folders.remove(index);
            self.gone_folders.push(Gone { what, at });
        }
    }

    /// Returns the time of the last change.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.folders.iter()
    }

    pub(crate) fn gone_folders(&self) -> impl Iterator<Item = &Gone<Folder>> {
        self.gone_folders.iter()
    }

    pub(crate) fn gone_items(&self) -> impl Iterator<Item = &Gone<StoredItem>> {
        self.gone_items.iter()
    }

    pub(crate) fn folder(&self, number: u64) -> Option<&Folder> {
        self.folders.iter().find(|it| it.number == number)
    }

    pub(crate) fn distinguished(&self, name: &str) -> Option<&Folder> {
        let is = |folder: &&Folder| folder.distinguished.as_deref() == Some(name);
        self.folders.iter().find(is)
    }

    pub(crate) fn children(&self, parent: u64) -> impl Iterator<Item = &Folder> {
        self.folders
            .iter()
            .filter(move |it| it.parent == Some(parent))
    }

    pub(crate) fn item(&self, seed: u64) -> Option<&StoredItem> {
        self.items.get(&seed)
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &StoredItem> {
        self.items.values()
    }

    /// Returns the items that a folder shows, oldest first.
    pub(crate) fn items_of(&self, folder: u64) -> impl Iterator<Item = &StoredItem> {
        let is_search = self.folder(folder).is_some_and(|folder| folder.is_search);
        self.items
            .values()
            .filter(move |item| item.folder == folder || is_search)
    }

    /// Returns the display names from the top of the mailbox down to a folder, as a path.
    pub(crate) fn path(&self, number: u64) -> String {
        let mut names = Vec::new();
        let mut at = self.folder(number);
        while let Some(folder) = at {
            let is_top = folder.distinguished.as_deref().is_some_and(is_top);
            if is_top || folder.parent.is_none() {
                break;
            }
            names.push(folder.name.replace('\\', "\\\\").replace('/', "\\/"));
            at = folder.parent.and_then(|parent| self.folder(parent));
        }
        names.reverse();
        names.join("/")
    }

    /// Returns the number of a folder by its path or its well-known name.
    pub(crate) fn by_path(&self, path: &str) -> Option<u64> {
        let known = self.folders.iter().find(|folder| {
            folder.distinguished.as_deref() == Some(path) || self.path(folder.number) == path
        });
        known.map(|folder| folder.number)
    }

    /// Returns the seeds of items.
    fn range(&self, range: &ItemRange) -> Vec<u64> {
        let Some(folder) = self.by_path(&range.folder) else {
            return Vec::new();
        };
        let items = self.items_of(folder).skip(range.item).take(range.items);
        items.map(|item| item.identity.seed).collect()
    }
}

fn is_top(distinguished: &str) -> bool {
    ["msgfolderroot", "archivemsgfolderroot"].contains(&distinguished)
}

/// Splits a path into display names.
fn names(path: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            '/' => {
                names.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(name) = names.last_mut() {
            name.push(character);
        }
    }
    names
}

/// Writes a time like Exchange: whole seconds in UTC.
pub(crate) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
