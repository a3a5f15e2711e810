//! An item as an Outlook message (`.msg`), [MS-OXMSG]: every property, in a compound file.
//!
//! [MS-OXMSG]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg/

mod buffered;
mod named;
mod value;

use std::collections::HashSet;
use std::io::{self, Read, Seek, Write};
use std::time::SystemTime;

use cfb::{CompoundFile, Version};

use crate::eml::{Options, People};
use crate::item::{Attachment, Item, Message, Properties, Value};
use crate::ole;
use crate::source::Source;
use crate::values::{strings, Values};
use crate::warning::{Warning, WarningKind};

use buffered::Buffered;
use named::Names;

/// The maximum depth of embedded messages that are written.
const MAX_DEPTH: usize = 32;
/// The maximum number of storages and streams that are written of an OLE object.
const MAX_OLE_ENTRIES: usize = 10_000;
/// The maximum size of the values in a compound file of version 3, in bytes: 2 GiB less 32 MiB for its tables.
const MAX_FILE: u64 = 0x7E00_0000;

/// Writes an item as an Outlook message. `out` must be empty.
///
/// Nothing of the size of an attachment is held. The same item gives the same bytes.
/// An OLE object becomes a storage with the streams of its compound file.
///
/// # Errors
/// Those of the source and of the writer; and [`io::ErrorKind::FileTooLarge`] where the values exceed the 2 GiB that
/// the format allows.
pub fn write<F: Read + Write + Seek>(
    item: &Item,
    source: &mut dyn Source,
    out: F,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    if estimate(&item.message) > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the item exceeds the 2 GiB of a .msg file; convert it to .eml",
        ));
    }
    let mut writer = Writer {
        values: Values::new(source),
        file: CompoundFile::create_with_version(Version::V3, Buffered::new(out))?,
        names: Names::default(),
        options,
        size: u32::try_from(item.len).unwrap_or(u32::MAX),
    };
    let class = cfb_class();
    writer.file.set_storage_clsid("/", class)?;
    writer.file.set_created_time("/", SystemTime::UNIX_EPOCH)?;
    writer.file.set_modified_time("/", SystemTime::UNIX_EPOCH)?;
    writer.message(&item.message, "", 0)?;
    writer.names()?;
    writer.file.flush()?;
    Ok(writer.values.warnings)
}

/// 00020D0B-0000-0000-C000-000000000046, that of an Outlook message.
fn cfb_class() -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0002_0D0B_0000_0000_C000_0000_0000_0046)
}

struct Writer<'a, F: Read + Write + Seek> {
    values: Values<'a>,
    file: CompoundFile<Buffered<F>>,
    names: Names,
    options: &'a Options,
    /// The length of the payload.
    size: u32,
}

/// The rows of a storage's `__properties_version1.0`.
#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
    ids: HashSet<u16>,
}

impl Rows {
    fn put(&mut self, tag: u32, value: [u8; 8]) {
        self.bytes.extend(tag.to_le_bytes());
        self.bytes.extend(6_u32.to_le_bytes()); // PROPATTR_READABLE, PROPATTR_WRITABLE
        self.bytes.extend(value);
    }

    fn integer(&mut self, id: u16, value: u32) {
        if self.ids.insert(id) {
            let mut bytes = [0; 8];
            if let Some(start) = bytes.first_chunk_mut() {
                *start = value.to_le_bytes();
            }
            self.put(u32::from(id) << 16 | 3, bytes);
        }
    }
}

