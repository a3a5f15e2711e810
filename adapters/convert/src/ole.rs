//! OLE objects, which are compound files: what is in them that a user can open, [MS-OLEDS].
//!
//! [MS-OLEDS]: https://learn.microsoft.com/openspecs/windows_protocols/ms-oleds/

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cfb::CompoundFile;
use encoding_rs::Encoding;

use crate::item::Value;
use crate::source::{SeekableValue, Source};
use crate::text::one_line;

/// The maximum length of a name in a package, in bytes.
const MAX_NAME: usize = 1024;

/// A file in an OLE object.
#[derive(Clone, Debug)]
pub(crate) struct Inner {
    /// Its name, if the object has it.
    pub(crate) name: Option<String>,
    stream: PathBuf,
    /// Where the file begins in the stream, and its length.
    start: u64,
    pub(crate) len: u64,
}

/// Opens an OLE object; `None` if it is not a compound file.
pub(crate) fn open<'a>(
    value: &'a Value,
    source: &'a mut dyn Source,
) -> io::Result<Option<CompoundFile<SeekableValue<'a>>>> {
    match CompoundFile::open(SeekableValue::new(value, source)?) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_malformed(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether an error says that a compound file is damaged, rather than that it could not be read.
pub(crate) fn is_malformed(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    matches!(
        error.kind(),
        InvalidData | InvalidInput | NotFound | UnexpectedEof
    )
}

/// Finds the file in an OLE object; `None` if it has none that is known.
pub(crate) fn find(
    value: &Value,
    source: &mut dyn Source,
    strings: &'static Encoding,
) -> io::Result<Option<Inner>> {
    let Some(mut file) = open(value, source)? else {
        return Ok(None);
    };
    // Office documents, and what PDF readers write; both are whole files.
    for name in ["/Package", "/CONTENTS"] {
        let found = file
            .entry(name)
            .ok()
            .filter(|it| it.is_stream() && !it.is_empty());
        if let Some(entry) = found {
            return Ok(Some(Inner {
                name: None,
                stream: PathBuf::from(name),
                start: 0,
                len: entry.len(),
            }));
        }
    }
    let native = Path::new("/\x01Ole10Native");
    if !file.is_stream(native) {
        return Ok(None);
    }
    let found = file.open_stream(native).and_then(|mut stream| {
        let len = stream.len();
        packaged(&mut stream, len, strings)
    });
    match found {
        Ok(found) => Ok(found.map(|(name, start, len)| Inner {
            name: Some(name),
            stream: native.to_owned(),
            start,
            len,
        })),
        Err(error) if is_malformed(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the name, the start and the length of the file that the packager of Windows has put into a stream.
fn packaged(
    stream: &mut (impl Read + Seek),
    stream_len: u64,
    strings: &'static Encoding,
) -> io::Result<Option<(String, u64, u64)>> {
    let mut word = [0; 4];
    stream.read_exact(&mut word)?; // the length of the rest
    let mut kind = [0; 2];
    stream.read_exact(&mut kind)?;
    if kind != [2, 0] {
        return Ok(None);
    }
    let name = text(stream, strings)?;
    text(stream, strings)?; // the path it came from
    stream.read_exact(&mut word)?;
    stream.read_exact(&mut word)?;
    let path = u32::from_le_bytes(word); // of a temporary file
    stream.seek(SeekFrom::Current(path.into()))?;
    stream.read_exact(&mut word)?;
    let len = u64::from(u32::from_le_bytes(word));
    let start = stream.stream_position()?;
    Ok((start + len <= stream_len).then_some((name, start, len)))
}

/// Returns a text that ends with a NUL.
fn text(stream: &mut impl Read, strings: &'static Encoding) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        match byte {
            [0] => return Ok(one_line(&strings.decode_without_bom_handling(&bytes).0)),
            [byte] if bytes.len() < MAX_NAME => bytes.push(byte),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Inner {
    /// Writes the file. Returns whether the object had all of it.
    pub(crate) fn copy(
        &self,
        value: &Value,
        source: &mut dyn Source,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        let Some(mut file) = open(value, source)? else {
            return Ok(false);
        };
        let mut stream = file.open_stream(&self.stream)?;
        stream.seek(SeekFrom::Start(self.start))?;
        let mut buffer = vec![0; 64 << 10];
        let mut left = self.len;
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let taken = match stream.read(buffer.get_mut(..most).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(taken) => taken,
                Err(error) if is_malformed(&error) => return Ok(false),
                Err(error) => return Err(error),
            };
            out.write_all(buffer.get(..taken).unwrap_or_default())?;
            left -= taken as u64;
        }
        Ok(true)
    }
}
