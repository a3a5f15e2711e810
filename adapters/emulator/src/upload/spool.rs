//! Separates the data of an upload from the text of the request while it is received.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use tempfile::NamedTempFile;

use super::journal::Directory;

/// The longest start tag of `Data` that is found. Real ones have less than 100 bytes.
const LONGEST_TAG: usize = 1024;

/// The body of a request.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The body, with a number from 0 in place of the content of each `Data` element.
    pub(crate) text: Vec<u8>,
    /// The content of these elements.
    pub(crate) data: Vec<Spooled>,
}

/// The content of a `Data` element, decoded from base64. The file is deleted unless it is kept.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) file: NamedTempFile,
    pub(crate) size: u64,
    /// Whether the content was base64.
    pub(crate) is_valid: bool,
}

/// Receives the body of a request.
#[derive(Debug)]
pub(crate) struct Spool {
    /// The folder for the files.
    folder: Directory,
    body: Body,
    /// The current `Data` element.
    data: Option<Writer>,
}

/// Decodes base64 into a file.
#[derive(Debug)]
struct Writer {
    file: BufWriter<NamedTempFile>,
    size: u64,
    is_valid: bool,
    /// Characters of an incomplete group.
    symbols: Vec<u8>,
    bytes: Vec<u8>,
}

impl Spool {
    pub(crate) fn new(folder: Directory) -> Self {
        Self {
            folder,
            body: Body::default(),
            data: None,
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // Markup ends with the end of a tag, and data with the start of one.
            let end = match &self.data {
                Some(_) => bytes.iter().position(|&byte| byte == b'<'),
                None => bytes
                    .iter()
                    .position(|&byte| byte == b'>')
                    .map(|end| end + 1),
            };
            let (now, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            bytes = rest;
            match &mut self.data {
                Some(writer) => {
                    writer.push(now)?;
                    if end.is_some() {
                        self.close()?;
                        // The tag, lest an empty element be found again.
                        self.body.text.push(b'<');
                        bytes = &bytes[1..];
                    }
                }
                None => {
                    self.body.text.extend_from_slice(now);
                    if end.is_some() && ends_with_start_of_data(&self.body.text) {
                        self.data = Some(Writer::new(&self.folder.path()?)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the body.
    pub(crate) fn finish(mut self) -> io::Result<Body> {
        self.close()?;
        Ok(self.body)
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(writer) = self.data.take() {
            let index = self.body.data.len().to_string();
            self.body.text.extend_from_slice(index.as_bytes());
            self.body.data.push(writer.finish()?);
        }
        Ok(())
    }
}

/// Returns whether `text` ends with the start tag of an element `Data`, with any prefix.
fn ends_with_start_of_data(text: &[u8]) -> bool {
    let tail = &text[text.len().saturating_sub(LONGEST_TAG)..];
    let Some(start) = tail.iter().rposition(|&byte| byte == b'<') else {
        return false;
    };
    let tag = &tail[start + 1..];
    let name = tag.split(|byte| b" \t\r\n>".contains(byte)).next();
    let name = name.unwrap_or_default();
    let local = name.rsplit(|&byte| byte == b':').next();
    local == Some(b"Data") && !tag.starts_with(b"/") && !tag.ends_with(b"/>")
}

impl Writer {
    fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, NamedTempFile::new_in(folder)?),
            size: 0,
            is_valid: true,
            symbols: Vec::new(),
            bytes: Vec::new(),
        })
    }

    fn push(&mut self, text: &[u8]) -> io::Result<()> {
        self.symbols
            .extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let whole = self.symbols.len() / 4 * 4;
        self.bytes.resize(whole / 4 * 3, 0);
        let decoded = BASE64_STANDARD.decode_slice(&self.symbols[..whole], &mut self.bytes);
        self.symbols.drain(..whole);
        let Ok(len) = decoded else {
            self.is_valid = false;
            return Ok(());
        };
        // Nothing follows padding.
        self.is_valid &= len == 0 || self.size.is_multiple_of(3);
        self.size += len as u64;
        self.file.write_all(&self.bytes[..len])
    }

    fn finish(self) -> io::Result<Spooled> {
        Ok(Spooled {
            file: self.file.into_inner()?,
            size: self.size,
            is_valid: self.is_valid && self.symbols.is_empty(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_become_files_at_every_split() {
        let text =
            b"<m:Items><t:Item><t:ParentFolderId Id='a>b'/><t:Data>AQID\nBA==</t:Data></t:Item>\
            <Data x='y'>BQ==</Data><t:Data/><t:Data></t:Data><t:Data>?</t:Data></m:Items>";
        let expected = "<m:Items><t:Item><t:ParentFolderId Id='a>b'/><t:Data>0</t:Data></t:Item>\
            <Data x='y'>1</Data><t:Data/><t:Data>2</t:Data><t:Data>3</t:Data></m:Items>";
        let folder = tempfile::tempdir().unwrap();
        for step in 1..=text.len() {
            let mut spool = Spool::new(Directory::Given(folder.path().to_owned()));
            for piece in text.chunks(step) {
                spool.push(piece).unwrap();
            }
            let body = spool.finish().unwrap();
            assert_eq!(String::from_utf8_lossy(&body.text), expected, "{step}");
            let data: Vec<_> = (body.data.iter())
                .map(|data| (std::fs::read(data.file.path()).unwrap(), data.is_valid))
                .collect();
            assert_eq!(
                data,
                [
                    (vec![1, 2, 3, 4], true),
                    (vec![5], true),
                    (vec![], true),
                    (vec![], false)
                ]
            );
        }
        // Files that are not kept are deleted.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
