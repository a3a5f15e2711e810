//! Creates folders, counts copies of an item, and uploads.

use std::io;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems::{Options, Sink, UploadItem};

use super::request::{create_folder, find_same};
use super::{ListError, Lister};
use crate::client::{Answer, ClientError};

/// A property by which copies of an item are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // a caller makes it
pub enum SameItem {
    /// `PidTagSearchKey`, which is copied with an item (MS-OXCPRPT).
    SearchKey(Vec<u8>),
    /// `Subject`, for an item without a search key.
    Subject(String),
}

impl SameItem {
    /// Writes the property and its value as a restriction.
    pub(super) fn field_and_value(&self) -> (&'static str, String) {
        match self {
            Self::SearchKey(key) => (
                r#"<t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/>"#,
                BASE64_STANDARD.encode(key),
            ),
            Self::Subject(subject) => (r#"<t:FieldURI FieldURI="item:Subject"/>"#, subject.clone()),
        }
    }
}

impl Lister<'_> {
    /// Creates a folder, and returns its id; `None` if there is a folder with this name.
    ///
    /// # Errors
    /// [`ListError`]
    pub fn create_folder(
        &mut self,
        parent: &str,
        name: &str,
        class: Option<&str>,
    ) -> Result<Option<String>, ListError> {
        let request = create_folder(parent, name, class);
        match self.one("CreateFolder", &request, name) {
            Ok(message) => {
                let entry = message.entries.into_iter().next();
                let folder = name.to_owned();
                let missing = ListError::WithoutId { folder, entries: 1 };
                entry.map(|entry| Some(entry.id)).ok_or(missing)
            }
            Err(ListError::Refused { refusal, .. }) if refusal.code == "ErrorFolderExists" => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the `Size` of each item of a folder that has this property.
    ///
    /// # Errors
    /// [`ListError`]
    pub fn sizes_of_same(
        &mut self,
        folder: &str,
        associated: bool,
        same: &SameItem,
    ) -> Result<Vec<u64>, ListError> {
        let (mut sizes, mut offset) = (Vec::new(), 0);
        loop {
            let request = find_same(folder, associated, same, offset);
            let message = self.one("FindItem", &request, "")?;
            let page = message.page.unwrap_or_default();
            sizes.extend(message.entries.iter().map(|entry| entry.size.unwrap_or(0)));
            match page.next {
                _ if page.is_last != Some(false) => return Ok(sizes),
                Some(next) if next > offset => offset = next,
                _ => {
                    let folder = String::new();
                    return Err(ListError::Stuck { folder });
                }
            }
        }
    }

    /// Uploads items once. See [`Client::upload`](crate::Client::upload).
    ///
    /// # Errors
    /// As [`Client::upload`](crate::Client::upload).
    pub fn upload<R, S>(
        &mut self,
        items: &[UploadItem<'_>],
        open: impl FnMut(usize) -> io::Result<R>,
        sink: &mut S,
    ) -> Result<Answer, ClientError>
    where
        R: io::Read,
        S: Sink + ?Sized,
        S::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let headers = self.asker.headers.server_version(self.asker.version);
        self.asker
            .client
            .upload(&headers, items, open, sink, Options::new())
    }
}
