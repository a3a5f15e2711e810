//! A line of the manifest, read without copies.

use core::fmt;
use std::borrow::Cow;

use exportitems::policy::Disposition;
use exportitems::ItemError;
use serde::de::{Deserializer, Error, Visitor};
use serde::Deserialize;

use super::entry::Status;

/// The fields of a line that decide about the state of an item. A million lines are read in this form.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// The SHA-256 of the line before.
    #[serde(borrow, default)]
    pub(super) prev: Option<Text<'a>>,
    /// The kind of a [`Record`](super::record::Record). An outcome of an item has none.
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(default)]
    pub(super) format: Option<u32>,
    #[serde(default)]
    status: Option<Status>,
    #[serde(borrow, default)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) change_key: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) requested_change_key: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) file: Option<Text<'a>>,
    #[serde(default)]
    pub(super) bytes: u64,
    #[serde(default)]
    pub(super) suspect: bool,
    #[serde(borrow, default)]
    class: Option<Text<'a>>,
    #[serde(borrow, default)]
    error: Option<Text<'a>>,
    #[serde(borrow, default)]
    disposition: Option<Text<'a>>,
    #[serde(default)]
    pub(super) attempts: u32,
}

/// A string of JSON, which is borrowed unless it contains escapes.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Line<'a> {
    /// Reads a line, which may end with a line end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        let line: Self = serde_json::from_slice(line)?;
        if line.kind.is_none() && line.status.is_none() {
            return Err(serde_json::Error::missing_field("status"));
        }
        Ok(line)
    }

    /// Returns the status, if this is the outcome of an item.
    pub(super) fn outcome(&self) -> Option<Status> {
        self.status.filter(|_| self.kind.is_none())
    }

    /// Returns whether this is a record of this kind.
    pub(super) fn is_record(&self, kind: &str) -> bool {
        self.kind.as_ref().is_some_and(|own| own.as_str() == kind)
    }

    /// Returns the result of [`is_permanent_failure`] for the entry.
    pub(super) fn is_permanent_failure(&self) -> bool {
        is_permanent_failure(
            self.class.is_some(),
            self.error.as_ref().map(Text::as_str),
            self.disposition.as_ref().map(Text::as_str),
        )
    }
}

/// Returns whether the server has refused an item permanently, from the fields of its entry.
pub(super) fn is_permanent_failure(
    has_class: bool,
    error: Option<&str>,
    disposition: Option<&str>,
) -> bool {
    let permanent = disposition == Some(Disposition::Permanent.as_str());
    // Errors of the disk and the archive can be repaired by the user.
    let ours = error == Some(ItemError::Write.as_str());
    permanent && has_class && error.is_some() && !ours
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Borrow)
    }
}

/// Borrows a string from the input. An `Option<Cow<str>>` would always copy it.
struct Borrow;

impl<'de> Visitor<'de> for Borrow {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
