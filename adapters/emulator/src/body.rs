//! A response body that is generated while it is sent.

use core::time::Duration;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Write as _};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::Compression;

use crate::answer::Piece;
use crate::payload::Payload;
use crate::style::{DOCS_INDENT, DOCS_LINE};
use crate::upload::Data;

/// The largest frame in bytes. Base64 is generated in frames, so the memory is a few times this size.
const FRAME: usize = 64 * 1024;
/// The number of bytes whose base64 fills a frame.
const RAW: usize = FRAME / 4 * 3;
/// The number of times per second that a slow body sends bytes.
const TICKS: u64 = 20;

/// The body of a response. Its pieces are generated when the connection has room for them.
pub(crate) struct ResponseBody {
    pieces: VecDeque<Piece>,
    base64: Base64,
    encoder: Option<Encoder>,
    bytes_per_second: Option<u64>,
    /// The number of bytes before compression until the connection is cut.
    until_cut: Option<u64>,
    /// The pause before the next bytes.
    silence: Duration,
    /// Whether the bytes that compression had buffered before the cut have been sent.
    flushed: bool,
    ended: bool,
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) in_lines: bool,
    pub(crate) coding: Option<Compressed>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) cut_after: Option<u64>,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compressed {
    Gzip,
    /// The coding that HTTP calls `deflate`: zlib (RFC 9110 §8.4.1.2).
    Deflate,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Encoder {
    fn new(coding: Compressed) -> Self {
        let level = Compression::fast();
        match coding {
            Compressed::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), level)),
            Compressed::Deflate => Self::Deflate(ZlibEncoder::new(Vec::new(), level)),
        }
    }

    // Writing into a Vec does not fail, here and below.
    fn write(&mut self, bytes: &[u8]) {
        let _ = match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Deflate(encoder) => encoder.write_all(bytes),
        };
    }

    fn flush(&mut self) {
        let _ = match self {
            Self::Gzip(encoder) => encoder.flush(),
            Self::Deflate(encoder) => encoder.flush(),
        };
    }

    fn finish(&mut self) {
        let _ = match self {
            Self::Gzip(encoder) => encoder.try_finish(),
            Self::Deflate(encoder) => encoder.try_finish(),
        };
    }

    fn take(&mut self) -> Vec<u8> {
        core::mem::take(match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
        })
    }
}

/// The next step of sending a body.
pub(crate) enum Next {
    /// Send these bytes, at least one.
    Bytes(Vec<u8>),
    /// End the connection inside the body.
    Cut,
    /// The body has ended.
    End,
}

/// The next step before compression.
enum Raw {
    Bytes(Vec<u8>),
    Wait(Duration),
    Cut,
    End,
}

impl ResponseBody {
    pub(crate) fn new(pieces: Vec<Piece>, manner: Manner) -> Self {
        Self {
            pieces: pieces.into(),
            base64: Base64::new(manner.in_lines),
            encoder: manner.coding.map(Encoder::new),
            bytes_per_second: manner.bytes_per_second,
            until_cut: manner.cut_after,
            silence: Duration::ZERO,
            flushed: false,
            ended: false,
        }
    }

    /// Makes a body with one text.
    pub(crate) fn text(text: String) -> Self {
        Self::new(vec![Piece::Text(text.into())], Manner::default())
    }

