//! The parts of a request in order. Its check, its length and its bytes all come from one walk over them.

use core::fmt;
use core::marker::PhantomData;

use super::error::RequestField;
use super::headers::RequestHeaders;
use super::item_id::ItemId;

/// A text of the request, which may be absent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// Empty, and always there.
    Nothing,
    Version,
    ImpersonationKind,
    Impersonation,
    Culture,
    /// Empty, and there if any role is given.
    Roles,
    UserRole,
    ApplicationRole,
    Id,
    ChangeKey,
    // The texts of an upload: without the feature, no code knows of them.
    #[cfg(feature = "upload")]
    CreateAction,
    #[cfg(feature = "upload")]
    IsAssociated,
    #[cfg(feature = "upload")]
    FolderId,
    #[cfg(feature = "upload")]
    FolderChangeKey,
    /// Empty, and always there. The data of the item come before the row.
    #[cfg(feature = "upload")]
    AfterData,
}

impl Slot {
    /// The caller's field that the text is from; `None` for a text of this crate.
    const fn field(self, index: usize) -> Option<RequestField> {
        Some(match self {
            Self::Impersonation => RequestField::ExchangeImpersonation,
            Self::Culture => RequestField::MailboxCulture,
            Self::UserRole => RequestField::UserRole { index },
            Self::ApplicationRole => RequestField::ApplicationRole { index },
            Self::Id => RequestField::Id { index },
            Self::ChangeKey => RequestField::ChangeKey { index },
            #[cfg(feature = "upload")]
            Self::FolderId => RequestField::FolderId { index },
            #[cfg(feature = "upload")]
            Self::FolderChangeKey => RequestField::FolderChangeKey { index },
            #[cfg(feature = "upload")]
            Self::CreateAction | Self::IsAssociated | Self::AfterData => return None,
            Self::Nothing | Self::Version | Self::ImpersonationKind | Self::Roles => return None,
        })
    }
}

/// A part of the document, left out if the request does not have the text of its slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Never empty.
    markup: &'static str,
    slot: Slot,
    /// Whether the text follows the markup, rather than only deciding whether the row is there.
    writes_text: bool,
    /// For the last row of a list's entry: how many rows the entry has.
    entry: u8,
}

/// Markup, and the text after it.
pub(crate) const fn text(markup: &'static str, slot: Slot) -> Row {
    Row {
        markup,
        slot,
        writes_text: true,
        entry: 0,
    }
}

/// Markup alone.
pub(crate) const fn only(markup: &'static str, slot: Slot) -> Row {
    Row {
        writes_text: false,
        ..text(markup, slot)
    }
}

/// Markup that ends an entry of a list.
pub(crate) const fn ends(entry: u8, markup: &'static str, slot: Slot) -> Row {
    Row {
        entry,
        ..only(markup, slot)
    }
}

// The namespaces are `http://`. Microsoft's page showed `https://` for years; servers refuse that.
const PROLOGUE: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/""#,
    r#" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types""#,
    r#" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
    r#"<s:Header><t:RequestServerVersion Version=""#,
);

