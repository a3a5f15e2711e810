//! Tests of the generator, with a parser that shares no code with it.

use super::{payload, Payload, SizeError};

/// Splits a payload into its `TransferBuffer` bodies, or returns `None` if the records are not valid.
fn bodies(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = bytes;
    let mut opcodes = Vec::new();
    let mut bodies = Vec::new();
    while !rest.is_empty() {
        let opcode = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?);
        let length = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let body = rest.get(8..8 + length)?;
        rest = &rest[8 + length..];
        opcodes.push(opcode);
        if opcode == 2 {
            if length == 0 {
                return None;
            }
            bodies.push(body);
        }
    }
    let expected = [1, 3, 4].into_iter().chain(bodies.iter().map(|_| 2));
    opcodes.iter().copied().eq(expected).then_some(bodies)
}

/// The result of parsing the atoms.
#[derive(Debug, Default)]
struct Walk {
    recipients: usize,
    attachments: usize,
    embedded: usize,
    longest_value: usize,
    /// The positions at which a record may end: between atoms, and inside these values.
    cuts: Vec<core::ops::RangeInclusive<usize>>,
}

/// Parses the stream, or returns `None` if an atom is cut, unknown, or ends an element that is not open.
fn walk(stream: &[u8]) -> Option<Walk> {
    let mut found = Walk::default();
    let mut open = Vec::new();
    let mut at = 0;
    let word = |at: usize| {
        let bytes = stream.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    };
    while at < stream.len() {
        found.cuts.push(at..=at);
        let first = word(at)?;
        at += 4;
        match first {
            0x4003_0003 => open.push('r'),
            0x4004_0003 => {
                found.recipients += 1;
                (open.pop()? == 'r').then_some(())?;
            }
            0x4000_0003 => open.push('a'),
            0x400E_0003 => {
                found.attachments += 1;
                (open.pop()? == 'a').then_some(())?;
            }
            0x4001_0003 => open.push('e'),
            0x4002_0003 => {
                found.embedded += 1;
                (open.pop()? == 'e').then_some(())?;
            }
            _ => {
                // The type is in the low half of the little-endian word, and the id in the high half.
                let (kind, id) = (first & 0xFFFF, first >> 16);
                if id >= 0x8000 {
                    (*stream.get(at + 16)? == 1).then_some(())?;
                    at += 17;
                    while stream.get(at..at + 2)? != [0, 0] {
                        at += 2;
                    }
                    at += 2;
                }
                match kind {
                    0x0003 => at += 4,
                    0x000B => at += 2,
                    0x0040 => at += 8,
                    0x001F | 0x0102 | 0x84B0 | 0x84E4 => {
                        let len = word(at)? as usize;
                        at += 4;
                        let value = stream.get(at..at + len)?;
                        match kind {
                            0x001F | 0x84B0 => value.ends_with(&[0, 0]).then_some(())?,
                            0x84E4 => value.ends_with(&[0]).then_some(())?,
                            _ => found.cuts.push(at..=at + len),
                        }
                        found.longest_value = found.longest_value.max(len);
                        at += len;
                    }
                    0x101F => {
                        let count = word(at)?;
                        at += 4;
                        for _ in 0..count {
                            let len = word(at)? as usize;
                            at += 4 + len;
                            stream.get(at - 2..at)?.eq(&[0, 0]).then_some(())?;
                        }
                    }
                    _ => return None,
                }
            }
        }
    }
    (at == stream.len() && open.is_empty()).then_some(found)
}

fn sizes() -> impl Iterator<Item = u64> {
    let around = [6_200, 8_280, 16_400, 24_700, 31_750, 32_768, 65_536];
    (Payload::MIN_SIZE..1_200)
        .chain(around.into_iter().flat_map(|n| n - 90..n + 90))
        .chain([100_000, 262_144, 1_000_003])
}

