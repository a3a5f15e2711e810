//! The bodies of a message, and how they are written.

use std::collections::HashSet;
use std::io::{self, Read as _, Write};

use crate::encode::CrlfWriter;
use crate::item::{Message, Property};
use crate::rtf::{self, Decapsulator, Kind};
use crate::source::ValueReader;
use crate::text::{self, code_page};
use crate::values::{strings, Values};
use crate::warning::WarningKind;

/// The maximum number of references that are kept of a body, and the maximum length of one in bytes.
const MAX_REFERENCES: usize = 10_000;
const MAX_REFERENCE: usize = 512;

/// The bodies that are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies<'a> {
    pub(crate) text: Option<Body<'a>>,
    pub(crate) html: Option<Body<'a>>,
    /// RTF that was written as such.
    pub(crate) rtf: Option<&'a Property>,
}

/// One body, in one form.
#[derive(Clone, Debug)]
pub(crate) struct Body<'a> {
    property: &'a Property,
    form: Form,
    is_html: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// A string of that code page.
    String(u16),
    /// HTML as bytes, in that code page.
    Bytes(u16),
    Rtf(Kind),
}

impl<'a> Bodies<'a> {
    /// Chooses the bodies of a message, [MS-OXBBODY] section 2.1.3.1.
    ///
    /// [MS-OXBBODY]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxbbody/
    pub(crate) fn of(message: &'a Message, values: &mut Values<'_>) -> io::Result<Self> {
        let properties = &message.properties;
        let strings = strings(message);
        let there = |id| properties.get(id).filter(|it| !it.value.is_empty());
        let mut bodies = Self::default();
        // PidTagReportText, of a report
        if let Some(property) = there(0x1000).or_else(|| there(0x1001)) {
            bodies.text = code_page(property.tag, strings).map(|page| Body {
                property,
                form: Form::String(page),
                is_html: false,
            });
        }
        if let Some(property) = there(0x1013) {
            let form = match code_page(property.tag, strings) {
                Some(page) => Form::String(page),
                None => Form::Bytes(Self::html_page(message, property, values)?),
            };
            bodies.html = Some(Body {
                property,
                form,
                is_html: true,
            });
        }
        let Some(rtf) = there(0x1009).filter(|_| bodies.html.is_none()) else {
            return Ok(bodies);
        };
        let kind = rtf::kind(&mut ValueReader::new(&rtf.value, values.source)?)?;
        let body = Some(Body {
            property: rtf,
            form: Form::Rtf(kind),
            is_html: kind == Kind::Html,
        });
        match kind {
            Kind::Html => bodies.html = body,
            Kind::Text if bodies.text.is_none() => bodies.text = body,
            Kind::Text => {}
            // PidTagNativeBody 1: the plain text is what was written.
            Kind::Rtf if bodies.text.is_some() && properties.integer(0x1016) == Some(1) => {}
            Kind::Rtf => {
                bodies.text = bodies.text.or(body);
                bodies.rtf = Some(rtf);
            }
        }
        Ok(bodies)
    }

    /// Returns the code page of HTML as bytes: PidTagInternetCodepage, or else a guess by the bytes.
    fn html_page(message: &Message, html: &Property, values: &mut Values<'_>) -> io::Result<u16> {
        let stated = message.properties.integer(0x3FDE);
        if let Some(page) = stated
            .and_then(|it| it.try_into().ok())
            .filter(|it| *it != 0)
        {
            return Ok(page);
        }
        let mut start = Vec::new();
        (ValueReader::new(&html.value, values.source)?.take(64 << 10)).read_to_end(&mut start)?;
        Ok(match std::str::from_utf8(&start) {
            Err(error) if error.error_len().is_some() => 1252,
            _ => text::UTF_8_CODE_PAGE,
        })
    }
}

impl Body<'_> {
    /// Returns the `charset` parameter of the body. `survey` is that of the body.
    pub(crate) fn charset(&self, survey: &Survey) -> String {
        match self.form {
            // US-ASCII with other bytes is Windows-1252.
            Form::Bytes(20127) if survey.has_foreign => text::charset(1252),
            Form::Bytes(page) => text::charset(page),
            Form::String(_) | Form::Rtf(_) => "utf-8".to_owned(),
        }
    }

    /// Writes the body.
    pub(crate) fn write(&self, values: &mut Values<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines;
        let out: &mut dyn Write = if self.is_html {
            out
        } else {
            lines = CrlfWriter::new(out);
            &mut lines
        };
        let value = &self.property.value;
        match self.form {
            Form::Bytes(_) => {
                ValueReader::new(value, values.source)?.copy(out)?;
            }
            Form::String(page) => {
                let encoding = values.encoding(page);
                let mut bytes = ValueReader::new(value, values.source)?;
                if text::decode(&mut bytes, encoding, out)? {
                    values.warn(WarningKind::Undecodable, "the body");
                }
            }
            Form::Rtf(kind) => {
                let mut decapsulator = Decapsulator::new(kind, out);
                let mut bytes = ValueReader::new(value, values.source)?;
                let damage = rtf::decompress(&mut bytes, &mut decapsulator)?;
                decapsulator.finish()?;
                if let Some(damage) = damage {
                    values.warn(WarningKind::DamagedRtf, damage);
                }
            }
        }
        Ok(())
    }

    /// Writes the body in UTF-8.
    pub(crate) fn write_utf8(
        &self,
        values: &mut Values<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Form::Bytes(page) = self.form else {
            return self.write(values, out);
        };
        let encoding = values.encoding(page);
        let mut bytes = ValueReader::new(&self.property.value, values.source)?;
        text::decode(&mut bytes, encoding, out).map(drop)
    }
}

