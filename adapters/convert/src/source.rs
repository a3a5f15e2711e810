//! The bytes of a value, from the item or from its place in the file.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use exportitems::payload::Place;

use crate::item::Value;

/// A payload that can be read at any place: a file, as a rule. Its first byte is the payload's.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// The bytes of a value of variable size.
pub(crate) enum ValueReader<'a> {
    Held(Cursor<&'a [u8]>),
    Placed(PlaceReader<'a>),
}

impl<'a> ValueReader<'a> {
    /// A reader of a value; of one of fixed size there are none.
    pub(crate) fn new(value: &'a Value, source: &'a mut dyn Source) -> io::Result<Self> {
        Ok(match value {
            Value::Bytes(bytes) => Self::Held(Cursor::new(bytes)),
            Value::Placed(place) => Self::Placed(PlaceReader::new(*place, source)?),
            Value::Fixed(_) | Value::Many(_) => Self::Held(Cursor::new(&[])),
        })
    }
}

impl Read for ValueReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Held(bytes) => bytes.read(buffer),
            Self::Placed(reader) => reader.read(buffer),
        }
    }
}

/// The bytes of a value in the records of a file.
pub(crate) struct PlaceReader<'a> {
    source: &'a mut dyn Source,
    /// Bytes of the value that are still to come.
    left: u32,
    /// Bytes of the current record that are still to come.
    record_left: u32,
}

impl<'a> PlaceReader<'a> {
    fn new(place: Place, source: &'a mut dyn Source) -> io::Result<Self> {
        source.seek(SeekFrom::Start(place.offset))?;
        Ok(Self {
            source,
            left: place.len,
            record_left: place.record_left,
        })
    }
}

impl Read for PlaceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 && self.record_left == 0 {
            let mut header = [0; 8];
            self.source.read_exact(&mut header)?;
            let [opcode, _, _, _, a, b, c, d] = header;
            let length = u32::from_le_bytes([a, b, c, d]);
            if opcode == 2 {
                self.record_left = length;
            } else {
                self.source.seek(SeekFrom::Current(length.into()))?;
            }
        }
        let most = self.left.min(self.record_left) as usize;
        let most = buffer.len().min(most);
        let taken = self
            .source
            .read(buffer.get_mut(..most).unwrap_or_default())?;
        if taken == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        #[allow(clippy::cast_possible_truncation)] // no more than `left`
        let count = taken as u32;
        self.left -= count;
        self.record_left -= count;
        Ok(taken)
    }
}