    /// Returns whether the body has ended, with no pause before its end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.pieces.is_empty() && self.encoder.is_none() && self.silence.is_zero()
    }

    /// Returns the next step, after its pause.
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if !self.silence.is_zero() {
                tokio::time::sleep(core::mem::take(&mut self.silence)).await;
            }
            if self.ended {
                return Next::End;
            }
            let encoded = match self.raw() {
                Raw::Bytes(bytes) => {
                    if let Some(rate) = self.bytes_per_second {
                        let nanos = bytes.len() as u64 * 1_000_000_000 / rate.max(1);
                        self.silence = Duration::from_nanos(nanos);
                    }
                    self.encode(bytes)
                }
                Raw::Wait(duration) => {
                    self.silence = duration;
                    self.flush()
                }
                Raw::Cut if self.flushed => return Next::Cut,
                Raw::Cut => {
                    self.flushed = true;
                    self.pieces.push_front(Piece::Cut);
                    self.flush()
                }
                Raw::End => {
                    self.ended = true;
                    self.finish()
                }
            };
            if !encoded.is_empty() {
                return Next::Bytes(encoded);
            }
        }
    }

    fn raw(&mut self) -> Raw {
        let mut room = FRAME;
        if let Some(rate) = self.bytes_per_second {
            room = usize::try_from(rate.div_ceil(TICKS)).map_or(FRAME, |n| n.min(FRAME));
        }
        if let Some(left) = self.until_cut {
            if left == 0 {
                return Raw::Cut;
            }
            room = usize::try_from(left).map_or(room, |n| n.min(room));
        }
        let mut frame = Vec::with_capacity(room);
        while frame.len() < room {
            // A pause or a cut takes effect after the bytes before it are sent.
            let stop = matches!(
                self.pieces.front(),
                Some(Piece::Wait(_) | Piece::Cut) | None
            );
            if stop && !frame.is_empty() {
                break;
            }
            let room = room - frame.len();
            match self.pieces.pop_front() {
                Some(Piece::Text(mut text)) => {
                    frame.extend_from_slice(&text.split_to(room.min(text.len())));
                    if !text.is_empty() {
                        self.pieces.push_front(Piece::Text(text));
                    }
                }
                Some(Piece::Payload { data, bytes }) => self.base64.open(&data, bytes),
                Some(Piece::Base64(0)) => {}
                Some(Piece::Base64(chars)) => {
                    let taken = self.base64.take(chars, room, &mut frame);
                    self.pieces.push_front(Piece::Base64(chars - taken));
                }
                Some(Piece::Wait(duration)) => return Raw::Wait(duration),
                Some(Piece::Cut) => return Raw::Cut,
                None => return Raw::End,
            }
        }
        if let Some(left) = &mut self.until_cut {
            // Line breaks may exceed the limit.
            frame.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= frame.len() as u64;
        }
        Raw::Bytes(frame)
    }

    /// Encodes `bytes` for the connection. With compression, this returns nothing until the compressor has output.
    fn encode(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(encoder) = &mut self.encoder else {
            return bytes;
        };
        encoder.write(&bytes);
        encoder.take()
    }

    /// Returns the bytes that the compressor has buffered.
    fn flush(&mut self) -> Vec<u8> {
        self.encoder.as_mut().map_or_else(Vec::new, |encoder| {
            encoder.flush();
            encoder.take()
        })
    }

    /// Returns the remaining bytes of the compressor.
    fn finish(&mut self) -> Vec<u8> {
        self.encoder.as_mut().map_or_else(Vec::new, |encoder| {
            encoder.finish();
            encoder.take()
        })
    }
}

/// The bytes of a payload.
enum Source {
    Nothing,
    Generated(Box<Payload>),
    Uploaded(File),
}

impl Source {
    /// A payload that cannot be read has zeros.
    fn open(data: &Data) -> Self {
        let source = match data {
            Data::Generated(item) => Payload::new(item.seed, item.size)
                .ok()
                .map(|payload| Self::Generated(Box::new(payload))),
            Data::Uploaded(uploaded) => File::open(&uploaded.path).ok().map(Self::Uploaded),
        };
        source.unwrap_or(Self::Nothing)
    }

    fn fill(&mut self, out: &mut [u8]) {
        match self {
            Self::Nothing => {}
            Self::Generated(payload) => {
                payload.fill(out);
            }
            Self::Uploaded(file) => {
                let _ = file.read_exact(out);
            }
        }
    }
}