/// Statistics of a body: how much of it is ASCII, and what it refers to.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    bytes: u64,
    encoded: u64,
    /// Whether there are bytes outside of ASCII.
    has_foreign: bool,
    references: HashSet<Vec<u8>>,
    state: Search,
    reference: Vec<u8>,
}

/// Where the search for `cid:…`, `src="…"`, `background="…"` and `url(…)` is.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum Search {
    /// The last four bytes that are no blanks, in lower case.
    #[default]
    Start,
    Window([u8; 4]),
    Reference,
}

impl Survey {
    /// Returns whether base64 is shorter than quoted-printable.
    pub(crate) fn is_mostly_encoded(&self) -> bool {
        self.encoded * 6 > self.bytes
    }

    /// Returns whether the body refers to a part by this Content-ID or Content-Location.
    pub(crate) fn refers_to(&self, id: &str) -> bool {
        let id = id.trim_matches(['<', '>', ' ']);
        let has = |id: &[u8]| self.references.contains(id);
        !id.is_empty() && (has(id.as_bytes()) || has(&unescaped(id.as_bytes())))
    }

    fn end_reference(&mut self) {
        self.state = Search::Start;
        if self.references.len() < MAX_REFERENCES && !self.reference.is_empty() {
            self.references.insert(unescaped(&self.reference));
        }
        self.reference.clear();
    }
}

impl Write for Survey {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.bytes += 1;
            let is_text = matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~') && byte != b'=';
            self.encoded += u64::from(!is_text);
            self.has_foreign |= !byte.is_ascii();
            let is_end = matches!(byte, b'"' | b'\'' | b'>' | b')' | b'<') || byte <= b' ';
            match self.state {
                Search::Reference if is_end && !self.reference.is_empty() => self.end_reference(),
                // A quotation mark after `src=`.
                Search::Reference if is_end => {}
                Search::Reference if self.reference.len() >= MAX_REFERENCE => {
                    self.reference.clear();
                    self.state = Search::Start;
                }
                Search::Reference => {
                    self.reference.push(byte);
                    if self.reference.eq_ignore_ascii_case(b"cid:") {
                        self.reference.clear();
                    }
                }
                // There may be blanks around an equals sign.
                Search::Start | Search::Window(_) if byte <= b' ' => {}
                Search::Start | Search::Window(_) => {
                    let [_, b, c, d] = match self.state {
                        Search::Window(window) => window,
                        _ => [0; 4],
                    };
                    let window = [b, c, d, byte.to_ascii_lowercase()];
                    self.state = match &window {
                        // `und=` ends `background=`.
                        b"cid:" | b"src=" | b"und=" | b"url(" => Search::Reference,
                        _ => Search::Window(window),
                    };
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decodes the `%xx` of a reference.
fn unescaped(reference: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut out = Vec::new();
    let mut rest = reference;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (byte, rest) {
            if let (Some(high), Some(low)) = (digit(high), digit(low)) {
                #[allow(clippy::cast_possible_truncation)] // two digits
                out.push((high * 16 + low) as u8);
                rest = after;
                continue;
            }
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Survey;

    #[test]
    fn references_are_found_in_any_pieces() {
        let html =
            br#"<img src="cid:one%40x"><img SRC=two.png><a style='background:url(CID:three)'><td background = 'a%20b.png'><p style="background: url(five)">cid:"#;
        for size in [1, 2, 1000] {
            let mut survey = Survey::default();
            for piece in html.chunks(size) {
                survey.write_all(piece).unwrap();
            }
            for id in [
                "one@x",
                "<one@x>",
                "two.png",
                "three",
                "a%20b.png",
                "a b.png",
                "five",
            ] {
                assert!(survey.refers_to(id), "{id}");
            }
            assert!(!survey.refers_to("") && !survey.refers_to("four"));
        }
    }
}
