//! Reads an uploaded payload: the records like Exchange, and the properties that lists show.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use jiff::Timestamp;

/// Opcode of the record that carries the `FastTransfer` stream.
const TRANSFER_BUFFER: u32 = 2;
/// The longest value that is read.
const LONGEST: u64 = 64 * 1024;

/// The properties of an item that lists show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    /// `PidTagMessageClass`.
    pub(crate) class: Option<String>,
    /// `PidTagSubject`.
    pub(crate) subject: Option<String>,
    /// `PidTagMessageDeliveryTime`.
    pub(crate) received: Option<Timestamp>,
    /// `PidTagSearchKey`.
    pub(crate) search_key: Option<Vec<u8>>,
}

/// Returns whether Exchange accepts the records of a payload. It refuses a header that is cut, a length beyond the end, and
/// a `TransferBuffer` without content.
pub(crate) fn accepts(payload: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut left = payload.seek(SeekFrom::End(0))?;
    payload.rewind()?;
    if left == 0 {
        return Ok(false);
    }
    while left > 0 {
        if left < 8 {
            return Ok(false);
        }
        let (opcode, len) = header(payload)?;
        left -= 8;
        if u64::from(len) > left || opcode == TRANSFER_BUFFER && len == 0 {
            return Ok(false);
        }
        left -= u64::from(len);
        payload.seek_relative(i64::from(len))?;
    }
    Ok(true)
}

fn header(payload: &mut impl Read) -> io::Result<(u32, u32)> {
    let (mut opcode, mut len) = ([0; 4], [0; 4]);
    payload.read_exact(&mut opcode)?;
    payload.read_exact(&mut len)?;
    Ok((u32::from_le_bytes(opcode), u32::from_le_bytes(len)))
}

/// The joined bodies of the records that carry the stream.
struct Buffers<R> {
    payload: R,
    left: u32,
}

impl<R: Read + Seek> Read for Buffers<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let (opcode, len) = header(&mut self.payload)?;
            match opcode {
                TRANSFER_BUFFER => self.left = len,
                _ => self.payload.seek_relative(i64::from(len))?,
            }
        }
        let most = out.len().min(self.left as usize);
        let read = self.payload.read(&mut out[..most])?;
        self.left -= u32::try_from(read).unwrap_or(self.left);
        Ok(read)
    }
}

/// Reads the properties of the item itself, which come before its recipients and attachments.
pub(crate) fn read_properties(payload: &mut (impl Read + Seek)) -> io::Result<Properties> {
    payload.rewind()?;
    let mut stream = Buffers {
        payload: BufReader::new(payload),
        left: 0,
    };
    let mut properties = Properties::default();
    while let Ok((kind, id)) = two(&mut stream) {
        // A marker or `MetaTagFXDelProp` ends the properties (MS-OXCFXICS 2.2.4.1.4).
        if kind == 3 && (0x4000..=0x4018).contains(&id) {
            break;
        }
        if id >= 0x8000 {
            skip_name(&mut stream)?;
        }
        let value = value(&mut stream, kind)?;
        let text = || match kind {
            0x001F | 0x84B0 => utf16(&value),
            _ => String::from_utf8_lossy(&value)
                .trim_end_matches('\0')
                .to_owned(),
        };
        match id {
            0x001A => properties.class = Some(text()),
            0x0037 => properties.subject = Some(text()),
            0x0E06 => properties.received = time(&value),
            0x300B => properties.search_key = Some(value),
            _ => {}
        }
    }
    Ok(properties)
}

fn two(stream: &mut impl Read) -> io::Result<(u16, u16)> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    let [a, b, c, d] = bytes;
    Ok((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

fn four(stream: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes).into())
}

/// Skips the property set and the name of a named property.
fn skip_name(stream: &mut impl Read) -> io::Result<()> {
    let mut set_and_kind = [0; 17];
    stream.read_exact(&mut set_and_kind)?;
    if set_and_kind[16] == 0 {
        return four(stream).map(drop);
    }
    let mut unit = [0; 2];
    loop {
        stream.read_exact(&mut unit)?;
        if unit == [0, 0] {
            return Ok(());
        }
    }
}

/// Reads a value. One that is long, or has several values, is skipped.
fn value(stream: &mut impl Read, kind: u16) -> io::Result<Vec<u8>> {
    if kind & 0x1000 != 0 && kind & 0x8000 == 0 {
        for _ in 0..four(stream)? {
            value(stream, kind & !0x1000)?;
        }
        return Ok(Vec::new());
    }
    let len = match kind {
        0x0001 => 0,
        0x0002 | 0x000B => 2,
        0x0003 | 0x0004 | 0x000A => 4,
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => 8,
        0x0048 => 16,
        _ => four(stream)?,
    };
    let mut bytes = Vec::new();
    let kept = stream.take(len.min(LONGEST)).read_to_end(&mut bytes)? as u64;
    io::copy(&mut stream.take(len - kept), &mut io::sink())?;
    Ok(bytes)
}

fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units)
        .map(|char| char.unwrap_or('\u{fffd}'))
        .collect();
    text.trim_end_matches('\0').to_owned()
}

/// Converts a FILETIME: units of 100 ns since 1601.
fn time(bytes: &[u8]) -> Option<Timestamp> {
    const TO_1970: i64 = 11_644_473_600;
    let ticks = i64::from_le_bytes(bytes.try_into().ok()?);
    let second = ticks.div_euclid(10_000_000) - TO_1970;
    let rest = i32::try_from(ticks.rem_euclid(10_000_000)).ok()?;
    Timestamp::new(second, rest * 100).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::payload::payload;

    fn is_accepted(bytes: &[u8]) -> bool {
        accepts(&mut Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn records_are_judged_by_three_rules() {
        let good = payload(7, 40_000).unwrap();
        assert!(is_accepted(&good));
        // A header that is cut, and a length beyond the end.
        assert!(!is_accepted(b""));
        assert!(!is_accepted(&good[..7]));
        assert!(!is_accepted(&good[..good.len() - 1]));
        // Without a TransferBuffer, but with whole records.
        assert!(is_accepted(&good[..16]));
        let empty_buffer = [&good[..16], &[2, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert!(!is_accepted(&empty_buffer));
    }

    #[test]
    fn properties_of_generated_items_are_read() {
        for size in [300, 10_000, 300_000] {
            let bytes = payload(7, size).unwrap();
            let read = read_properties(&mut Cursor::new(bytes)).unwrap();
            assert_eq!(read.class.as_deref(), Some("IPM.Note"));
            assert!(read.subject.unwrap().ends_with("0000000000000007"));
            assert_eq!(read.received.is_some(), size >= 10_000);
        }
    }
}