impl<F: Read + Write + Seek> Writer<'_, F> {
    fn message(&mut self, message: &Message, path: &str, depth: usize) -> io::Result<()> {
        let strings = strings(message);
        let mut rows = Rows::default();
        rows.integer(0x340D, 0x0004_0000); // PidTagStoreSupportMask: STORE_UNICODE_OK
        let is_own = |id| matches!(id, 0x674A | 0x65E0..=0x65E3 | 0x0FF9 | 0x0E21);
        self.properties(&message.properties, path, strings, &mut rows, is_own)?;

        // What a store computes and an export lacks.
        let people = People::of(message, &mut self.values, self.options)?;
        for (id, list) in [
            (0x0E04, &people.to),
            (0x0E03, &people.cc),
            (0x0E02, &people.bcc),
        ] {
            let names: Vec<_> = list
                .iter()
                .map(|it| {
                    if it.name.is_empty() {
                        &*it.address
                    } else {
                        &*it.name
                    }
                })
                .collect();
            self.text(path, id, &names.join("; "), &mut rows)?;
        }
        if depth == 0 {
            rows.integer(0x0E08, self.size); // PidTagMessageSize
        }
        if rows.ids.insert(0x0E1B) {
            let has = u8::from(!message.attachments.is_empty());
            rows.put(0x0E1B_000B, [has, 0, 0, 0, 0, 0, 0, 0]);
        }

        for (index, recipient) in message.recipients.iter().enumerate() {
            let path = format!("{path}/__recip_version1.0_#{index:08X}");
            self.storage(&path)?;
            let mut rows = Rows::default();
            rows.integer(0x3000, u32::try_from(index).unwrap_or(u32::MAX)); // PidTagRowid
            self.properties(recipient, &path, strings, &mut rows, |_| false)?;
            self.rows(&path, &[0; 8], &rows)?;
        }
        let mut attachments = 0_u32;
        for attachment in &message.attachments {
            if depth + 1 >= MAX_DEPTH && attachment.embedded.is_some() {
                self.values.warn(WarningKind::TooDeep, "");
                continue;
            }
            self.attachment(attachment, path, attachments, strings, depth)?;
            attachments += 1;
        }
        let recipients = u32::try_from(message.recipients.len()).unwrap_or(u32::MAX);
        let mut header = vec![0; 8];
        for count in [recipients, attachments, recipients, attachments] {
            header.extend(count.to_le_bytes());
        }
        if depth == 0 {
            header.extend([0; 8]);
        }
        self.rows(path, &header, &rows)
    }

    fn attachment(
        &mut self,
        attachment: &Attachment,
        path: &str,
        index: u32,
        strings: u16,
        depth: usize,
    ) -> io::Result<()> {
        let path = format!("{path}/__attach_version1.0_#{index:08X}");
        self.storage(&path)?;
        let mut rows = Rows::default();
        rows.integer(0x0E21, index); // PidTagAttachNumber
        let data = attachment.properties.get(0x3701);
        if let Some(embedded) = &attachment.embedded {
            rows.integer(0x3705, 5); // afEmbeddedMessage
            rows.ids.insert(0x3701);
            rows.put(0x3701_000D, [0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0]);
            let inner = format!("{path}/__substg1.0_3701000D");
            self.storage(&inner)?;
            self.message(embedded, &inner, depth + 1)?;
        } else if let Some(data) = data.filter(|data| data.tag.property_type() == 0x000D) {
            let inner = format!("{path}/__substg1.0_3701000D");
            if self.ole(&data.value, &inner)? {
                rows.integer(0x3705, 6); // afOle
                rows.ids.insert(0x3701);
                rows.put(0x3701_000D, [0xFF, 0xFF, 0xFF, 0xFF, 4, 0, 0, 0]);
            } else {
                rows.integer(0x3705, 1); // afByValue
            }
        }
        self.properties(&attachment.properties, &path, strings, &mut rows, |_| false)?;
        self.rows(&path, &[0; 8], &rows)
    }

    /// Copies the streams of a compound file into a storage; `false` if the value is no compound file.
    fn ole(&mut self, value: &Value, path: &str) -> io::Result<bool> {
        let Some(mut object) = ole::open(value, self.values.source)? else {
            return Ok(false);
        };
        self.file.create_storage(path)?;
        let entries: Vec<_> = object.walk().take(MAX_OLE_ENTRIES).collect();
        // A damaged file may have the same bytes in many streams.
        let mut left = value.len();
        let mut is_whole = entries.len() < MAX_OLE_ENTRIES;
        for entry in entries {
            let name = entry.path().to_string_lossy().replace('\\', "/");
            let target = format!("{path}{}", name.trim_end_matches('/'));
            if !entry.is_stream() {
                if !entry.is_root() {
                    self.file.create_storage(&target)?;
                }
                self.file.set_storage_clsid(&target, *entry.clsid())?;
                self.file
                    .set_created_time(&target, SystemTime::UNIX_EPOCH)?;
                self.file
                    .set_modified_time(&target, SystemTime::UNIX_EPOCH)?;
                continue;
            }
            let mut stream = self.file.create_stream(&target)?;
            let copied = object.open_stream(entry.path()).and_then(|bytes| {
                let mut bytes = bytes.take(left);
                io::copy(&mut bytes, &mut stream)
            });
            stream.flush()?;
            match copied {
                Ok(copied) => {
                    is_whole &= copied == entry.len();
                    left -= copied;
                }
                Err(error) if ole::is_malformed(&error) => is_whole = false,
                Err(error) => return Err(error),
            }
        }
        if !is_whole {
            self.values
                .warn(WarningKind::SkippedAttachment, "a part of an OLE object");
        }
        Ok(true)
    }

    /// Writes the properties of a message, recipient or attachment, except those left out; the first of an id counts.
    fn properties(
        &mut self,
        properties: &Properties,
        path: &str,
        strings: u16,
        rows: &mut Rows,
        is_left_out: impl Fn(u16) -> bool,
    ) -> io::Result<()> {
        for property in &properties.0 {
            let id = match property.name.as_deref() {
                None => property.tag.id(),
                Some(name) => match self.names.id(name) {
                    Some(id) => id,
                    None => continue, // 32,766 of them are known
                },
            };
            // Meta-properties describe the stream.
            let is_meta = (0x4000..0x4019).contains(&id);
            if is_meta || is_left_out(id) || !rows.ids.insert(id) {
                continue;
            }
            self.property(property, id, path, strings, rows)?;
        }
        Ok(())
    }

    fn text(&mut self, path: &str, id: u16, text: &str, rows: &mut Rows) -> io::Result<()> {
        if !rows.ids.insert(id) {
            return Ok(());
        }
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let tag = u32::from(id) << 16 | 0x1F;
        self.stream(&format!("{path}/__substg1.0_{tag:08X}"), &bytes)?;
        rows.put(tag, value::size(bytes.len() as u64 + 2));
        Ok(())
    }

    /// Creates a storage with a fixed time.
    fn storage(&mut self, path: &str) -> io::Result<()> {
        self.file.create_storage(path)?;
        self.file.set_created_time(path, SystemTime::UNIX_EPOCH)?;
        self.file.set_modified_time(path, SystemTime::UNIX_EPOCH)
    }

    fn stream(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.file.create_stream(path)?;
        stream.write_all(bytes)?;
        stream.flush()
    }

    fn rows(&mut self, path: &str, header: &[u8], rows: &Rows) -> io::Result<()> {
        let bytes = [header, &rows.bytes].concat();
        self.stream(&format!("{path}/__properties_version1.0"), &bytes)
    }

    /// Writes the table of names, which embedded messages share.
    fn names(&mut self) -> io::Result<()> {
        let path = "/__nameid_version1.0";
        self.storage(path)?;
        for (id, bytes) in std::mem::take(&mut self.names).streams() {
            self.stream(&format!("{path}/__substg1.0_{id:04X}0102"), &bytes)?;
        }
        Ok(())
    }
}

/// Returns the maximum size of the values in whole sectors, in bytes.
fn estimate(message: &Message) -> u64 {
    fn sectors(properties: &Properties) -> u64 {
        let sizes = properties
            .0
            .iter()
            .map(|property| match property.tag.property_type() {
                0x0102 | 0x000D => property.value.len() + 512,
                // No byte of a string becomes more than two UTF-16 units.
                _ => property.value.len() * 4 + 512,
            });
        sizes.sum()
    }
    let mut bytes = 0;
    let mut messages = vec![message];
    while let Some(message) = messages.pop() {
        bytes += sectors(&message.properties);
        bytes += message.recipients.iter().map(sectors).sum::<u64>();
        for attachment in &message.attachments {
            bytes += sectors(&attachment.properties);
            messages.extend(attachment.embedded.as_deref());
        }
    }
    bytes
}

/// Returns whether a value fits into a row.
fn is_fixed(value: &Value) -> bool {
    matches!(value, Value::Fixed(_))
}
