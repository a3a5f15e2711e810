//! Reads the SOAP message that answers a request for a list.
//!
//! Elements are recognised by their local names and their place. Unknown elements, headers, codes and classes of items
//! are skipped or kept as they are, so a newer server does not make a list unreadable. A message that ends early is an
//! error at any byte.

use core::fmt;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::answer::{Answer, Entry, Kind, Message, Page, Refusal};

/// Elements within each other in an answer. A list has about 12.
const DEEPEST: usize = 100;

/// `PidTagMessageSizeExtended` and `PidTagAssociatedContentCount`.
const MESSAGE_SIZE: u32 = 0x0E08;
const ASSOCIATED_COUNT: u32 = 0x3617;

/// An answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The answer is not UTF-8.
    NotUtf8,
    /// The answer ends early.
    Cut,
    /// The answer is not well-formed at this byte.
    Malformed {
        /// The offset in bytes.
        offset: u64,
        /// The error.
        error: String,
    },
    /// The answer has a document type declaration, which SOAP does not allow.
    Dtd,
    /// The answer is not a SOAP message for this operation.
    NotAnAnswer,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("the answer is not UTF-8"),
            Self::Cut => f.write_str("the answer ends early"),
            Self::Malformed { offset, error } => {
                write!(f, "the answer is not well-formed at byte {offset}: {error}")
            }
            Self::Dtd => f.write_str("the answer has a document type declaration"),
            Self::NotAnAnswer => f.write_str("the answer belongs to another operation"),
        }
    }
}

impl core::error::Error for ReadError {}

/// Reads the answer to a request for `operation`.
pub(super) fn read(operation: &str, body: &[u8]) -> Result<Answer, ReadError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = match core::str::from_utf8(body) {
        Ok(text) => text,
        // The bytes end inside a character.
        Err(error) if error.error_len().is_none() => return Err(ReadError::Cut),
        Err(_) => return Err(ReadError::NotUtf8),
    };
    let mut walk = Walk {
        reader: Reader::from_str(text),
        response: format!("{operation}Response"),
        open: Vec::new(),
        text: String::new(),
        answer: Answer::default(),
        is_answer: false,
        message: None,
        entry: None,
        property: None,
    };
    walk.reader.config_mut().expand_empty_elements = true;
    while walk.step()? {}
    if walk.answer.fault.is_some() || walk.is_answer {
        Ok(walk.answer)
    } else {
        Err(ReadError::NotAnAnswer)
    }
}

struct Walk<'t> {
    reader: Reader<&'t [u8]>,
    /// The name of the element in the body.
    response: String,
    /// The local names of the open elements.
    open: Vec<String>,
    /// The text of the innermost element so far.
    text: String,
    answer: Answer,
    /// The element in the body is the expected one.
    is_answer: bool,
    message: Option<Message>,
    /// The current entry, and the number of elements around it.
    entry: Option<(Entry, usize)>,
    /// The id of the current extended property.
    property: Option<u32>,
}

