//! The request: [`UploadItems`] and the data of the items → [`UploadEncoder`] → transport.

use super::base64::{encoded_len, Base64Encoder};
use super::item::{CreateAction, UploadItem};
use crate::ews::request::{document, ends, only, text, Document, Row, Slot, Writer, AROUND};
use crate::ews::{ItemId, RequestError, RequestHeaders};

/// The request, with the operation's element in the body of the envelope.
///
/// Source: `UploadItemsType`, Messages.xsd, and `UploadItemType`, Types.xsd.
static DOCUMENT: [Row; AROUND + 12] = document([
    only("<m:UploadItems><m:Items>", Slot::Nothing),
    text(r#"<t:Item CreateAction=""#, Slot::CreateAction),
    text(r#"" IsAssociated=""#, Slot::IsAssociated),
    text(r#""><t:ParentFolderId Id=""#, Slot::FolderId),
    text(r#"" ChangeKey=""#, Slot::FolderChangeKey),
    only(r#""/>"#, Slot::FolderId),
    text(r#"<t:ItemId Id=""#, Slot::Id),
    text(r#"" ChangeKey=""#, Slot::ChangeKey),
    only(r#""/>"#, Slot::Id),
    only("<t:Data>", Slot::FolderId),
    ends(10, "</t:Data></t:Item>", Slot::AfterData),
    only("</m:Items></m:UploadItems>", Slot::Nothing),
]);

impl<'a> Document<'a> for UploadItems<'a> {
    type Item = UploadItem<'a>;

    const ROWS: &'static [Row] = &DOCUMENT;

    fn item_id(item: &'a UploadItem<'a>) -> Option<&'a ItemId<'a>> {
        match &item.create_action {
            CreateAction::CreateNew => None,
            CreateAction::Update(id) | CreateAction::UpdateOrCreate(id) => Some(id),
        }
    }

    fn text(item: &UploadItem<'a>, slot: Slot) -> Option<&'a str> {
        match slot {
            Slot::CreateAction => Some(item.create_action.as_str()),
            Slot::IsAssociated => Some(if item.is_associated { "true" } else { "false" }),
            Slot::FolderId => Some(item.parent_folder_id.id),
            Slot::FolderChangeKey => item.parent_folder_id.change_key,
            _ => Some(""),
        }
    }
}

/// An `UploadItems` request: the items without their data, and the [headers](RequestHeaders) of the message.
///
/// It borrows all of its texts and is `Copy`.
///
/// Source: [UploadItems operation](https://learn.microsoft.com/exchange/client-developer/web-service-reference/uploaditems-operation),
/// [MS-OXWSBTRF 3.1.4.2](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
///
/// ```
/// use exportitems::{FolderId, UploadItem, UploadItems};
///
/// let payload = b"\x01\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0"; // of a file, or of anything else
/// let items = [UploadItem::new(FolderId::new("AAMkAGYz+NAA="), payload.len() as u64)];
/// let mut encoder = UploadItems::new(&items).encoder()?;
/// let content_length = encoder.encoded_len();
///
/// let (mut sent, mut out) = (Vec::new(), [0; 64]); // of any size, down to one byte
/// let mut pieces = payload.chunks(5);
/// let mut data: &[u8] = &[];
/// while !encoder.is_done() {
///     if data.is_empty() && encoder.wanted().is_some() {
///         data = pieces.next().unwrap_or_default();
///     }
///     let len = encoder.write(&mut data, &mut out);
///     sent.extend_from_slice(&out[..len]);
/// }
///
/// assert_eq!(sent.len() as u64, content_length);
/// let sent = String::from_utf8(sent)?;
/// assert!(sent.contains("<t:Data>AQAAAAgAAAAAAAAAAQAAAA==</t:Data>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use]
pub struct UploadItems<'a> {
    items: &'a [UploadItem<'a>],
    headers: RequestHeaders<'a>,
}

impl<'a> UploadItems<'a> {
    /// URI of the optional `SOAPAction` header, which is sent between quotes.
    ///
    /// Source: MS-OXWSBTRF 3.1.4.2, R103.
    pub const SOAP_ACTION: &'static str =
        "http://schemas.microsoft.com/exchange/services/2006/messages/UploadItems";

    /// Uploads these items; the response has them in the same order.
    ///
    /// A server does not recognise an item that it already has: after a cut, find out what was stored before the
    /// request is sent again. Servers limit the size of a request, to 64 MiB by default from Exchange 2013 on.
    pub const fn new(items: &'a [UploadItem<'a>]) -> Self {
        Self {
            items,
            headers: RequestHeaders::new(),
        }
    }

    /// Sends these headers in place of the default ones. `ManagementRole` is not among those of this operation.
    pub const fn headers(mut self, headers: RequestHeaders<'a>) -> Self {
        self.headers = headers;
        self
    }

    /// Checks the request and starts to write it.
    ///
    /// # Errors
    /// Everything that a server would refuse in the request as a whole, before a byte is sent: see
    /// [`RequestError`].
    pub fn encoder(&self) -> Result<UploadEncoder<'a>, RequestError> {
        if self.items.is_empty() {
            return Err(RequestError::NoItems);
        }
        if self.headers.has_management_role() {
            return Err(RequestError::ManagementRoleUnsupported);
        }
        let writer = Writer::new(&self.headers, self.items)?;
        let mut len = writer.encoded_len();
        for item in self.items {
            len = (encoded_len(item.data_len).and_then(|data| len.checked_add(data)))
                .ok_or(RequestError::TooLong)?;
        }
        Ok(UploadEncoder {
            writer,
            items: self.items,
            data: None,
            len,
        })
    }
}

/// Writes one request; made by [`UploadItems::encoder`].
///
/// It holds a few bytes of the data at most, so each call costs what it writes.
/// A clone starts at the position of the original: keep a clone made at the start to send the same request again.
#[derive(Clone, Debug)]
#[must_use]
pub struct UploadEncoder<'a> {
    writer: Writer<'a, UploadItems<'a>>,
    items: &'a [UploadItem<'a>],
    /// The data that are being written.
    data: Option<Base64Encoder>,
    /// Length of the whole request.
    len: u64,
}

/// The data that an encoder needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WantedData {
    /// Position of the item in the list, from 0.
    pub index: usize,
    /// How many bytes of the item's data are still to come, at least 1.
    pub bytes: u64,
}

impl UploadEncoder<'_> {
    /// Returns the length of the whole request in bytes, the `Content-Length`, at any position.
    #[must_use]
    pub const fn encoded_len(&self) -> u64 {
        self.len
    }

    /// Returns whether everything has been written.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.data.is_none() && self.writer.is_done()
    }

    /// Returns which data are to be given to [`write`](Self::write) next; `None` while it needs none.
    #[must_use]
    pub fn wanted(&self) -> Option<WantedData> {
        let bytes = self.data.as_ref()?.left();
        let index = self.writer.data()?;
        (bytes > 0).then_some(WantedData { index, bytes })
    }

    /// Writes the next bytes of the request to `out` and returns how many there are.
    ///
    /// `data` are the next bytes of the items' data, any number of them, one item after the other. It is moved forward
    /// over what has been taken. As much is taken as [`UploadItem::data_len`] says, so data that are longer would become
    /// part of the next item: give at most [`wanted`](Self::wanted) bytes at once where each item has a source of its own.
    ///
    /// `out` is filled as long as the request and the data last. So fewer bytes than `out` has room for mean that more
    /// data are wanted or that the request is complete.
    #[must_use = "only so many bytes of `out` belong to the request"]
    pub fn write(&mut self, data: &mut &[u8], out: &mut [u8]) -> usize {
        let mut written: usize = 0;
        while let Some(room @ [_, ..]) = out.get_mut(written..) {
            let wrote = match &mut self.data {
                Some(encoder) => encoder.encode(data, room),
                None => self.writer.write(room),
            };
            written = written.wrapping_add(wrote);
            if !self.advance() && wrote == 0 {
                break;
            }
        }
        written
    }

    /// Changes from the markup to the data of an item, or back; `false` if neither has ended.
    fn advance(&mut self) -> bool {
        match (&self.data, self.writer.data()) {
            (Some(data), _) if data.is_done() => {
                self.data = None;
                self.writer.skip_data();
                true
            }
            (None, Some(index)) => {
                let len = self.items.get(index).map_or(0, |item| item.data_len);
                self.data = Some(Base64Encoder::new(len));
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{UploadItem, UploadItems, WantedData};
    use crate::ews::{FolderId, ManagementRole, RequestError, RequestField, RequestHeaders};

    const FOLDER: FolderId<'_> = FolderId::new("folder");

    #[test]
    fn what_no_server_takes_is_refused() {
        let folder = |id, change_key| [UploadItem::new(FolderId { id, change_key }, 1)];
        let roles = ManagementRole {
            user_roles: &["a"],
            application_roles: &[],
        };
        let good = folder("folder", None);
        for (request, error) in [
            (UploadItems::new(&[]), RequestError::NoItems),
            (
                UploadItems::new(&folder("", None)),
                RequestError::Empty {
                    field: RequestField::FolderId { index: 0 },
                },
            ),
            (
                UploadItems::new(&folder("folder", Some("\n"))),
                RequestError::Character {
                    field: RequestField::FolderChangeKey { index: 0 },
                    offset: 0,
                    character: '\n',
                },
            ),
            (
                UploadItems::new(&good).headers(RequestHeaders::new().management_role(roles)),
                RequestError::ManagementRoleUnsupported,
            ),
            (
                UploadItems::new(&[UploadItem::new(FOLDER, u64::MAX)]),
                RequestError::TooLong,
            ),
            (
                UploadItems::new(&[UploadItem::new(FOLDER, 1 << 63); 2]),
                RequestError::TooLong,
            ),
        ] {
            assert_eq!(request.encoder().err(), Some(error));
        }
    }

    #[test]
    fn data_are_wanted_until_they_are_there() {
        let items = [UploadItem::new(FOLDER, 0), UploadItem::new(FOLDER, 5)];
        let mut encoder = UploadItems::new(&items).encoder().unwrap();
        assert_eq!(encoder.wanted(), None);
        let mut out = [0; 2000];
        let mut written = 0;
        for (data, bytes) in [(&b""[..], 5), (b"", 5), (b"ab", 3), (b"", 3)] {
            written += encoder.write(&mut &*data, &mut out[written..]);
            assert_eq!(encoder.wanted(), Some(WantedData { index: 1, bytes }));
        }
        let mut data = &b"cdefg"[..];
        written += encoder.write(&mut data, &mut out[written..]);
        assert_eq!((data, encoder.wanted()), (&b"fg"[..], None));
        assert!(encoder.is_done());
        assert_eq!(written as u64, encoder.encoded_len());
    }
}
