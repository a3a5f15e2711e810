//! What to compare with: limits that cannot be exceeded, and other ways to the same bytes.

use std::io::BufReader;

use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};
use base64::engine::Simd;
use base64::Engine as _;
use exportitems::{PayloadCheck, Verdict};
use quick_xml::events::Event;
use rxml::Parse as _;

use crate::FEED;

/// A bare base64 engine.
#[derive(Clone, Copy, Debug)]
pub struct RawEngine {
    /// Its crate and kind.
    pub name: &'static str,
    /// Decodes symbols, [`FEED`] at a time, into a window of that size, and returns the number of bytes.
    pub decode: fn(&[u8], &mut [u8]) -> u64,
}

/// The bare engines; the first is the scalar one.
pub const ENGINES: [RawEngine; 3] = [
    RawEngine {
        name: "base64 0.23 scalar",
        decode: |symbols, window| {
            windows(symbols, |piece| STANDARD.decode_slice(piece, window).ok())
        },
    },
    RawEngine {
        name: "base64 0.23 Simd",
        decode: |symbols, window| {
            let engine = Simd::standard(GeneralPurposeConfig::new());
            windows(symbols, |piece| engine.decode_slice(piece, window).ok())
        },
    },
    RawEngine {
        name: "base64-turbo 0.5",
        decode: |symbols, window| {
            windows(symbols, |piece| {
                base64_turbo::STANDARD.decode_slice(piece, window).ok()
            })
        },
    },
];

fn windows(symbols: &[u8], mut decode: impl FnMut(&[u8]) -> Option<usize>) -> u64 {
    let pieces = symbols.chunks(FEED);
    pieces
        .map(|piece| decode(piece).expect("base64") as u64)
        .sum()
}

/// Copies, [`FEED`] bytes at a time, into the same window.
pub fn memcpy(xml: &[u8], window: &mut [u8]) -> u64 {
    for piece in xml.chunks(FEED) {
        window[..piece.len()].copy_from_slice(std::hint::black_box(piece));
        std::hint::black_box(&mut *window);
    }
    xml.len() as u64
}

/// Counts the tags.
#[must_use]
pub fn memchr(xml: &[u8]) -> u64 {
    memchr::memchr_iter(b'<', xml).count() as u64
}

/// Finds each `Data`, decodes it with this engine and checks the payload; reads nothing else of the response.
///
/// # Panics
/// If what it finds is not base64 that fits into the window.
#[must_use]
pub fn data_alone(xml: &[u8], engine: &RawEngine, window: &mut [u8]) -> u64 {
    let mut check = PayloadCheck::new();
    let mut bytes = 0;
    let mut rest = xml;
    while let Some(start) = memchr::memmem::find(rest, b"<m:Data>") {
        rest = &rest[start + b"<m:Data>".len()..];
        let end = memchr::memchr(b'<', rest).expect("an end tag");
        let len =
            usize::try_from((engine.decode)(&rest[..end], window)).expect("a window's length");
        check.reset();
        check.update(&window[..len]);
        assert_eq!(check.verdict(), Verdict::Whole);
        bytes += len as u64;
        rest = &rest[end..];
    }
    bytes
}

/// quick-xml over the response in memory, with base64's scalar engine.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn quick_xml_slice(xml: &[u8], strip: bool) -> u64 {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut data = Data::new(strip);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) => data.open(tag.local_name().as_ref()),
            Event::Text(text) => data.text(&text),
            Event::End(_) => data.close(),
            Event::Eof => return data.bytes,
            _ => {}
        }
    }
}

/// quick-xml over a response in memory whose messages refuse their items: the class, code, texts and values of each, with
/// references resolved. Returns the length of all of these.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn quick_xml_errors(xml: &[u8]) -> u64 {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let (mut is_read, mut length) = (false, 0);
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) => {
                let attribute = match tag.local_name().as_ref() {
                    "ExportItemsResponseMessage" => Some("ResponseClass"),
                    "Value" => Some("Name"),
                    _ => None,
                };
                is_read = matches!(
                    tag.local_name().as_ref(),
                    "MessageText" | "ResponseCode" | "DescriptiveLinkKey" | "Value"
                );
                if let Some(name) = attribute {
                    let value = tag.try_get_attribute(name).expect("attributes");
                    let value = value
                        .expect("the attribute")
                        .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                        .expect("references");
                    length += value.len() as u64;
                }
            }
            Event::Text(text) if is_read => length += text.len() as u64,
            Event::GeneralRef(name) if is_read => {
                let text = quick_xml::escape::resolve_predefined_entity(&name);
                length += text.expect("a predefined entity").len() as u64;
            }
            Event::End(_) => is_read = false,
            Event::Eof => return length,
            _ => {}
        }
    }
}

/// quick-xml over a reader of [`FEED`] bytes at a time: each `Data` is put together in memory.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn quick_xml_buffered(xml: &[u8], strip: bool) -> u64 {
    let mut reader = quick_xml::Reader::from_reader(BufReader::with_capacity(FEED, xml));
    let mut data = Data::new(strip);
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).expect("XML") {
            Event::Start(tag) => data.open(tag.local_name().as_ref()),
            Event::Text(text) => data.text(&text),
            Event::End(_) => data.close(),
            Event::Eof => return data.bytes,
            _ => {}
        }
        buffer.clear();
    }
}

/// rxml, fed [`FEED`] bytes at a time, with base64's scalar engine.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn rxml(xml: &[u8]) -> u64 {
    let mut parser = rxml::Parser::new();
    let mut data = Data::new(true);
    let mut symbols = String::new();
    for mut piece in xml.chunks(FEED) {
        // `EndOfBuffer`, which is an error here, wants the next piece.
        while let Ok(Some(event)) = parser.parse(&mut piece, false) {
            match event {
                rxml::Event::StartElement(_, (_, name), _) => data.open(&name),
                rxml::Event::Text(_, text) if data.inside => symbols.push_str(&text),
                rxml::Event::EndElement(_) => {
                    data.text(&symbols);
                    symbols.clear();
                    data.close();
                }
                _ => {}
            }
        }
    }
    data.bytes
}

/// roxmltree: the whole document as a tree, then base64's scalar engine.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn roxmltree(xml: &[u8]) -> u64 {
    let text = std::str::from_utf8(xml).expect("UTF-8");
    let document = roxmltree::Document::parse(text).expect("XML");
    let mut data = Data::new(true);
    for node in document.descendants() {
        data.open(node.tag_name().name());
        data.text(node.text().unwrap_or_default());
        data.close();
    }
    data.bytes
}

/// What a client of a general parser does with `Data`.
struct Data {
    /// Whether to take white space out before decoding, which base64Binary allows and engines refuse.
    strip: bool,
    inside: bool,
    stripped: Vec<u8>,
    decoded: Vec<u8>,
    bytes: u64,
}

impl Data {
    const fn new(strip: bool) -> Self {
        Self {
            strip,
            inside: false,
            stripped: Vec::new(),
            decoded: Vec::new(),
            bytes: 0,
        }
    }

    fn open(&mut self, name: &str) {
        self.inside = name == "Data";
    }

    fn close(&mut self) {
        self.inside = false;
    }

    fn text(&mut self, text: &str) {
        if !self.inside {
            return;
        }
        let symbols = if self.strip {
            self.stripped.clear();
            let kept = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
            self.stripped.extend(kept);
            &self.stripped
        } else {
            text.as_bytes()
        };
        self.decoded.clear();
        STANDARD
            .decode_vec(symbols, &mut self.decoded)
            .expect("base64");
        self.bytes += self.decoded.len() as u64;
    }
}
