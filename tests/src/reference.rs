//! A naive reader of responses: the whole document in memory, quick-xml and the base64 crate.
//!
//! It answers one question, the one that matters: **which items may be committed, with which bytes?**
//!
//! # Where it differs from quick-xml's own idea of XML
//! The decoder reads restricted XML 1.0 (core, `response::xml`). Where quick-xml is more lenient, this
//! reader refuses as well:
//! - document type declarations; `<` and bad references in attribute values; names of other ASCII
//!   characters than a name may have; an XML declaration that is not at the start, or names an encoding that
//!   is neither UTF-8 nor a superset of ASCII that is in use; names of elements and attributes of more than
//!   [`MAX_NAME_LEN`] bytes, more than [`MAX_DEPTH`] elements.
//!
//! It stops at the root's end tag, as the decoder does: what follows is searched for the truncation marker.
//!
//! What it does not judge: the payload (see [`crate::payload_reference`]), limits on bytes, and why an item
//! failed.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems::{MAX_DEPTH, MAX_NAME_LEN};
use quick_xml::events::{BytesStart, Event};
use quick_xml::Reader;

/// The items of a response that may be committed: index and payload.
#[must_use]
pub fn committed(document: &str) -> Vec<(u32, Vec<u8>)> {
    let mut response = Response::default();
    let whole =
        read(document, &mut response).is_some() && response.answered && response.path.is_empty();
    if !whole {
        // The last item that began is cut.
        response.items.pop();
    }
    (0..)
        .zip(response.items)
        .filter_map(|(index, item)| Some((index, item.payload()?)))
        .collect()
}

/// What has been read.
#[derive(Default)]
struct Response {
    /// Local names of the open elements.
    path: Vec<String>,
    items: Vec<Item>,
    answered: bool,
}

/// One message.
#[derive(Default)]
struct Item {
    success: bool,
    codes: Vec<String>,
    data: Vec<String>,
    has_id: bool,
    /// It is a message of another operation, an attribute or `ItemId` is there twice, or an element or what is no
    /// character is in `Data`.
    bad: bool,
}

impl Item {
    fn payload(self) -> Option<Vec<u8>> {
        let [data] = &self.data[..] else {
            return None;
        };
        let no_error = self.codes.iter().all(|code| trim(code) == "NoError");
        if !self.success || !no_error || self.bad {
            return None;
        }
        let symbols: String = data
            .chars()
            .filter(|char| !" \t\r\n".contains(*char))
            .collect();
        let payload = STANDARD.decode(symbols).ok()?;
        (!payload.is_empty()).then_some(payload)
    }
}

/// Encodings that may be declared: names of UTF-8 and ASCII, and of supersets of ASCII that proxies declare.
const ENCODINGS: [&str; 5] = ["utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"];

/// Whether the truncation marker is in a text, white space left out of account.
fn has_marker(text: &str) -> bool {
    let text: String = text
        .chars()
        .filter(|char| !" \t\r\n".contains(*char))
        .collect();
    text.contains("===TruncatedData===")
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}

const MESSAGE: &[&str] = &[
    "Envelope",
    "Body",
    "ExportItemsResponse",
    "ResponseMessages",
    "ExportItemsResponseMessage",
];

/// Elements with only white space between them.
const SKELETON: usize = MESSAGE.len();

/// Reads up to the end, or the first thing that is wrong: `None`.
fn read(text: &str, response: &mut Response) -> Option<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // quick-xml would strip a second one, which is a character where none belongs.
    (!text.starts_with('\u{feff}')).then_some(())?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    loop {
        let at = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Eof => return Some(()),
            Event::Start(start) => response.open(&start)?,
            Event::Empty(start) => {
                response.open(&start)?;
                response.path.pop();
            }
            Event::End(end) => {
                let end = end.name();
                let name = end.as_ref();
                (!name.is_empty() && name.len() <= MAX_NAME_LEN).then_some(())?;
                response.path.pop();
                if response.path.is_empty() {
                    let end = usize::try_from(reader.buffer_position()).ok()?;
                    return (!has_marker(&text[end..])).then_some(());
                }
            }
            Event::Text(text) => response.text(&text, false)?,
            Event::CData(text) => response.text(&text, false)?,
            Event::GeneralRef(reference) => {
                let (char, bad) = resolve(&reference)?;
                response.text(char.encode_utf8(&mut [0; 4]), bad)?;
            }
            Event::Decl(declaration) => {
                (at == 0 && !declaration.contains('?')).then_some(())?;
                let declaration = BytesStart::from_content(&*declaration, "xml".len());
                let encodings = attributes(&declaration, "encoding")?;
                let known = |name: &String| ENCODINGS.contains(&&*name.to_ascii_lowercase());
                encodings.iter().all(known).then_some(())?;
            }
            Event::DocType(_) => return None,
            Event::PI(instruction) => {
                let rest = instruction.trim_start_matches(may_stand_in_name);
                let target = &instruction[..instruction.len() - rest.len()];
                // quick-xml takes `xml` for another target where no space follows.
                (!target.is_empty() && target != "xml").then_some(())?;
            }
            Event::Comment(_) => {}
        }
    }
}

impl Response {
    fn on(&self, path: &[&str]) -> bool {
        self.path == path
    }

