//! Opens items that EWS `ExportItems` exported, and converts them.
//!
//! - [`Item::read`] reads a payload into a tree: properties, recipients, attachments, embedded messages.
//!   Large values stay in the file.
//! - [`eml::write`] writes it as an Internet message, [`mbox::append`] into an mbox file, and [`plain::write`] as text.
//! - [`msg::write`] writes every property of it into an Outlook message.
//! - [`ics::write`] writes an appointment, a meeting or a task as an iCalendar object, and [`vcf::write`] a contact as a
//!   vCard.
//! - [`maildir`] has names, flags and times for a Maildir, and names of its folders.
//! - [`Summary`] has the headers and the tree of parts, and [`names`] the names of properties.
//!
//! Two passes over the file and no spool: the first one keeps small values and the places of large ones, the second
//! one copies from the file. What could not be converted as it is comes back as [`Warning`]s.
//!
//! ```
//! use std::io::Cursor;
//!
//! use exportitems_convert::{eml, Item};
//!
//! let payload = [
//!     // record 1 Config, 8 bytes; record 2 TransferBuffer, 14 bytes
//!     &[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 14, 0, 0, 0][..],
//!     // PidTagSubject, a PtypString8 of 6 bytes
//!     &[0x1E, 0, 0x37, 0, 6, 0, 0, 0, b'H', b'e', b'l', b'l', b'o', 0],
//! ]
//! .concat();
//!
//! let mut file = Cursor::new(payload);
//! let item = Item::read(&mut file)?;
//! let mut message = Vec::new();
//! let warnings = eml::write(&item, &mut file, &mut message, &eml::Options::default())?;
//! assert!(message.starts_with(b"Subject: Hello\r\n"));
//! assert_eq!(warnings, []);
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used))]

mod address;
mod body;
mod content_line;
pub mod eml;
mod encode;
mod header;
pub mod ics;
mod item;
pub mod maildir;
pub mod mbox;
pub mod msg;
pub mod names;
mod ole;
pub mod plain;
mod rtf;
mod source;
mod summary;
mod text;
mod time;
mod values;
pub mod vcf;
mod warning;

pub use address::{AddressMap, Mailbox};
pub use item::{Attachment, Item, Message, Name, Properties, Property, Value};
pub use source::Source;
pub use summary::{copy_attachment, value_text, AttachmentSummary, Summary};
pub use time::Time;
pub use warning::{Warning, WarningKind};
