//! The values of properties in rows and streams, [MS-OXMSG] section 2.4.2 and 2.1.3 to 2.1.5.
//!
//! [MS-OXMSG]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg/

use std::io::{self, Read, Seek, Write};

use encoding_rs::UTF_16LE;
use exportitems::payload::{FixedValue, Guid};

use super::{Rows, Writer};
use crate::item::{Property, Value};
use crate::source::ValueReader;
use crate::text::{self, code_page};
use crate::warning::WarningKind;

/// Returns the value of a row that states a size.
pub(super) fn size(bytes: u64) -> [u8; 8] {
    let [a, b, c, d] = u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    [a, b, c, d, 0, 0, 0, 0]
}

impl<F: Read + Write + Seek> Writer<'_, F> {
    /// Writes a property: a row, and streams if its value does not fit into the row.
    pub(super) fn property(
        &mut self,
        property: &Property,
        id: u16,
        path: &str,
        strings: u16,
        rows: &mut Rows,
    ) -> io::Result<()> {
        let text_page = code_page(property.tag, strings);
        let property_type = match (text_page, property.tag.property_type()) {
            (Some(_), _) if property.tag.is_multivalued() => 0x101F,
            (Some(_), _) => 0x001F,
            // A file, for an OLE object has been written already.
            (None, 0x000D) if id == 0x3701 => 0x0102,
            // Objects are storages elsewhere, and PtypServerId has no place here.
            (None, 0x000D | 0x00FB) => return Ok(()),
            (None, property_type) => property_type,
        };
        let tag = u32::from(id) << 16 | u32::from(property_type);
        let stream = format!("{path}/__substg1.0_{tag:08X}");
        match &property.value {
            Value::Fixed(FixedValue::Guid(Guid(guid))) => {
                self.stream(&stream, guid)?;
                rows.put(tag, size(16));
            }
            Value::Fixed(value) => rows.put(tag, fixed(*value)),
            value @ (Value::Bytes(_) | Value::Placed(_)) => {
                let terminator = if text_page.is_some() { 2 } else { 0 };
                let written = self.value(&stream, value, text_page, false)?;
                rows.put(tag, size(written + terminator));
            }
            Value::Many(values) if values.first().is_none_or(super::is_fixed) => {
                let mut packed = Vec::new();
                for value in values {
                    match value {
                        Value::Fixed(FixedValue::Guid(Guid(guid))) => packed.extend(guid),
                        Value::Fixed(value) => {
                            let bytes = fixed(*value);
                            packed.extend(bytes.iter().take(width(*value)));
                        }
                        _ => {}
                    }
                }
                self.stream(&stream, &packed)?;
                rows.put(tag, size(packed.len() as u64));
            }
            Value::Many(values) => {
                let mut lengths = Vec::new();
                for (index, value) in values.iter().enumerate() {
                    let part = format!("{stream}-{index:08X}");
                    let written = self.value(&part, value, text_page, true)?;
                    lengths.extend(u32::try_from(written).unwrap_or(u32::MAX).to_le_bytes());
                    if text_page.is_none() {
                        lengths.extend([0; 4]);
                    }
                }
                self.stream(&stream, &lengths)?;
                rows.put(tag, size(lengths.len() as u64));
            }
        }
        Ok(())
    }

    /// Writes a value of variable size, a string in UTF-16, and returns its length in bytes.
    fn value(
        &mut self,
        path: &str,
        value: &Value,
        text_page: Option<u16>,
        has_terminator: bool,
    ) -> io::Result<u64> {
        let encoding = text_page.map(|page| self.values.encoding(page));
        let mut stream = self.file.create_stream(path)?;
        let mut bytes = ValueReader::new(value, self.values.source)?;
        let (mut written, is_lossy) = match encoding {
            None => (bytes.copy(&mut stream)?, false),
            // Surrogates without their other half stay what they are.
            Some(encoding) if encoding == UTF_16LE => {
                let mut out = WithoutNuls::new(&mut stream);
                bytes.copy(&mut out)?;
                (out.written, false)
            }
            Some(encoding) => {
                let mut out = Utf16Writer {
                    out: &mut stream,
                    written: 0,
                };
                let is_lossy = text::decode(&mut bytes, encoding, &mut out)?;
                (out.written, is_lossy)
            }
        };
        if has_terminator && encoding.is_some() {
            stream.write_all(&[0, 0])?;
            written += 2;
        }
        stream.flush()?;
        if is_lossy {
            self.values.warn(WarningKind::Undecodable, "");
        }
        Ok(written)
    }
}

/// Writes UTF-16 without the NULs at its end, and without half a unit.
struct WithoutNuls<'a> {
    out: &'a mut dyn Write,
    written: u64,
    /// The first byte of a unit.
    half: Option<u8>,
    /// NULs that may be those at the end.
    nuls: u64,
}

impl<'a> WithoutNuls<'a> {
    fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            written: 0,
            half: None,
            nuls: 0,
        }
    }

    /// Writes units and the NULs after them, which are not at the end.
    fn put(&mut self, units: &mut Vec<u8>) -> io::Result<()> {
        if self.nuls > 0 {
            self.out.write_all(units)?;
            self.written += units.len() as u64;
            units.clear();
            let mut nuls = io::repeat(0).take(2 * std::mem::take(&mut self.nuls));
            self.written += io::copy(&mut nuls, self.out)?;
        }
        Ok(())
    }
}

impl Write for WithoutNuls<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut units = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            match self.half.take() {
                None => self.half = Some(byte),
                Some(0) if byte == 0 => self.nuls += 1,
                Some(first) => {
                    self.put(&mut units)?;
                    units.extend([first, byte]);
                }
            }
        }
        self.out.write_all(&units)?;
        self.written += units.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes text that comes in UTF-8, each piece of whole characters, in UTF-16.
struct Utf16Writer<'a> {
    out: &'a mut dyn Write,
    written: u64,
}

impl Write for Utf16Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.out.write_all(&units)?;
        self.written += units.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns the value of a row.
fn fixed(value: FixedValue) -> [u8; 8] {
    let wide = |word: [u8; 4]| {
        let [a, b, c, d] = word;
        [a, b, c, d, 0, 0, 0, 0]
    };
    match value {
        FixedValue::Integer16(value) => {
            let [a, b] = value.to_le_bytes();
            wide([a, b, 0, 0])
        }
        FixedValue::Integer32(value) => wide(value.to_le_bytes()),
        FixedValue::Floating32(value) => wide(value.to_le_bytes()),
        FixedValue::ErrorCode(value) => wide(value.to_le_bytes()),
        FixedValue::Boolean(value) => wide([value.into(), 0, 0, 0]),
        FixedValue::Floating64(value) | FixedValue::FloatingTime(value) => value.to_le_bytes(),
        FixedValue::Currency(value) | FixedValue::Integer64(value) => value.to_le_bytes(),
        FixedValue::Time(value) => value.to_le_bytes(),
        FixedValue::Guid(_) => [0; 8],
    }
}

/// Returns the size of a value in a multi-valued property, in bytes.
fn width(value: FixedValue) -> usize {
    match value {
        FixedValue::Integer16(_) | FixedValue::Boolean(_) => 2,
        FixedValue::Integer32(_) | FixedValue::Floating32(_) | FixedValue::ErrorCode(_) => 4,
        _ => 8,
    }
}