    /// The name of the message's child that is open, if nothing is open in it.
    fn field(&self) -> Option<&str> {
        let in_message = self.path.len() == MESSAGE.len() + 1 && self.path.starts_with_all(MESSAGE);
        in_message.then(|| self.path[MESSAGE.len()].as_str())
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Option<()> {
        let name = start.name();
        let name = name.as_ref();
        is_name(name).then_some(())?;
        let local = name.split_once(':').map_or(name, |(_, local)| local);
        let class = attributes(start, "ResponseClass")?;
        if self.field() == Some("Data") {
            self.items.last_mut()?.bad = true;
        }
        match (&self.path[..], local) {
            ([], "Envelope") => {}
            ([], _) => return None,
            (path, "ExportItemsResponse" | "Fault") if path == &MESSAGE[..2] => {
                self.answered = true;
            }
            (path, _) if path == &MESSAGE[..2] => return None,
            _ => {}
        }
        self.path.push(local.to_owned());
        (self.path.len() <= MAX_DEPTH as usize).then_some(())?;
        if self.path.len() == MESSAGE.len() && self.path.starts_with_all(&MESSAGE[..4]) {
            self.items.push(Item {
                success: class == ["Success"],
                bad: !self.on(MESSAGE),
                ..Item::default()
            });
        }
        for name in self.read_attributes() {
            if attributes(start, name)?.len() > 1 {
                // Without a message that it can spoil, it spoils the response.
                let in_message = self.path.starts_with_all(&MESSAGE[..4]);
                self.items.last_mut().filter(|_| in_message)?.bad = true;
            }
        }
        let item = self.items.last_mut();
        match (self.path.len() == MESSAGE.len() + 1, item) {
            (true, Some(item)) if self.path.starts_with_all(MESSAGE) => match local {
                "Data" => item.data.push(String::new()),
                "ResponseCode" => item.codes.push(String::new()),
                "ItemId" => item.bad |= core::mem::replace(&mut item.has_id, true),
                _ => {}
            },
            _ => {}
        }
        Some(())
    }

    /// The attributes that are read of the element that was opened last, and not twice.
    fn read_attributes(&self) -> &'static [&'static str] {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["Envelope", "Header", "ServerVersionInfo"] => &[
                "Version",
                "MajorVersion",
                "MinorVersion",
                "MajorBuildNumber",
                "MinorBuildNumber",
            ],
            ["Envelope", "Body", "ExportItemsResponse", "ResponseMessages", _, "ItemId"] => {
                &["Id", "ChangeKey"]
            }
            ["Envelope", "Body", "ExportItemsResponse", "ResponseMessages", _, "MessageXml", _]
            | ["Envelope", "Body", "Fault", "detail" | "Detail", "MessageXml", _] => &["Name"],
            _ => &[],
        }
    }

    fn text(&mut self, text: &str, bad: bool) -> Option<()> {
        let field = self.field().map(str::to_owned);
        let depth = self.path.len();
        let skeleton = depth <= SKELETON && MESSAGE.starts_with_all_of(&self.path);
        let header = self.on(&["Envelope", "Header"]);
        if (skeleton || header) && !trim(text).is_empty() {
            return None;
        }
        let item = self.items.last_mut();
        match (field.as_deref(), item) {
            (Some("Data"), Some(item)) => {
                item.bad |= bad;
                item.data.last_mut()?.push_str(text);
            }
            (Some("ResponseCode"), Some(item)) => item.codes.last_mut()?.push_str(text),
            _ => {}
        }
        Some(())
    }
}

/// Comparison of paths of owned and of static names.
trait Paths {
    fn starts_with_all(&self, path: &[&str]) -> bool;
}

impl Paths for Vec<String> {
    fn starts_with_all(&self, path: &[&str]) -> bool {
        self.len() >= path.len() && self.iter().zip(path).all(|(a, b)| a == b)
    }
}

trait StaticPaths {
    fn starts_with_all_of(&self, path: &[String]) -> bool;
}

impl StaticPaths for [&str] {
    fn starts_with_all_of(&self, path: &[String]) -> bool {
        self.len() >= path.len() && self.iter().zip(path).all(|(a, b)| a == b)
    }
}

/// The values of attributes of this name, after a look at all attributes. `None`: one is wrong.
fn attributes(start: &BytesStart<'_>, wanted: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.ok()?;
        let name = attribute.key;
        is_name(name.as_ref()).then_some(())?;
        let value: &str = &attribute.value;
        (!value.contains('<')).then_some(())?;
        let mut resolved = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('&') {
            let (reference, after) = after.split_once(';')?;
            resolved += before;
            resolved.push(resolve(reference)?.0);
            rest = after;
        }
        resolved += rest;
        if name.as_ref() == wanted {
            found.push(resolved);
        }
    }
    Some(found)
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LEN
        && name.starts_with(starts_name)
        && name.chars().all(may_stand_in_name)
}

fn starts_name(char: char) -> bool {
    char.is_ascii_alphabetic() || "_:".contains(char) || !char.is_ascii()
}

fn may_stand_in_name(char: char) -> bool {
    starts_name(char) || char.is_ascii_digit() || "-.".contains(char)
}

/// The character that a reference means, and whether it is not a character of XML.
fn resolve(reference: &str) -> Option<(char, bool)> {
    let digits = |text: &str, radix| {
        let valid = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
        valid.then(|| u32::from_str_radix(text, radix).unwrap_or(u32::MAX))
    };
    let number = match reference {
        "lt" => return Some(('<', false)),
        "gt" => return Some(('>', false)),
        "amp" => return Some(('&', false)),
        "quot" => return Some(('"', false)),
        "apos" => return Some(('\'', false)),
        _ => match reference.strip_prefix('#')?.strip_prefix('x') {
            Some(hexadecimal) => digits(hexadecimal, 16)?,
            None => digits(&reference[1..], 10)?,
        },
    };
    Some(match char::from_u32(number) {
        Some('\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
        | None => ('\u{fffd}', true),
        Some(char) => (char, false),
    })
}
