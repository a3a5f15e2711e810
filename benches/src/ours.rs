//! Our side: the decoder into a sink that counts, and the encoder into a buffer.

use std::convert::Infallible;

use exportitems::{
    Decoder, Event, ExportItems, IntegrityPolicy, ItemId, Options, Outcome, ResponseItemId, Sink,
};

use crate::corpus::Endless;
use crate::FEED;

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Count {
    /// Bytes of data.
    pub bytes: u64,
    /// Items that were committed.
    pub ok: u32,
    /// Items that were not.
    pub failed: u32,
}

impl Sink for Count {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Infallible> {
        self.ok += 1;
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {
        self.failed += 1;
    }

    fn failed(&mut self, _: &Outcome) {
        self.failed += 1;
    }
}

/// The options that the benchmarks use: the default ones, with or without the payload check.
#[must_use]
pub const fn options(check: bool) -> Options {
    Options::new().integrity(if check {
        IntegrityPolicy::Accept
    } else {
        IntegrityPolicy::Off
    })
}

/// Decodes a response by the push API, `feed` bytes at a time, with `scratch` bytes of scratch.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn push(xml: &[u8], feed: usize, scratch: &mut [u8], check: bool) -> Count {
    let decoder =
        Decoder::with_scratch(options(check), scratch).expect("a scratch that is large enough");
    push_into(decoder, xml, feed)
}

/// The same with the scratch inside of the decoder.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn push_inline<const N: usize>(xml: &[u8], feed: usize) -> Count {
    push_into(Decoder::<[u8; N]>::new(options(true)), xml, feed)
}

fn push_into<S: AsMut<[u8]>>(mut decoder: Decoder<S>, xml: &[u8], feed: usize) -> Count {
    let mut count = Count::default();
    for mut piece in xml.chunks(feed) {
        decoder
            .feed(&mut piece, &mut count)
            .expect("a whole response");
    }
    decoder.finish_into(&mut count).expect("a whole response");
    count
}

/// Decodes a response by the pull API.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn pull(xml: &[u8], feed: usize, scratch: &mut [u8]) -> Count {
    let mut decoder =
        Decoder::with_scratch(options(true), scratch).expect("a scratch that is large enough");
    let mut count = Count::default();
    let mut take = |event: Event<'_>| match event {
        Event::Data(bytes) => count.bytes += bytes.len() as u64,
        Event::Outcome(outcome) if outcome.error.is_none() => count.ok += 1,
        Event::Outcome(_) => count.failed += 1,
        _ => {}
    };
    for mut piece in xml.chunks(feed) {
        while let Some(event) = decoder.next_event(&mut piece).expect("a whole response") {
            take(event);
        }
    }
    while let Some(event) = decoder.finish().expect("a whole response") {
        take(event);
    }
    count
}

/// Decodes a response with `blocks` blocks of data.
///
/// # Panics
/// If the response is not whole.
#[must_use]
pub fn endless(response: &Endless, blocks: u64) -> Count {
    let mut decoder = Decoder::<[u8; 4096]>::new(options(true));
    let mut count = Count::default();
    let mut feed = |part: &[u8]| {
        for mut piece in part.chunks(FEED) {
            decoder
                .feed(&mut piece, &mut count)
                .expect("a whole response");
        }
    };
    feed(&response.head);
    for _ in 0..blocks {
        feed(&response.block);
    }
    feed(&response.tail);
    decoder.finish_into(&mut count).expect("a whole response");
    count
}