#[test]
fn every_size_is_exact_and_whole() {
    for size in sizes() {
        for seed in [0, size, u64::MAX - size] {
            let bytes = payload(seed, size).unwrap();
            assert_eq!(bytes.len() as u64, size);
            let bodies = bodies(&bytes).unwrap_or_else(|| panic!("records of {seed}, {size}"));
            let stream = bodies.concat();
            let found = walk(&stream).unwrap_or_else(|| panic!("atoms of {seed}, {size}"));
            let mut end = 0;
            for body in &bodies[..bodies.len() - 1] {
                end += body.len();
                assert!(
                    found.cuts.iter().any(|cut| cut.contains(&end)),
                    "record of {seed}, {size} ends inside an atom at {end}"
                );
            }
        }
    }
}

#[test]
fn a_large_item_is_mostly_attachment_data_and_some_hold_an_embedded_message() {
    let mut embedded = 0;
    for seed in 0..20 {
        let stream = bodies(&payload(seed, 1_000_000).unwrap()).unwrap().concat();
        let found = walk(&stream).unwrap();
        assert!(
            found.recipients > 0 && found.attachments > 0,
            "{seed}: {found:?}"
        );
        assert!(found.longest_value > 300_000, "{seed}: {found:?}");
        embedded += found.embedded;
    }
    assert!((1..20).contains(&embedded), "{embedded}");
}

#[test]
fn the_bytes_do_not_depend_on_how_they_are_read() {
    let whole = payload(3, 70_001).unwrap();
    for step in [1, 7, 8, 61, 4_096] {
        let mut payload = Payload::new(3, 70_001).unwrap();
        let mut bytes = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            match payload.fill(&mut buffer) {
                0 => break,
                n => bytes.extend_from_slice(&buffer[..n]),
            }
        }
        assert!(bytes == whole, "read by {step}");
    }
    assert_ne!(payload(4, 70_001).unwrap(), whole);
}

#[test]
fn a_cut_at_a_record_end_leaves_whole_records() {
    let bytes = payload(5, 200_000).unwrap();
    let item = Payload::new(5, 200_000).unwrap();
    for at in [0, 1, 62, 63, 20_000, 100_000, 199_999] {
        let end = item.record_end(at);
        assert!(end >= at && end <= 200_000);
        let cut = &bytes[..usize::try_from(end).unwrap()];
        let bodies = bodies(cut).unwrap_or_else(|| panic!("cut at {end}"));
        assert!(end == 200_000 || walk(&bodies.concat()).is_none());
    }
    assert_eq!(item.record_end(199_999), 200_000);
}

#[test]
fn sizes_beyond_two_gib_are_laid_out_without_their_bytes() {
    let mut item = Payload::new(1, 5 << 30).unwrap();
    let mut head = [0; 4096];
    assert_eq!(item.fill(&mut head), head.len());
    assert!(item.atoms.iter().map(super::Atom::len).max() < Some(1 << 31));
    assert_eq!(
        item.atoms.iter().map(super::Atom::len).sum::<u64>(),
        item.stream_len
    );
}

#[test]
fn a_size_out_of_range_is_refused() {
    let refused = Payload::new(0, Payload::MIN_SIZE - 1).unwrap_err();
    assert_eq!(refused, SizeError { size: 255 });
    assert!(Payload::new(0, Payload::MAX_SIZE + 1).is_err());
}

/// The subject contains the whole seed, so no two payloads are the same.
#[test]
fn items_of_one_size_differ_at_every_size() {
    let seeds = [
        0,
        1,
        2,
        0xFFFF,
        1 << 16,
        1 << 32,
        (1 << 48) - 1,
        u64::MAX - 1,
        u64::MAX,
    ];
    for size in sizes().step_by(9) {
        let mut seen = std::collections::HashSet::new();
        for seed in seeds {
            let bytes = payload(seed, size).unwrap();
            let stream = bodies(&bytes).unwrap().concat();
            let spelled: Vec<u8> = format!("{seed:016x}\0")
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            let subject = stream
                .windows(8)
                .position(|tag| tag[..4] == [0xB0, 0x84, 0x37, 0])
                .unwrap();
            let length = u32::from_le_bytes(stream[subject + 4..subject + 8].try_into().unwrap());
            let subject = &stream[subject + 8..][..length as usize];
            assert!(subject.ends_with(&spelled), "{seed:x} at {size}");
            assert!(seen.insert(bytes), "{seed:x} at {size}");
        }
    }
}
