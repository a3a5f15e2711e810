//! The text of a `Data` element, well or badly written.

use std::fmt::Write as _;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;

use crate::payload_gen::put_record;
use crate::script::{Data, Dress, Flaw, Payload};
use crate::wire::MARKER;

impl Payload {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(value) => whole(value),
            Self::Cut(value) => {
                let mut bytes = whole(value);
                bytes.pop();
                bytes
            }
            Self::Opaque(bytes) => bytes.clone(),
            Self::Placeholder => vec![0],
        }
    }
}

/// A payload with this value in it.
fn whole(value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    put_record(&mut payload, 1, &[0, 0, 0, 0, 1, 0, 0, 0]);
    // PidTagRtfCompressed
    let mut property = vec![0x02, 0x01, 0x09, 0x10];
    property.extend(u32::try_from(value.len()).expect("a value").to_le_bytes());
    property.extend(value);
    put_record(&mut payload, 2, &property);
    payload
}

/// What a piece of the text is.
enum Piece {
    Symbols(String),
    Markup(&'static str),
}

/// Writes a `Data` element's text.
#[must_use]
pub fn write(data: &Data) -> String {
    let symbols = STANDARD.encode(data.payload.bytes());
    let pieces = spoil(symbols, data.flaw);
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Symbols(symbols) => dress(&symbols, data.dress, &mut text),
            Piece::Markup(markup) => text += markup,
        }
    }
    text
}

fn spoil(symbols: String, flaw: Option<Flaw>) -> Vec<Piece> {
    use Piece::{Markup, Symbols};
    let Some(flaw) = flaw else {
        return vec![Symbols(symbols)];
    };
    let len = symbols.len();
    let (before, after) = symbols.split_at(usize::from(flaw.place()) % (len + 1));
    let (before, after) = (before.to_owned(), after.to_owned());
    let unpadded = symbols.trim_end_matches('=');
    match flaw {
        Flaw::Marker(_) => vec![Symbols(before + MARKER)],
        Flaw::MarkerInside(_) => vec![Symbols(before + MARKER + &after)],
        Flaw::MarkerAfter(_) => vec![Symbols(before + "?" + &after + MARKER)],
        Flaw::HalfMarker => vec![Symbols(symbols + "=== Truncated Da")],
        Flaw::Symbol(_) => vec![Symbols(before + "-" + &after)],
        Flaw::Wide(_) => vec![Symbols(before + "\u{20ac}" + &after)],
        Flaw::IllegalReference(_) => vec![Symbols(before), Markup("&#0;"), Symbols(after)],
        Flaw::Element(_) => vec![Symbols(before), Markup("<m:x/>"), Symbols(after)],
        Flaw::NoPadding if unpadded.len() < len => vec![Symbols(unpadded.to_owned())],
        Flaw::NoPadding => vec![Symbols(symbols + "QQ")],
        Flaw::MorePadding => vec![Symbols(symbols + "=")],
        Flaw::TrailingBits => {
            let groups = &symbols[..unpadded.len() / 4 * 4];
            vec![Symbols(groups.to_owned() + "QR==")]
        }
        Flaw::After => vec![Symbols(symbols + "QQ==QUJD")],
    }
}

impl Flaw {
    fn place(self) -> u16 {
        match self {
            Self::Marker(at)
            | Self::MarkerInside(at)
            | Self::MarkerAfter(at)
            | Self::Symbol(at)
            | Self::Wide(at)
            | Self::IllegalReference(at)
            | Self::Element(at) => at,
            _ => 0,
        }
    }
}

fn dress(symbols: &str, dress: Dress, text: &mut String) {
    let chars: Vec<char> = symbols.chars().collect();
    let every = |n: u8| usize::from(n).max(1);
    let mut lines = |n: u8, around: &dyn Fn(&str) -> String| {
        for line in chars.chunks(every(n)) {
            *text += &around(&line.iter().collect::<String>());
        }
    };
    match dress {
        Dress::Plain => *text += symbols,
        Dress::Lines(n) => lines(n, &|line| format!("\r\n  {line}")),
        Dress::Spaces => lines(1, &|line| format!("{line} \t&#xD;\n")),
        Dress::Cdata(n) => lines(n, &|line| format!("<![CDATA[{line}]]>")),
        Dress::Comments(n) => lines(n, &|line| format!("{line}<!-- QUJD -->")),
        Dress::Instructions(n) => lines(n, &|line| format!("{line}<?x QUJD?>")),
        Dress::References(n) => {
            for (i, &char) in chars.iter().enumerate() {
                if i % every(n) == 0 {
                    write!(text, "&#x{:X};", u32::from(char)).expect("a string");
                } else {
                    text.push(char);
                }
            }
        }
    }
}
