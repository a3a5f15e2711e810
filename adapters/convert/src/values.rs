//! The values of properties as texts.

use std::io::{self, Read};

use encoding_rs::WINDOWS_1252;

use crate::item::{Message, Properties, Property, Value};
use crate::source::{Source, ValueReader};
use crate::text::{self, code_page};
use crate::warning::{Warning, WarningKind};

/// The maximum length of a string in a header, in bytes.
const MAX_TEXT: u64 = 64 << 10;
/// The maximum length of a block of transport headers, in bytes; the rest is not read.
const MAX_HEADERS: u64 = 1 << 20;

/// Reads the values of an item, from memory or from the file.
pub(crate) struct Values<'a> {
    pub(crate) source: &'a mut dyn Source,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(source: &'a mut dyn Source) -> Self {
        Self {
            source,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, kind: WarningKind, detail: impl Into<String>) {
        let detail = detail.into();
        let warning = Warning { kind, detail };
        // Each once, and not without end.
        if self.warnings.len() < 1000 && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Returns a string as one line; `None` if it is absent or empty.
    pub(crate) fn line(
        &mut self,
        properties: &Properties,
        id: u16,
        strings: u16,
    ) -> io::Result<Option<String>> {
        let Some(property) = properties.get(id) else {
            return Ok(None);
        };
        let line = self.property_line(property, strings)?;
        Ok(line.filter(|line| !line.is_empty()))
    }

    pub(crate) fn property_line(
        &mut self,
        property: &Property,
        strings: u16,
    ) -> io::Result<Option<String>> {
        let text = self.string(property, &property.value, strings, MAX_TEXT)?;
        Ok(text.map(|text| text::one_line(&text)))
    }

    /// Returns the strings of a multi-valued property, each as one line.
    pub(crate) fn lines(&mut self, property: &Property, strings: u16) -> io::Result<Vec<String>> {
        let values = match &property.value {
            Value::Many(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        let mut lines = Vec::new();
        for value in values.iter().take(1000) {
            if let Some(text) = self.string(property, value, strings, MAX_TEXT)? {
                lines.push(text::one_line(&text));
            }
        }
        Ok(lines)
    }

    /// Returns the header block that the message arrived with.
    pub(crate) fn transport_headers(&mut self, message: &Message) -> io::Result<Option<String>> {
        let Some(property) = message.properties.get(0x007D) else {
            return Ok(None);
        };
        let strings = strings(message);
        let text = self.string(property, &property.value, strings, MAX_HEADERS)?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    fn string(
        &mut self,
        property: &Property,
        value: &Value,
        strings: u16,
        limit: u64,
    ) -> io::Result<Option<String>> {
        let Some(page) = code_page(property.tag, strings) else {
            return Ok(None);
        };
        let encoding = self.encoding(page);
        if value.len() > limit {
            let id = property.tag.id();
            self.warn(WarningKind::Truncated, format!("property {id:04X}"));
        }
        let mut text = Vec::new();
        let mut bytes = ValueReader::new(value, self.source)?.take(limit);
        if text::decode(&mut bytes, encoding, &mut text)? {
            let id = property.tag.id();
            self.warn(WarningKind::Undecodable, format!("property {id:04X}"));
        }
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Returns the encoding of a code page. An unknown one is read as Windows-1252, with a warning.
    pub(crate) fn encoding(&mut self, page: u16) -> &'static encoding_rs::Encoding {
        text::encoding(page).unwrap_or_else(|| {
            self.warn(WarningKind::UnknownCodePage, page.to_string());
            WINDOWS_1252
        })
    }
}

/// Returns the code page of the PtypString8 of a message and of its recipients.
pub(crate) fn strings(message: &Message) -> u16 {
    // PidTagMessageCodepage, PidTagInternetCodepage. UTF-16 has a type of its own.
    [0x3FFD, 0x3FDE]
        .iter()
        .filter_map(|id| message.properties.integer(*id)?.try_into().ok())
        .find(|page| !matches!(page, 0 | 1200 | 1201))
        .unwrap_or(1252)
}
