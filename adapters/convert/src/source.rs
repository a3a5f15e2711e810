//! The bytes of a value, from the item or from its place in the file.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

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
    /// Returns a reader of a value. A value of fixed size has no bytes.
    pub(crate) fn new(value: &'a Value, source: &'a mut dyn Source) -> io::Result<Self> {
        Ok(match value {
            Value::Bytes(bytes) => Self::Held(Cursor::new(bytes)),
            Value::Placed(place) => Self::Placed(PlaceReader::new(*place, source)?),
            Value::Fixed(_) | Value::Many(_) => Self::Held(Cursor::new(&[])),
        })
    }
}

impl ValueReader<'_> {
    /// Writes the rest of the value, and returns its length.
    pub(crate) fn copy(&mut self, out: &mut dyn Write) -> io::Result<u64> {
        // As long as a record, so that each is read at once.
        let mut buffer = vec![0; 32 << 10];
        let mut copied = 0;
        loop {
            let filled = self.read(&mut buffer)?;
            if filled == 0 {
                return Ok(copied);
            }
            out.write_all(buffer.get(..filled).unwrap_or_default())?;
            copied += filled as u64;
        }
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
    /// The number of bytes of the value that were not read yet.
    left: u32,
    /// The number of bytes of the current record that were not read yet.
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

impl PlaceReader<'_> {
    /// Reads headers of records, until there is a record with bytes of the value, unless the value has ended.
    fn next_record(&mut self) -> io::Result<()> {
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
        Ok(())
    }
}

impl Read for PlaceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.next_record()?;
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

/// The bytes of a value of variable size, at any place. Of a value in the file it knows where each record begins.
pub(crate) struct SeekableValue<'a> {
    bytes: Bytes<'a>,
    len: u64,
    position: u64,
}

enum Bytes<'a> {
    Held(&'a [u8]),
    Placed {
        source: &'a mut dyn Source,
        records: Vec<Span>,
    },
}

/// A part of a value in one record: where it begins in the value and in the file.
struct Span {
    start: u64,
    offset: u64,
}

impl<'a> SeekableValue<'a> {
    pub(crate) fn new(value: &'a Value, source: &'a mut dyn Source) -> io::Result<Self> {
        let bytes = match value {
            Value::Bytes(bytes) => Bytes::Held(bytes),
            Value::Placed(place) => {
                let mut reader = PlaceReader::new(*place, source)?;
                let records = reader.spans()?;
                let source = reader.source;
                Bytes::Placed { source, records }
            }
            Value::Fixed(_) | Value::Many(_) => Bytes::Held(&[]),
        };
        Ok(Self {
            bytes,
            len: match value {
                Value::Bytes(_) | Value::Placed(_) => value.len(),
                Value::Fixed(_) | Value::Many(_) => 0,
            },
            position: 0,
        })
    }
}

impl PlaceReader<'_> {
    /// Returns where the parts of the value begin.
    fn spans(&mut self) -> io::Result<Vec<Span>> {
        let mut spans = Vec::new();
        let mut start = 0;
        while self.left > 0 {
            self.next_record()?;
            let len = self.left.min(self.record_left);
            let offset = self.source.stream_position()?;
            spans.push(Span { start, offset });
            start += u64::from(len);
            self.left -= len;
            self.record_left -= len;
            self.source.seek(SeekFrom::Current(len.into()))?;
        }
        Ok(spans)
    }
}

impl Read for SeekableValue<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        if most == 0 {
            return Ok(0);
        }
        let taken = match &mut self.bytes {
            Bytes::Held(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                let mut rest = bytes.get(start..).unwrap_or_default();
                rest.read(buffer.get_mut(..most).unwrap_or_default())?
            }
            Bytes::Placed { source, records } => {
                let next = records.partition_point(|span| span.start <= self.position);
                let span = next.checked_sub(1).and_then(|at| records.get(at));
                let Some(span) = span else {
                    return Ok(0);
                };
                let end = records.get(next).map_or(self.len, |span| span.start);
                let most = most.min(usize::try_from(end - self.position).unwrap_or(usize::MAX));
                source.seek(SeekFrom::Start(span.offset + (self.position - span.start)))?;
                source.read(buffer.get_mut(..most).unwrap_or_default())?
            }
        };
        self.position += taken as u64;
        Ok(taken)
    }
}

impl Seek for SeekableValue<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