/// The envelope up to its body, in which the operation's rows follow. The rows of a list's entry are repeated for each
/// entry.
const HEAD: [Row; 19] = [
    text(PROLOGUE, Slot::Version),
    only(r#""/>"#, Slot::Nothing),
    text(
        "<t:ExchangeImpersonation><t:ConnectingSID><t:",
        Slot::ImpersonationKind,
    ),
    text(">", Slot::Impersonation),
    text("</t:", Slot::ImpersonationKind),
    only(
        "></t:ConnectingSID></t:ExchangeImpersonation>",
        Slot::Impersonation,
    ),
    text("<t:MailboxCulture>", Slot::Culture),
    only("</t:MailboxCulture>", Slot::Culture),
    only("<t:ManagementRole>", Slot::Roles),
    only("<t:UserRoles>", Slot::UserRole),
    text("<t:Role>", Slot::UserRole),
    ends(2, "</t:Role>", Slot::UserRole),
    only("</t:UserRoles>", Slot::UserRole),
    only("<t:ApplicationRoles>", Slot::ApplicationRole),
    text("<t:Role>", Slot::ApplicationRole),
    ends(2, "</t:Role>", Slot::ApplicationRole),
    only("</t:ApplicationRoles>", Slot::ApplicationRole),
    only("</t:ManagementRole>", Slot::Roles),
    only("</s:Header><s:Body>", Slot::Nothing),
];

/// What follows the operation's rows.
const END: Row = only("</s:Body></s:Envelope>", Slot::Nothing);

/// The document of an operation.
pub(crate) trait Document<'a> {
    /// An entry of the operation's list.
    type Item: Copy + fmt::Debug + 'a;

    /// The envelope with the operation's rows in its body: what [`document`] returns.
    const ROWS: &'static [Row];

    /// The ids of an entry. It is borrowed, which is smaller on some cores than a copy.
    fn item_id(item: &'a Self::Item) -> Option<&'a ItemId<'a>>;

    /// A text of an entry.
    #[cfg(feature = "upload")]
    fn text(item: &Self::Item, slot: Slot) -> Option<&'a str>;
}

/// The number of rows of the envelope around those of an operation.
pub(crate) const AROUND: usize = HEAD.len() + 1;

/// The rows of the whole document around those of an operation.
#[allow(clippy::indexing_slicing)] // at compile time
pub(crate) const fn document<const BODY: usize, const ALL: usize>(body: [Row; BODY]) -> [Row; ALL] {
    assert!(
        ALL == BODY + AROUND,
        "the envelope has another number of rows"
    );
    let mut rows = [END; ALL];
    let mut at = 0;
    while at < HEAD.len() {
        rows[at] = HEAD[at];
        at += 1;
    }
    while at < HEAD.len() + BODY {
        rows[at] = body[at - HEAD.len()];
        at += 1;
    }
    rows
}

/// A part of the document: markup, then the text after it. Both are empty where it is left out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'a> {
    pub(super) markup: &'static str,
    pub(super) text: &'a str,
    /// The caller's field that the text is from; `None` for a text of this crate.
    pub(super) field: Option<RequestField>,
}

/// The parts of a request, in the order of the document.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a, D: Document<'a>> {
    document: PhantomData<D>,
    headers: RequestHeaders<'a>,
    items: &'a [D::Item],
    /// The row that is next.
    row: usize,
    /// The entry of the list that the row belongs to.
    /// INVARIANT: 0 outside of an entry.
    index: usize,
}

impl<'a, D: Document<'a>> Parts<'a, D> {
    pub(super) const fn new(headers: &RequestHeaders<'a>, items: &'a [D::Item]) -> Self {
        Self {
            document: PhantomData,
            headers: *headers,
            items,
            row: 0,
            index: 0,
        }
    }

    /// Whether every part has been returned.
    pub(super) const fn is_done(&self) -> bool {
        self.row == D::ROWS.len()
    }

    /// The entry whose data come before the row that is next.
    #[cfg(feature = "upload")]
    pub(super) fn data(&self) -> Option<usize> {
        let row = D::ROWS.get(self.row)?;
        (matches!(row.slot, Slot::AfterData) && self.index < self.items.len()).then_some(self.index)
    }

    fn text(&self, slot: Slot) -> Option<&'a str> {
        let headers = &self.headers;
        match slot {
            Slot::Nothing => Some(""),
            Slot::Version => Some(headers.server_version.as_str()),
            Slot::ImpersonationKind => Some(headers.impersonation?.kind()),
            Slot::Impersonation => Some(headers.impersonation?.value()),
            Slot::Culture => headers.mailbox_culture,
            Slot::Roles => headers.management_role.map(|_| ""),
            Slot::UserRole | Slot::ApplicationRole => {
                let role = headers.management_role?;
                let list = match slot {
                    Slot::UserRole => role.user_roles,
                    _ => role.application_roles,
                };
                list.get(self.index).copied()
            }
            Slot::Id | Slot::ChangeKey => {
                let item = D::item_id(self.items.get(self.index)?)?;
                match slot {
                    Slot::Id => Some(item.id),
                    _ => item.change_key,
                }
            }
            #[cfg(feature = "upload")]
            _ => D::text(self.items.get(self.index)?, slot),
        }
    }
}

impl<'a, D: Document<'a>> Iterator for Parts<'a, D> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let row = D::ROWS.get(self.row)?;
        self.row = self.row.wrapping_add(1);
        let found = self.text(row.slot);
        if row.writes_text {
            return Some(found.map_or(Part::default(), |text| Part {
                markup: row.markup,
                text,
                field: row.slot.field(self.index),
            }));
        }
        if row.entry > 0 {
            if found.is_some() {
                self.index = self.index.wrapping_add(1);
                self.row = self.row.saturating_sub(usize::from(row.entry));
            } else {
                self.index = 0;
            }
        }
        Some(Part {
            markup: found.map_or("", |_| row.markup),
            ..Part::default()
        })
    }
}
