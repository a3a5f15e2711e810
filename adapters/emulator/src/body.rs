//! A response body that is made while it is sent.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::Compression;
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use crate::answer::Piece;
use crate::connection::Cut;
use crate::id::Item;
use crate::payload::Payload;
use crate::style::{DOCS_INDENT, DOCS_LINE};

/// The largest frame, in bytes; also what base64 is made of at a time, so memory is a few of these.
const FRAME: usize = 64 * 1024;
/// Bytes that become one such frame of base64.
const RAW: usize = FRAME / 4 * 3;
/// A slow body moves this often a second.
const TICKS: u64 = 20;

/// The body of a response: its pieces, turned into frames when hyper has room for one.
pub(crate) struct ResponseBody {
    pieces: VecDeque<Piece>,
    base64: Base64,
    gzip: Option<GzEncoder<Vec<u8>>>,
    bytes_per_second: Option<u64>,
    /// Bytes, before compression, until the connection is cut.
    until_cut: Option<u64>,
    cut: Arc<Cut>,
    sleep: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    pub(crate) in_lines: bool,
    pub(crate) gzip: bool,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) cut_after: Option<u64>,
}

/// What comes next.
enum Next {
    Bytes(Vec<u8>),
    Wait(Duration),
    Cut,
    End,
}

impl ResponseBody {
    pub(crate) fn new(pieces: Vec<Piece>, manner: Manner, cut: Arc<Cut>) -> Self {
        Self {
            pieces: pieces.into(),
            base64: Base64::new(manner.in_lines),
            gzip: manner
                .gzip
                .then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            bytes_per_second: manner.bytes_per_second,
            until_cut: manner.cut_after,
            cut,
            sleep: None,
            ended: false,
        }
    }

    /// A body that is one text.
    pub(crate) fn text(text: String, cut: Arc<Cut>) -> Self {
        Self::new(vec![Piece::Text(text.into())], Manner::default(), cut)
    }

    fn next(&mut self) -> Next {
        let mut room = FRAME;
        if let Some(rate) = self.bytes_per_second {
            room = usize::try_from(rate.div_ceil(TICKS)).map_or(FRAME, |n| n.min(FRAME));
        }
        if let Some(left) = self.until_cut {
            if left == 0 {
                return Next::Cut;
            }
            room = usize::try_from(left).map_or(room, |n| n.min(room));
        }
        let mut frame = Vec::with_capacity(room);
        while frame.len() < room {
            // A pause or a cut comes after the bytes before it.
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
                Some(Piece::Payload { item, bytes }) => self.base64.open(item, bytes),
                Some(Piece::Base64(0)) => {}
                Some(Piece::Base64(chars)) => {
                    let taken = self.base64.take(chars, room, &mut frame);
                    self.pieces.push_front(Piece::Base64(chars - taken));
                }
                Some(Piece::Wait(duration)) => return Next::Wait(duration),
                Some(Piece::Cut) => return Next::Cut,
                None => return Next::End,
            }
        }
        if let Some(left) = &mut self.until_cut {
            // Line breaks may have gone beyond.
            frame.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= frame.len() as u64;
        }
        Next::Bytes(frame)
    }

    /// What `bytes` are on the wire; with compression, nothing until enough came together.
    fn encode(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(gzip) = &mut self.gzip else {
            return bytes;
        };
        // Writing into a Vec does not fail.
        let _ = gzip.write_all(&bytes);
        core::mem::take(gzip.get_mut())
    }

    /// What compression holds back: all of it at a pause, and the trailer at the end.
    fn flush(&mut self, end: bool) -> Option<Vec<u8>> {
        let gzip = self.gzip.as_mut()?;
        let _ = if end { gzip.try_finish() } else { gzip.flush() };
        Some(core::mem::take(gzip.get_mut())).filter(|bytes| !bytes.is_empty())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |bytes: Vec<u8>| Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
        loop {
            if let Some(sleep) = &mut self.sleep {
                core::task::ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match self.next() {
                Next::Bytes(bytes) => {
                    if let Some(rate) = self.bytes_per_second {
                        let nanos = bytes.len() as u64 * 1_000_000_000 / rate.max(1);
                        self.sleep =
                            Some(Box::pin(tokio::time::sleep(Duration::from_nanos(nanos))));
                    }
                    let bytes = self.encode(bytes);
                    if !bytes.is_empty() {
                        return frame(bytes);
                    }
                }
                Next::Wait(duration) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(duration)));
                    if let Some(bytes) = self.flush(false) {
                        return frame(bytes);
                    }
                }
                Next::Cut => {
                    // The connection ends as soon as hyper has flushed what it holds.
                    self.pieces.push_front(Piece::Cut);
                    if let Some(bytes) = self.flush(false) {
                        return frame(bytes);
                    }
                    self.cut.ask();
                    return Poll::Pending;
                }
                Next::End => {
                    self.ended = true;
                    if let Some(bytes) = self.flush(true) {
                        return frame(bytes);
                    }
                }
            }
        }
    }
}

/// The base64 of a payload, a frame's worth at a time.
struct Base64 {
    in_lines: bool,
    payload: Option<Payload>,
    /// Bytes of the payload that are still to be encoded.
    bytes: u64,
    raw: Vec<u8>,
    /// Encoded characters; those from `at` on are still to be taken.
    chars: Vec<u8>,
    at: usize,
    /// Characters of this payload that were taken.
    taken: u64,
}

impl Base64 {
    fn new(in_lines: bool) -> Self {
        Self {
            in_lines,
            payload: None,
            bytes: 0,
            raw: Vec::new(),
            chars: Vec::new(),
            at: 0,
            taken: 0,
        }
    }

    fn open(&mut self, item: Item, bytes: u64) {
        self.payload = Payload::new(item.seed, item.size).ok();
        self.bytes = bytes;
        self.at = self.chars.len();
        self.taken = 0;
    }

    /// Appends up to `room` characters to `frame`, `chars` at most, and says how many; a line
    /// break goes beyond `room`.
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

    /// Encodes the next bytes: whole groups of three, but at the payload's end.
    fn refill(&mut self) {
        let n = usize::try_from(self.bytes).map_or(RAW, |n| n.min(RAW));
        self.raw.resize(n, 0);
        if let Some(payload) = &mut self.payload {
            payload.fill(&mut self.raw);
        }
        self.bytes -= n as u64;
        self.chars.resize(n.div_ceil(3) * 4, 0);
        // INVARIANT: `chars` has room for exactly this encoding.
        let _ = BASE64_STANDARD.encode_slice(&self.raw, &mut self.chars);
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// The body's bytes and how long it took, on a clock that jumps from event to event.
    fn collect(pieces: Vec<Piece>, manner: Manner) -> (Bytes, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let start = tokio::time::Instant::now();
            let body = ResponseBody::new(pieces, manner, Arc::default());
            let Ok(body) = body.collect().await;
            (body.to_bytes(), start.elapsed())
        })
    }

    fn item(size: u64) -> Vec<Piece> {
        let item = Item { seed: 1, size };
        vec![
            Piece::Text("<m:Data>".into()),
            Piece::Payload { item, bytes: size },
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
