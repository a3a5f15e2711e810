//! The content of an answer that lists a mailbox.

use exportitems::policy::{Advice, Disposition};
use exportitems::ResponseCode;

/// A SOAP message that answers a request for a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) fault: Option<Refusal>,
    pub(super) messages: Vec<Message>,
}

/// A response message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// The `ResponseClass` is `Success`.
    pub(super) is_success: bool,
    /// The code and text. On success the code is `NoError`.
    pub(super) result: Refusal,
    /// The attributes of `RootFolder`, if there is one.
    pub(super) page: Option<Page>,
    pub(super) sync_state: Option<String>,
    /// `IncludesLastItemInRange` as an element.
    pub(super) is_last: Option<bool>,
    pub(super) entries: Vec<Entry>,
    /// Entries without an id.
    pub(super) without_id: u32,
}

/// The attributes of `RootFolder`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// `IndexedPagingOffset`.
    pub(super) next: Option<u64>,
    /// `TotalItemsInView`.
    pub(super) total: Option<u64>,
    /// `IncludesLastItemInRange`.
    pub(super) is_last: Option<bool>,
}

/// A folder or an item, or a change of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// The local name of its element, such as `Message` or `SearchFolder`.
    pub(super) element: String,
    /// `Id` of its `ItemId` or `FolderId`.
    pub(super) id: String,
    pub(super) change_key: Option<String>,
    pub(super) parent_id: Option<String>,
    /// `ItemClass` or `FolderClass`.
    pub(super) class: Option<String>,
    /// `Subject` or `DisplayName`.
    pub(super) name: Option<String>,
    pub(super) received: Option<String>,
    /// `Size` or `PidTagMessageSizeExtended`.
    pub(super) size: Option<u64>,
    pub(super) associated: Option<bool>,
    /// `TotalCount` of a folder.
    pub(super) total: Option<u64>,
    /// `PidTagAssociatedContentCount` of a folder.
    pub(super) associated_total: Option<u64>,
}

/// What an entry means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// It exists.
    #[default]
    Listed,
    Create,
    Update,
    Delete,
    ReadFlagChange,
}

/// A SOAP fault, or a response message that is not a success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The `ResponseCode`, or an empty text if there was none.
    pub code: String,
    /// The `MessageText` or `faultstring`.
    pub text: String,
    /// `InnerErrorResponseCode`.
    pub inner_code: Option<String>,
    /// `BackOffMilliseconds`.
    pub back_off_ms: Option<u32>,
}

impl Refusal {
    /// Returns what to make of it: whether and when to ask again.
    #[must_use]
    pub fn advice(&self) -> Advice {
        let inner = self.inner_code.as_deref().map(ResponseCode::from_text);
        let code = match ResponseCode::from_text(&self.code) {
            // A refusal is never a success.
            ResponseCode::NoError => ResponseCode::Other,
            code => code,
        };
        let mut advice = Advice::of_code(code, inner);
        advice.back_off_ms = advice.back_off_ms.max(self.back_off_ms.unwrap_or(0));
        advice
    }

    /// Returns whether a repetition may succeed. A code that is not known here, such as that for a folder which cannot be
    /// synced, is taken for a lasting refusal, unless the server asks to come back.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let advice = self.advice();
        let is_known = ResponseCode::from_text(&self.code) != ResponseCode::Other;
        (is_known || advice.back_off_ms > 0)
            && matches!(
                advice.disposition,
                Disposition::Throttled | Disposition::Transient
            )
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.code.as_str(), self.text.as_str()) {
            ("", "") => f.write_str("an error without code and text"),
            (code, "") => f.write_str(code),
            ("", text) => f.write_str(text),
            (code, text) => write!(f, "{code} ({text})"),
        }
    }
}
