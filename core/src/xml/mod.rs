//! Restricted XML 1.0: markup into tokens, resumable at every byte.
//!
//! # What is read
//! UTF-8, with or without a byte order mark and an XML declaration; elements and attributes; comments,
//! processing instructions and CDATA sections; the five predefined entities and numeric references.
//! Nothing is read after the root's end tag: the machine counts those bytes and looks for the truncation marker in them.
//!
//! # What is refused
//! - Document type declarations (SOAP 1.1 §3), and with them every other entity.
//! - UTF-16, and declared encodings other than UTF-8, US-ASCII, ISO-8859-1 and Windows-1252.
//! - Names of elements and attributes of more than [`MAX_NAME_LEN`] bytes.
//!
//! # What passes although it is not well-formed
//! This list is complete.
//! - Bytes that are not UTF-8, control characters, U+FFFE and U+FFFF, as they are or as numeric references. In a text
//!   that is handed out they become U+FFFD, in `Data` they are an error, elsewhere they do not matter.
//! - In names, any bytes beyond ASCII; a colon at the beginning or the end, and more than one. Namespaces are not looked
//!   at: prefixes need no declaration.
//! - Attributes without white space between them.
//! - Attributes that are there twice; the layer above refuses those that it reads.
//! - `--` in a comment, also before its end (`--->`), and `]]>` in text.
//! - The target of a processing instruction may be `XML` in any other case than `xml`, may begin with a digit, a hyphen
//!   or a full stop, and needs no white space after it.
//! - The XML declaration may follow comments. Its pseudo-attributes may have any name, order, number and value, but
//!   for `encoding`, whose every value is checked.
//! - CDATA sections and numeric references that are white space, before the root too.
//! - End tags of elements that are skipped are compared by a hash of all open names, not one by one.
//!
//! Line ends and attribute values are not normalised.
//!
//! This layer does not know EWS, and it does not know which tags belong together: it reports what it sees.

mod assembly;
mod cursor;
mod error;
pub(crate) mod hash;
mod lexer;
mod name;
mod reference;
mod section;
mod word;

pub(crate) use assembly::{Assembly, Piece, Span};
pub(crate) use cursor::Cursor;
pub(crate) use error::Error;
#[cfg(target_pointer_width = "64")]
pub(crate) use lexer::run;
pub(crate) use lexer::{Lexer, Token};
pub use name::MAX_NAME_LEN;
pub(crate) use word::Word;