/// Writes a request by `out`-sized pieces and returns its length.
///
/// # Panics
/// If the items cannot be requested.
#[must_use]
pub fn encode(items: &[ItemId<'_>], out: &mut [u8]) -> u64 {
    let mut encoder = ExportItems::new(items)
        .encoder()
        .expect("a request that can be written");
    let mut length = 0;
    while let len @ 1.. = encoder.write(out) {
        length += len as u64;
    }
    length
}

#[cfg(test)]
mod tests {
    use exportitems::{Decoder, Event, Options, Verdict};

    use super::{endless, pull, push, Count};
    use crate::corpus::{Corpus, Endless, Style};
    use crate::{peers, FEED};

    /// The payload check would have little to do on a payload that it cannot read.
    #[test]
    fn payloads_are_whole() {
        for corpus in [
            Corpus::items(3, 600, None),
            Corpus::items(2, 1 << 20, Some(76)),
            Corpus::items(1, 8 << 20, None),
        ] {
            let mut decoder: Decoder = Decoder::new(Options::new());
            let mut input = &corpus.xml[..];
            let mut whole = 0;
            while let Some(event) = decoder.next_event(&mut input).unwrap() {
                if let Event::Outcome(outcome) = event {
                    assert_eq!(outcome.integrity, Some(Verdict::Whole));
                    whole += 1;
                }
            }
            while let Some(event) = decoder.finish().unwrap() {
                whole += u32::from(
                    matches!(event, Event::Outcome(o) if o.integrity == Some(Verdict::Whole)),
                );
            }
            assert_eq!(whole, corpus.items);
        }
    }

    #[test]
    fn an_endless_response_is_whole() {
        let response = Endless::new();
        let bytes = |blocks| endless(&response, blocks).bytes;
        assert_eq!(endless(&response, 2).ok, 1);
        assert_eq!(bytes(2) - bytes(1), response.block.len() as u64 / 4 * 3);
    }

    #[test]
    fn every_style_decodes_the_same() {
        let of_style = |(style, _)| {
            push(
                &Corpus::of_style(style, 3, 600).xml,
                FEED,
                &mut [0; 512],
                true,
            )
        };
        let [first, others @ ..] = Style::ALL.map(of_style);
        assert_eq!(first.ok, 3);
        assert!(others.iter().all(|other| *other == first));
    }

    /// quick-xml reads the class, the code, the key, and both texts of each message.
    #[test]
    fn the_peer_for_errors_reads_all_of_a_message() {
        let corpus = Corpus::errors(2);
        let texts = [
            "Error",
            "The specified object was not found in the store., The process failed to get the correct properties.",
            "ErrorItemNotFound",
            "0",
            "InnerErrorMessageText",
            "MapiExceptionNotFound: \"16.55847\"",
        ];
        let expected = 2 * texts.concat().len() as u64;
        assert_eq!(peers::quick_xml_errors(&corpus.xml), expected);
    }

    /// Who does less than the others is no peer.
    #[test]
    fn all_decode_the_same() {
        for wrap in [None, Some(76)] {
            let corpus = Corpus::items(20, 6_000, wrap);
            let expected = Count {
                bytes: corpus.bytes,
                ok: 20,
                failed: 0,
            };
            assert_eq!(push(&corpus.xml, FEED, &mut [0; 512], true), expected);
            assert_eq!(pull(&corpus.xml, FEED, &mut [0; 512]), expected);
            assert_eq!(peers::quick_xml_slice(&corpus.xml, true), corpus.bytes);
            assert_eq!(peers::quick_xml_buffered(&corpus.xml, true), corpus.bytes);
            assert_eq!(peers::rxml(&corpus.xml), corpus.bytes);
            assert_eq!(peers::roxmltree(&corpus.xml), corpus.bytes);
            let window = &mut [0; FEED];
            if wrap.is_none() {
                for engine in &peers::ENGINES {
                    let alone = peers::data_alone(&corpus.xml, engine, window);
                    assert_eq!(alone, corpus.bytes, "{}", engine.name);
                }
            }
            let raw = corpus.symbols.len() as u64 / 4 * 3;
            for engine in peers::ENGINES {
                assert_eq!(
                    (engine.decode)(&corpus.symbols, window),
                    raw,
                    "{}",
                    engine.name
                );
            }
        }
    }
}
