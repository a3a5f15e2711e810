//! The folders that a new mailbox has.

/// The default folders: well-known name, display name, class, and the well-known name of the parent.
pub(super) const DEFAULT_FOLDERS: [(&str, &str, &str, &str); 18] = [
    ("root", "", "", ""),
    ("msgfolderroot", "Top of Information Store", "", "root"),
    ("inbox", "Inbox", "IPF.Note", "msgfolderroot"),
    ("calendar", "Calendar", "IPF.Appointment", "msgfolderroot"),
    ("contacts", "Contacts", "IPF.Contact", "msgfolderroot"),
    ("deleteditems", "Deleted Items", "IPF.Note", "msgfolderroot"),
    ("drafts", "Drafts", "IPF.Note", "msgfolderroot"),
    ("journal", "Journal", "IPF.Journal", "msgfolderroot"),
    ("junkemail", "Junk Email", "IPF.Note", "msgfolderroot"),
    ("notes", "Notes", "IPF.StickyNote", "msgfolderroot"),
    ("outbox", "Outbox", "IPF.Note", "msgfolderroot"),
    ("sentitems", "Sent Items", "IPF.Note", "msgfolderroot"),
    ("tasks", "Tasks", "IPF.Task", "msgfolderroot"),
    ("searchfolders", "Finder", "", "root"),
    ("recoverableitemsroot", "Recoverable Items", "", "root"),
    (
        "recoverableitemsdeletions",
        "Deletions",
        "",
        "recoverableitemsroot",
    ),
    (
        "recoverableitemsversions",
        "Versions",
        "",
        "recoverableitemsroot",
    ),
    (
        "recoverableitemspurges",
        "Purges",
        "",
        "recoverableitemsroot",
    ),
];

/// The folders of an archive mailbox, which exists only if a rule is within one of them.
pub(super) const ARCHIVE_FOLDERS: [(&str, &str, &str, &str); 6] = [
    ("archiveroot", "", "", ""),
    (
        "archivemsgfolderroot",
        "Top of Information Store",
        "",
        "archiveroot",
    ),
    ("archiveinbox", "Inbox", "IPF.Note", "archivemsgfolderroot"),
    (
        "archivedeleteditems",
        "Deleted Items",
        "IPF.Note",
        "archivemsgfolderroot",
    ),
    (
        "archiverecoverableitemsroot",
        "Recoverable Items",
        "",
        "archiveroot",
    ),
    (
        "archiverecoverableitemsdeletions",
        "Deletions",
        "",
        "archiverecoverableitemsroot",
    ),
];
