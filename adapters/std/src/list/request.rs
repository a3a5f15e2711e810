//! Writes the requests that list a mailbox.
//!
//! Source: Messages.xsd and Types.xsd of Exchange Server.

use core::fmt::{self, Write as _};

use exportitems::{ExportItems, ItemId, RequestError, RequestHeaders};
use jiff::Timestamp;

use super::write::SameItem;

/// The largest number of changes in an answer of `SyncFolderItems`: `MaxSyncChangesReturnedType`.
pub(super) const MOST_CHANGES: u32 = 512;
/// The number of entries in a page of `FindItem` and `FindFolder`. Servers return 1000 at most (`EWSFindCountLimit`).
const PAGE: u32 = 500;

/// A folder of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderRef<'a> {
    /// A folder by its `FolderId`.
    Id(&'a str),
    /// A well-known folder, such as `inbox`.
    Distinguished {
        /// The name.
        name: &'a str,
        /// The SMTP address of the mailbox. `None` means that of the user who logs in or is impersonated.
        mailbox: Option<&'a str>,
    },
}

/// A `FindItem` or `SyncFolderItems` returns these items of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Items that were received at this time or later.
    pub since: Option<Timestamp>,
    /// The beginning of the `ItemClass`: `IPM.Note` matches `IPM.Note.SMIME` too.
    pub class: Option<String>,
}

impl Filter {
    /// Returns whether all items pass.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.since.is_none() && self.class.is_none()
    }
}

/// A text in XML, with the characters escaped that have a meaning there.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quick_xml::escape::escape(self.0))
    }
}

impl fmt::Display for FolderRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, r#"<t:FolderId Id="{}"/>"#, Escaped(id)),
            Self::Distinguished { name, mailbox } => {
                write!(f, r#"<t:DistinguishedFolderId Id="{}">"#, Escaped(name))?;
                if let Some(mailbox) = mailbox {
                    let address = Escaped(mailbox);
                    write!(
                        f,
                        "<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>"
                    )?;
                }
                f.write_str("</t:DistinguishedFolderId>")
            }
        }
    }
}

/// Returns the SOAP message with this operation in its body.
///
/// The SOAP headers are those of an `ExportItems` request, whose encoder checks and writes them.
pub(super) fn envelope(
    headers: &RequestHeaders<'_>,
    operation: &str,
) -> Result<String, RequestError> {
    const BODY: &str = "<s:Body>";
    let items = [ItemId::new("-")];
    let mut encoder = ExportItems::new(&items).headers(*headers).encoder()?;
    let mut bytes = vec![0; usize::try_from(encoder.encoded_len()).unwrap_or(usize::MAX)];
    let len = encoder.write(&mut bytes);
    bytes.truncate(len);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let body = text.find(BODY).map_or(0, |at| at + BODY.len());
    text.truncate(body);
    text.push_str(operation);
    text.push_str("</s:Body></s:Envelope>");
    Ok(text)
}

/// The properties of a folder. The extended ones are `PidTagMessageSizeExtended` and `PidTagAssociatedContentCount`.
const FOLDER_SHAPE: &str = r#"<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:ParentFolderId"/><t:FieldURI FieldURI="folder:FolderClass"/><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURI FieldURI="folder:TotalCount"/><t:ExtendedFieldURI PropertyTag="0x0E08" PropertyType="Long"/><t:ExtendedFieldURI PropertyTag="0x3617" PropertyType="Integer"/></t:AdditionalProperties></m:FolderShape>"#;

const ITEM_SHAPE: &str = r#"<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:ItemClass"/><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURI FieldURI="item:Size"/><t:FieldURI FieldURI="item:IsAssociated"/></t:AdditionalProperties></m:ItemShape>"#;