impl Walk<'_> {
    /// Reads one event. Returns `false` at the end of the root element.
    fn step(&mut self) -> Result<bool, ReadError> {
        let event = match self.reader.read_event() {
            Ok(event) => event,
            Err(error) => return Err(self.wrong(&error)),
        };
        match event {
            Event::Start(start) => self.start(&start)?,
            Event::End(_) => {
                self.end();
                return Ok(!self.open.is_empty());
            }
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = character(&reference).ok_or_else(|| {
                    self.malformed(&format!("unknown entity {}", reference.xml10_content()))
                })?;
                self.text.push_str(&character);
            }
            Event::DocType(_) => return Err(ReadError::Dtd),
            Event::Eof => return Err(ReadError::Cut),
            _ => {}
        }
        Ok(true)
    }

    fn malformed(&self, error: &str) -> ReadError {
        ReadError::Malformed {
            offset: self.reader.error_position(),
            error: error.to_owned(),
        }
    }

    /// Returns the error for one of the reader. Most are the end of the message inside of markup.
    fn wrong(&self, error: &quick_xml::Error) -> ReadError {
        match error {
            quick_xml::Error::Syntax(_) => ReadError::Cut,
            other => self.malformed(&other.to_string()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), ReadError> {
        if self.open.len() >= DEEPEST {
            return Err(self.malformed("too many elements within each other"));
        }
        let name = start.local_name().as_ref().to_owned();
        let parent = self.open.last().map_or("", String::as_str).to_owned();
        let depth = self.open.len();
        self.text.clear();
        let is_in_body = depth == 2 && parent == "Body";
        self.is_answer |= is_in_body && name == self.response;
        if is_in_body && name == "Fault" {
            self.answer.fault = Some(Refusal::default());
        } else if depth == 4 && parent == "ResponseMessages" && self.is_answer {
            let class = attribute(start, "ResponseClass");
            self.message = Some(Message {
                is_success: class.as_deref() == Some("Success"),
                ..Message::default()
            });
        } else if name == "Value" && parent == "MessageXml" {
            // The name is kept in the place of the element's own.
            self.open.push(attribute(start, "Name").unwrap_or_default());
            return Ok(());
        } else if let Some((entry, around)) = &mut self.entry {
            match (name.as_str(), depth - *around) {
                ("ItemId" | "FolderId", 1) => {
                    entry.id = attribute(start, "Id").unwrap_or_default();
                    entry.change_key = attribute(start, "ChangeKey").filter(|key| !key.is_empty());
                }
                ("ParentFolderId", 1) => entry.parent_id = attribute(start, "Id"),
                ("ExtendedFieldURI", 2) => {
                    self.property = attribute(start, "PropertyTag").and_then(|tag| number(&tag));
                }
                _ => {}
            }
        } else if let Some(message) = &mut self.message {
            if name == "RootFolder" && depth == 5 {
                let count = |name| attribute(start, name).and_then(|text| text.parse().ok());
                let is_last = attribute(start, "IncludesLastItemInRange");
                message.page = Some(Page {
                    next: count("IndexedPagingOffset"),
                    total: count("TotalItemsInView"),
                    is_last: is_last.and_then(|text| boolean(&text)),
                });
            }
            let kind = match (parent.as_str(), name.as_str()) {
                ("Items" | "Folders", _) => Some(Kind::Listed),
                ("Create", _) => Some(Kind::Create),
                ("Update", _) => Some(Kind::Update),
                ("Changes", "Delete") => Some(Kind::Delete),
                ("Changes", "ReadFlagChange") => Some(Kind::ReadFlagChange),
                _ => None,
            };
            if let Some(kind) = kind {
                let element = name.clone();
                let entry = Entry {
                    kind,
                    element,
                    ..Entry::default()
                };
                self.entry = Some((entry, depth));
            }
        }
        self.open.push(name);
        Ok(())
    }

    fn end(&mut self) {
        let name = self.open.pop().unwrap_or_default();
        let text = core::mem::take(&mut self.text);
        let depth = self.open.len();
        if let Some((entry, around)) = &mut self.entry {
            if depth == *around {
                self.end_of_entry();
            } else if depth == *around + 1 {
                property(entry, &name, text);
            } else if name == "Value" && depth == *around + 2 {
                match self.property.take() {
                    Some(MESSAGE_SIZE) => entry.size = text.trim().parse().ok(),
                    Some(ASSOCIATED_COUNT) => entry.associated_total = text.trim().parse().ok(),
                    _ => {}
                }
            }
            return;
        }
        if let Some(message) = &mut self.message {
            match name.as_str() {
                "SyncState" => message.sync_state = Some(text.trim().to_owned()),
                "IncludesLastItemInRange" => message.is_last = boolean(&text),
                _ => {}
            }
        }
        let refusal = match (&mut self.message, &mut self.answer.fault) {
            (Some(message), _) => &mut message.result,
            (None, Some(fault)) => fault,
            (None, None) => return,
        };
        match name.as_str() {
            "ResponseCode" => text.trim().clone_into(&mut refusal.code),
            "MessageText" | "faultstring" => refusal.text = text,
            // The code of a SOAP fault has a prefix.
            "faultcode" if refusal.code.is_empty() => {
                let code = text.trim().rsplit(':').next().unwrap_or_default();
                code.clone_into(&mut refusal.code);
            }
            "BackOffMilliseconds" => refusal.back_off_ms = text.trim().parse().ok(),
            "InnerErrorResponseCode" => refusal.inner_code = Some(text.trim().to_owned()),
            _ => {}
        }
        if depth == 4 {
            self.answer.messages.extend(self.message.take());
        }
    }

    fn end_of_entry(&mut self) {
        if let (Some((entry, _)), Some(message)) = (self.entry.take(), &mut self.message) {
            if entry.id.is_empty() {
                message.without_id += 1;
            } else {
                message.entries.push(entry);
            }
        }
    }
}

/// Keeps the text of an entry's child.
fn property(entry: &mut Entry, name: &str, text: String) {
    match name {
        "ItemClass" | "FolderClass" => entry.class = Some(text),
        "Subject" | "DisplayName" => entry.name = Some(text),
        "DateTimeReceived" => entry.received = Some(text.trim().to_owned()),
        "Size" => entry.size = text.trim().parse().ok(),
        "IsAssociated" => entry.associated = boolean(&text),
        "TotalCount" => entry.total = text.trim().parse().ok(),
        _ => {}
    }
}

/// Returns an attribute by its local name.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
    Some(value.into_owned())
}

/// Returns the text of a reference. Exchange writes references to control characters, which XML does not allow; they
/// become U+FFFD.
fn character(reference: &BytesRef<'_>) -> Option<String> {
    if reference.is_char_ref() {
        let character = reference.resolve_char_ref().ok().flatten();
        let is_text = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        let character = character
            .filter(is_text)
            .unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some(character.to_string());
    }
    let name = reference.xml10_content();
    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
}

/// Reads a boolean of XML Schema.
fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Reads the number of a `PropertyTag`.
fn number(tag: &str) -> Option<u32> {
    match tag.strip_prefix("0x").or_else(|| tag.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => tag.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
