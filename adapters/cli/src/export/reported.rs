//! What an export has reported about an item.

use exportitems::policy::Disposition;
use exportitems::ItemError;
use exportitems_std::archive::Entry;

/// What has been reported about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reported {
    /// No line has been printed for the item.
    Nothing,
    /// The archive holds the item.
    Done,
    /// The server refuses the item permanently.
    Refused,
    /// The server refused the item permanently in an earlier run.
    RefusedBefore,
    /// The server denies access to the item.
    Denied,
    /// The item failed for another reason that a new request does not change.
    Permanent,
    /// The item failed for a reason of its own; another attempt may succeed.
    Failed,
    /// The archive holds the item, but no response has confirmed it.
    Suspect,
    /// The item failed because the whole response failed.
    ResponseFailed,
}

impl Reported {
    /// Returns the state that the line of this entry reports.
    pub(super) fn by(entry: &Entry) -> Self {
        let refused = entry.error.as_deref() == Some(ItemError::Refused.as_str());
        let disposition = entry.disposition.as_deref();
        match entry.error.as_deref() {
            _ if entry.is_done() => Self::Done,
            _ if entry.suspect => Self::Suspect,
            Some("cut" | "malformed" | "not-answered" | "truncated") => Self::ResponseFailed,
            _ if disposition == Some(Disposition::Auth.as_str()) => Self::Denied,
            _ if disposition != Some(Disposition::Permanent.as_str()) => Self::Failed,
            _ if refused => Self::Refused,
            _ => Self::Permanent,
        }
    }
}