/// The base64 of a payload, generated one frame at a time.
struct Base64 {
    in_lines: bool,
    source: Source,
    /// The payload bytes that are not encoded yet.
    bytes: u64,
    raw: Vec<u8>,
    /// Encoded characters. Those before `at` have been taken.
    chars: Vec<u8>,
    at: usize,
    /// The number of characters of this payload that have been taken.
    taken: u64,
}

impl Base64 {
    fn new(in_lines: bool) -> Self {
        Self {
            in_lines,
            source: Source::Nothing,
            bytes: 0,
            raw: Vec::new(),
            chars: Vec::new(),
            at: 0,
            taken: 0,
        }
    }

    fn open(&mut self, data: &Data, bytes: u64) {
        self.source = Source::open(data);
        self.bytes = bytes;
        self.at = self.chars.len();
        self.taken = 0;
    }

    /// Appends at most `room` and at most `chars` characters to `frame`, and returns their number. Line breaks may exceed
    /// `room`.
    fn take(&mut self, chars: u64, room: usize, frame: &mut Vec<u8>) -> u64 {
        if self.at == self.chars.len() {
            self.refill();
        }
        let mut n = usize::try_from(chars).map_or(room, |n| n.min(room));
        n = n.min(self.chars.len() - self.at);
        if self.in_lines {
            let in_line = self.taken % DOCS_LINE;
            if in_line == 0 {
                frame.extend_from_slice(DOCS_INDENT.as_bytes());
            }
            n = usize::try_from(DOCS_LINE - in_line).map_or(n, |line| line.min(n));
        }
        frame.extend_from_slice(&self.chars[self.at..][..n]);
        self.at += n;
        self.taken += n as u64;
        n as u64
    }

    /// Encodes the next bytes, in whole groups of three except at the end of the payload.
    fn refill(&mut self) {
        let n = usize::try_from(self.bytes).map_or(RAW, |n| n.min(RAW));
        self.raw.resize(n, 0);
        self.source.fill(&mut self.raw);
        self.bytes -= n as u64;
        self.chars.resize(n.div_ceil(3) * 4, 0);
        // INVARIANT: `chars` has room for exactly this encoding.
        let _ = BASE64_STANDARD.encode_slice(&self.raw, &mut self.chars);
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Item;

    /// Returns the bytes of the body and the time that it took, on a simulated clock.
    fn collect(pieces: Vec<Piece>, manner: Manner) -> (Vec<u8>, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let start = tokio::time::Instant::now();
            let mut body = ResponseBody::new(pieces, manner);
            let mut bytes = Vec::new();
            while let Next::Bytes(more) = body.next().await {
                bytes.extend(more);
            }
            (bytes, start.elapsed())
        })
    }

    fn item(size: u64) -> Vec<Piece> {
        let item = Item { seed: 1, size };
        vec![
            Piece::Text("<m:Data>".into()),
            Piece::Payload {
                data: Data::Generated(item),
                bytes: size,
            },
            Piece::Base64(size.div_ceil(3) * 4),
        ]
    }

    #[test]
    fn a_pace_is_kept_and_changes_no_byte() {
        let (whole, at_once) = collect(item(30_000), Manner::default());
        assert_eq!((whole.len(), at_once), (40_008, Duration::ZERO));
        for rate in [1_000, 4_000, 100_000] {
            let manner = Manner {
                bytes_per_second: Some(rate),
                ..Manner::default()
            };
            let (bytes, took) = collect(item(30_000), manner);
            assert!(bytes == whole);
            let seconds = 40_008 / rate;
            assert!(
                (seconds..=seconds + 1).contains(&took.as_secs()),
                "{rate}: {took:?}"
            );
        }
    }

    #[test]
    fn a_gap_is_kept() {
        let mut pieces = item(1_000);
        pieces.push(Piece::Wait(Duration::from_secs(60)));
        pieces.extend(item(1_000));
        let (bytes, took) = collect(pieces, Manner::default());
        assert_eq!(bytes.len(), 2 * 1_344);
        assert!((60..61).contains(&took.as_secs()), "{took:?}");
    }
}
