//! The property by which copies of an archived item are found.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use exportitems::payload::{PayloadEvent, PropertyTag};
use exportitems::PayloadReader;

use crate::list::SameItem;

/// The longest value that is kept.
const LONGEST: usize = 64 * 1024;

/// `PidTagSubject` and `PidTagSearchKey`.
const SUBJECT: u16 = 0x0037;
const SEARCH_KEY: u16 = 0x300B;

/// Reads the search key of a payload, or its subject if it has none.
///
/// Both come before the recipients and attachments, which are not read.
pub(super) fn same_item(path: &Path) -> io::Result<SameItem> {
    let mut file = File::open(path)?;
    let mut reader = PayloadReader::new();
    let mut buffer = vec![0; 64 * 1024];
    let (mut tag, mut key, mut subject) = (PropertyTag(0), Vec::new(), Vec::new());
    let mut subject_type = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let mut piece = &buffer[..read];
        let mut is_over = read == 0;
        while let Some(event) = reader.next_event(&mut piece) {
            match event {
                PayloadEvent::Property(property) => tag = property.tag,
                PayloadEvent::Bytes(bytes) => {
                    let value = match tag.id() {
                        SEARCH_KEY => &mut key,
                        SUBJECT => {
                            subject_type = tag.property_type();
                            &mut subject
                        }
                        _ => continue,
                    };
                    let room = LONGEST.saturating_sub(value.len());
                    value.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                PayloadEvent::Open(_) | PayloadEvent::Deleted(_) | PayloadEvent::Stopped { .. } => {
                    is_over = true;
                    break;
                }
                _ => {}
            }
        }
        if is_over {
            break;
        }
    }
    Ok(match key.is_empty() {
        false => SameItem::SearchKey(key),
        true => SameItem::Subject(text(&subject, subject_type)),
    })
}

/// Decodes a text: UTF-16, or another code page, of which only ASCII is read.
fn text(bytes: &[u8], kind: u16) -> String {
    let text = match kind {
        0x001F | 0x84B0 => {
            let units = bytes
                .chunks_exact(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.trim_end_matches('\0').to_owned()
}