/// Writes a `GetFolder` for these folders. The answer has a message for each.
pub(super) fn get_folder(folders: &[FolderRef<'_>]) -> String {
    let mut ids = String::new();
    for folder in folders {
        // Writing to a String does not fail, here and below.
        let _ = write!(ids, "{folder}");
    }
    format!("<m:GetFolder>{FOLDER_SHAPE}<m:FolderIds>{ids}</m:FolderIds></m:GetFolder>")
}

/// Writes a `FindFolder` for the folders in a folder, from this offset.
pub(super) fn find_folder(parent: FolderRef<'_>, is_deep: bool, offset: u64) -> String {
    let traversal = if is_deep { "Deep" } else { "Shallow" };
    format!(
        r#"<m:FindFolder Traversal="{traversal}">{FOLDER_SHAPE}<m:IndexedPageFolderView MaxEntriesReturned="{PAGE}" Offset="{offset}" BasePoint="Beginning"/><m:ParentFolderIds>{parent}</m:ParentFolderIds></m:FindFolder>"#
    )
}

/// Writes a `SyncFolderItems` for the changes since `state`, or for all items without one.
pub(super) fn sync_folder_items(folder: &str, state: Option<&str>, associated: bool) -> String {
    let folder = FolderRef::Id(folder);
    let state = state.map(|state| format!("<m:SyncState>{}</m:SyncState>", Escaped(state)));
    let state = state.unwrap_or_default();
    let scope = match associated {
        true => "NormalAndAssociatedItems",
        false => "NormalItems",
    };
    format!(
        "<m:SyncFolderItems>{ITEM_SHAPE}<m:SyncFolderId>{folder}</m:SyncFolderId>{state}<m:MaxChangesReturned>{MOST_CHANGES}</m:MaxChangesReturned><m:SyncScope>{scope}</m:SyncScope></m:SyncFolderItems>"
    )
}

/// Writes a `FindItem` for the items of a folder, or for its folder associated information, oldest first.
pub(super) fn find_item(folder: &str, associated: bool, filter: &Filter, offset: u64) -> String {
    let folder = FolderRef::Id(folder);
    let traversal = if associated { "Associated" } else { "Shallow" };
    let restriction = restriction(filter);
    format!(
        r#"<m:FindItem Traversal="{traversal}">{ITEM_SHAPE}<m:IndexedPageItemView MaxEntriesReturned="{PAGE}" Offset="{offset}" BasePoint="Beginning"/>{restriction}<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"#
    )
}

/// Writes a `FindItem` for the items of a folder that have this property, or for its folder associated information.
pub(super) fn find_same(folder: &str, associated: bool, same: &SameItem, offset: u64) -> String {
    let folder = FolderRef::Id(folder);
    let traversal = if associated { "Associated" } else { "Shallow" };
    let (field, value) = same.field_and_value();
    let value = Escaped(&value);
    format!(
        r#"<m:FindItem Traversal="{traversal}"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Size"/></t:AdditionalProperties></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="{PAGE}" Offset="{offset}" BasePoint="Beginning"/><m:Restriction><t:IsEqualTo>{field}<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>{folder}</m:ParentFolderIds></m:FindItem>"#
    )
}

/// Writes a `CreateFolder` for a folder of this class.
pub(super) fn create_folder(parent: &str, name: &str, class: Option<&str>) -> String {
    let parent = FolderRef::Id(parent);
    let name = Escaped(name);
    // A folder of an own class is made as `Folder`, whose class can be any.
    let element = match class {
        Some("IPF.Appointment") => "CalendarFolder",
        Some("IPF.Contact") => "ContactsFolder",
        Some("IPF.Task") => "TasksFolder",
        _ => "Folder",
    };
    let class = class.map(|class| format!("<t:FolderClass>{}</t:FolderClass>", Escaped(class)));
    let class = class.unwrap_or_default();
    format!(
        "<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId><m:Folders><t:{element}>{class}<t:DisplayName>{name}</t:DisplayName></t:{element}></m:Folders></m:CreateFolder>"
    )
}

fn restriction(filter: &Filter) -> String {
    let since = filter.since.map(|since| {
        let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!(
            r#"<t:IsGreaterThanOrEqualTo><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant><t:Constant Value="{since}"/></t:FieldURIOrConstant></t:IsGreaterThanOrEqualTo>"#
        )
    });
    let class = filter.class.as_ref().map(|class| {
        let class = Escaped(class);
        format!(
            r#"<t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:ItemClass"/><t:Constant Value="{class}"/></t:Contains>"#
        )
    });
    match (since, class) {
        (None, None) => String::new(),
        (Some(one), None) | (None, Some(one)) => format!("<m:Restriction>{one}</m:Restriction>"),
        (Some(since), Some(class)) => {
            format!("<m:Restriction><t:And>{since}{class}</t:And></m:Restriction>")
        }
    }
}

#[cfg(test)]
#[path = "../../../../tests/src/data.rs"]
mod data;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn requests() -> Vec<String> {
        let inbox = FolderRef::Distinguished {
            name: "inbox",
            mailbox: Some("o'hara&co@example.test"),
        };
        let filter = Filter {
            since: Some("2026-01-02T03:04:05.6Z".parse().unwrap()),
            class: Some("IPM.<Note>".to_owned()),
        };
        let only_class = Filter {
            since: None,
            ..filter.clone()
        };
        vec![
            get_folder(&[inbox, FolderRef::Id("AAMk+/=")]),
            find_folder(inbox, true, 0),
            find_folder(FolderRef::Id("AAMk"), false, 500),
            sync_folder_items("AAMk", None, false),
            sync_folder_items("AAMk", Some("H4sIAA=="), true),
            find_item("AAMk", false, &Filter::default(), 0),
            find_item("AAMk", true, &filter, 499),
            find_item("AAMk", true, &only_class, 499),
            find_same("AAMk", true, &SameItem::SearchKey(vec![1, 2]), 0),
            find_same("AAMk", false, &SameItem::Subject("<a>".to_owned()), 9),
            create_folder("AAMk", "R&D", None),
            create_folder("AAMk", "R&D", Some("IPF.Task")),
        ]
    }

    #[test]
    fn requests_are_valid() {
        let Some(schema) = data::path("xsd/messages.patched.xsd") else {
            return;
        };
        for request in requests() {
            let envelope = envelope(&RequestHeaders::new(), &request).unwrap();
            let (head, body) = envelope.split_once("<s:Body>").unwrap();
            let namespaces = &head[head.find("xmlns:t").unwrap()..head.find("><s:Header").unwrap()];
            let body = body.strip_suffix("</s:Body></s:Envelope>").unwrap();
            let end = body.find([' ', '>']).unwrap();
            let body = format!("{} {namespaces} {}", &body[..end], &body[end..]);
            let xmllint = Command::new("xmllint")
                .args(["--noout", "--schema"])
                .arg(&schema)
                .arg("-")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut xmllint) = xmllint else {
                return data::skip_without("no xmllint");
            };
            let mut stdin = xmllint.stdin.take().unwrap();
            stdin.write_all(body.as_bytes()).unwrap();
            drop(stdin);
            let output = xmllint.wait_with_output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{body}\n{errors}");
        }
    }

    #[test]
    fn texts_are_escaped_and_headers_are_kept() {
        let [get_folder, ..] = requests()
            .try_into()
            .unwrap_or([const { String::new() }; 12]);
        assert!(
            get_folder.contains("o&apos;hara&amp;co@example.test"),
            "{get_folder}"
        );
        let who = exportitems::ExchangeImpersonation::PrimarySmtpAddress("pat@example.test");
        let headers = RequestHeaders::new().impersonation(who);
        let envelope = envelope(&headers, "<m:X/>").unwrap();
        assert!(
            envelope.contains("<t:PrimarySmtpAddress>pat@example.test<"),
            "{envelope}"
        );
        assert!(
            envelope.ends_with("<s:Body><m:X/></s:Body></s:Envelope>"),
            "{envelope}"
        );
    }
}
