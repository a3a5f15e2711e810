//! Bodies in compressed RTF, [MS-OXRTFCP], and the HTML or text that is encapsulated in them, [MS-OXRTFEX].
//!
//! Both are streams: nothing of the size of a body is held.
//!
//! [MS-OXRTFCP]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfcp/
//! [MS-OXRTFEX]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxrtfex/

mod compressed;
mod decapsulate;
mod font;

use std::io::{self, Read, Write};

pub(crate) use compressed::{crc, decompress};
pub(crate) use decapsulate::Decapsulator;

/// What an RTF body contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Encapsulated HTML.
    Html,
    /// Encapsulated plain text.
    Text,
    /// RTF that was written as such.
    Rtf,
}

/// Returns what the RTF of a compressed body contains, by its first control words.
pub(crate) fn kind(input: &mut dyn Read) -> io::Result<Kind> {
    /// Keeps the first bytes of what is written.
    struct Start(Vec<u8>);
    impl Write for Start {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() >= 1024 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut start = Start(Vec::new());
    match decompress(input, &mut start) {
        Err(error) if error.kind() != io::ErrorKind::WriteZero => return Err(error),
        _ => {}
    }
    let kind = control_words(&start.0).find_map(|word| match word {
        b"fromhtml" => Some(Kind::Html),
        b"fromtext" => Some(Kind::Text),
        _ => None,
    });
    Ok(kind.unwrap_or(Kind::Rtf))
}

/// Returns the control words of an RTF document, without their numbers.
fn control_words(rtf: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = rtf;
    std::iter::from_fn(move || loop {
        let at = rest.iter().position(|byte| *byte == b'\\')?;
        rest = rest.get(at + 1..)?;
        let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
        let len = rest.iter().take_while(is_letter).count();
        // Without a letter, it is a symbol of one character, such as an escaped backslash.
        let (word, after) = rest.split_at_checked(len.max(1))?;
        rest = after;
        if len > 0 {
            return Some(word);
        }
    })
}
