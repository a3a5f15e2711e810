//! Items whose properties, recipients and attachments are changed at random, in every form.
//!
//! A few hundred run with the other tests. For more, or for one case again:
//! ```sh
//! EXPORTITEMS_MUTATION_CASES=20000 cargo test --release -p exportitems-convert --test all mutations
//! EXPORTITEMS_MUTATION_SEED=17 EXPORTITEMS_MUTATION_CASES=1 cargo test -p exportitems-convert --test all mutations
//! ```

use std::io::Cursor;

use exportitems_convert::{eml, ics, plain, vcf, Item};
use exportitems_emulator::{payload, rich_items};
use exportitems_testkit::{data, oracle, payload_gen};

use crate::common::{everything, utf16, Stream};

/// What a string must not bring into a header: a line end, and the NUL at which some readers stop.
const EVIL: &str =
    "x\r\nX-Evil: a\r\n\r\n\rX-Evil: b\nX-Evil: c\0\nX-Evil: d\u{85}\u{2028}X-Evil: e";

/// A property or a marker, as it is in the stream.
type Atom = Vec<u8>;

/// The stream of a payload whose records are good.
fn unframed(payload: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut rest = payload;
    while let Some((header, after)) = rest.split_first_chunk::<8>() {
        let len = u32::from_le_bytes(header[4..].try_into().unwrap()) as usize;
        let body = &after[..len.min(after.len())];
        if header[0] == 2 {
            stream.extend(body);
        }
        rest = &after[body.len()..];
    }
    stream
}

/// Takes a number from the start of the input.
fn word(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

fn skip(rest: &mut &[u8], len: usize) -> Option<()> {
    *rest = rest.get(len..)?;
    Some(())
}

/// The atom at the start of the input; `None` if it is none of those that are known.
fn atom(input: &[u8]) -> Option<Atom> {
    let mut rest = input;
    let tag = word(&mut rest)?;
    let is_marker = (0x4000..0x4100).contains(&(tag >> 16)) && tag & 0xFFFF == 3;
    if !is_marker {
        if tag >> 31 == 1 {
            skip(&mut rest, 16)?;
            let (kind, after) = rest.split_first()?;
            rest = after;
            match kind {
                0 => skip(&mut rest, 4)?,
                _ => {
                    let end = rest.chunks(2).position(|unit| unit == [0, 0])?;
                    skip(&mut rest, 2 * end + 2)?;
                }
            }
        }
        let kind = tag & 0xFFFF;
        let is_many = kind & 0x1000 != 0 && kind < 0x8000;
        let count = if is_many { word(&mut rest)? } else { 1 };
        for _ in 0..count {
            match if is_many { kind & !0x1000 } else { kind } {
                2 | 0x0B => skip(&mut rest, 2)?,
                3 | 4 | 0x0A => skip(&mut rest, 4)?,
                5 | 6 | 7 | 0x14 | 0x40 => skip(&mut rest, 8)?,
                0x48 => skip(&mut rest, 16)?,
                0x0D | 0x1E | 0x1F | 0xFB | 0x102 | 0x8000.. => {
                    let len = word(&mut rest)? as usize;
                    skip(&mut rest, len)?;
                }
                _ => return None,
            }
        }
    }
    Some(input[..input.len() - rest.len()].to_vec())
}

/// The atoms of a stream; what is not understood at its end is one.
fn atoms(stream: &[u8]) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let atom = atom(rest).unwrap_or_else(|| rest.to_vec());
        rest = &rest[atom.len()..];
        atoms.push(atom);
    }
    atoms
}

/// The streams that are changed: rich items, mails of an independent producer if they are there, and our own.
fn streams() -> Vec<Vec<Atom>> {
    let items = rich_items().into_iter();
    let small = items.filter(|item| item.size < 100_000);
    let mut payloads: Vec<_> = small
        .map(|item| payload(item.seed, item.size).unwrap())
        .collect();
    payloads.push(everything().payload());
    if let Some(samples) = data::path("samples/payloads/gromox") {
        let files = std::fs::read_dir(samples).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|it| it == "fts"));
        paths.sort();
        payloads.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    }
    payloads.iter().map(|it| atoms(&unframed(it))).collect()
}

/// A value of variable size in an unexpected place.
fn value(random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(..8) {
        0 => Vec::new(),
        1 => utf16(EVIL),
        2 => EVIL.as_bytes().to_vec(),
        3 => vec![0; random.usize(..50)],
        4 => utf16(&"\u{202E}\u{1F600}ж/..\\".repeat(random.usize(..50))),
        5 => {
            br"{\rtf1\ansi\fromhtml1{\*\htmltag <p>}\'e4\u-10179 ?\bin9 ".repeat(random.usize(..4))
        }
        6 => std::iter::repeat_with(|| random.u8(..)).take(300).collect(),
        _ => utf16(&"long ".repeat(30_000)),
    }
}

/// Changes a stream in one way.
fn change(atoms: &mut Vec<Atom>, others: &[Atom], random: &mut fastrand::Rng) {
    let at = random.usize(..atoms.len());
    let other = random.usize(..atoms.len());
    match random.u8(..9) {
        0 => drop(atoms.remove(at)),
        1 => atoms.swap(at, other),
        2 => atoms.insert(at, atoms[other].clone()),
        3 => atoms.insert(at, random.choice(others).unwrap().clone()),
        // The id, or the type, of another property.
        4 => {
            let half = random.usize(..2) * 2;
            let tag = atoms[other].get(half..half + 2).map(<[u8]>::to_vec);
            if let (Some(tag), true) = (tag, atoms[at].len() >= 8) {
                atoms[at].splice(half..half + 2, tag);
            }
        }
        // A string or bytes.
        5 | 6 => {
            let atom = &mut atoms[at];
            let is_variable = atom.len() >= 8
                && matches!(atom[..2], [0x1E | 0x1F | 0x0D, 0] | [2, 1] | [0xB0, 0x84]);
            if is_variable && atom[3] < 0x80 {
                let value = value(random);
                atom.truncate(4);
                atom.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
                atom.extend(value);
            }
        }
        _ => {
            let atom = &mut atoms[at];
            let byte = random.usize(..atom.len().max(1));
            if let Some(byte) = atom.get_mut(byte) {
                *byte ^= 1 << random.u8(..8);
            }
        }
    }
}

#[test]
fn any_change_of_an_item_is_converted() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let first: u64 = number("EXPORTITEMS_MUTATION_SEED").unwrap_or(0);
    let cases: u64 = number("EXPORTITEMS_MUTATION_CASES").unwrap_or(100);
    let streams = streams();
    for seed in first..first + cases {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut stream = random.choice(&streams).unwrap().clone();
        let others = random.choice(&streams).unwrap();
        for _ in 0..random.usize(1..6) {
            change(&mut stream, others, &mut random);
            if stream.is_empty() {
                break;
            }
        }
        let sizes = [random.usize(1..40_000)];
        let payload = payload_gen::frame(&stream.concat(), &sizes);
        let converted = std::panic::catch_unwind(|| oracle::convert(&payload));
        assert!(converted.is_ok(), "EXPORTITEMS_MUTATION_SEED={seed}");
    }
}

/// Each property of the message, of a recipient and of an attachment, and each numbered one.
#[test]
fn no_string_of_any_property_makes_a_line() {
    // The block of headers that arrived is lines, and the bodies may have any.
    let is_free = |id: &u16| matches!(id, 0x001A | 0x007D | 0x1000 | 0x1001 | 0x1009 | 0x1013);
    let all = |stream: Stream| {
        let ids = (1..0x8000).filter(|id| !is_free(id) && !(0x4000..0x4100).contains(id));
        ids.fold(stream, |stream, id| stream.text(id, EVIL))
    };
    let sets = [
        0x0006_2002_u32,
        0x0006_2003,
        0x0006_2004,
        0x0006_2008,
        0x0002_0329,
        0x0002_0386,
    ];
    let sets = sets.map(|set| {
        let mut guid = [0, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];
        guid[..4].copy_from_slice(&set.to_le_bytes());
        exportitems::payload::Guid(guid)
    });
    for class in [
        "IPM.Note",
        "REPORT.IPM.Note.NDR",
        "IPM.Appointment",
        "IPM.Task",
        "IPM.Contact",
        "IPM.DistList",
    ] {
        let mut stream = all(Stream::default().text(0x001A, class));
        for set in sets {
            for dispid in 0x8000..0x8700 {
                stream = stream.lid_text(set, dispid, EVIL);
            }
        }
        let stream = stream
            .named(0x0002_0329, "Keywords", &[EVIL])
            .named(0x0002_0386, "X-B", &[EVIL])
            .named(0x0002_0386, &EVIL.replace('\0', ""), &[EVIL])
            .recipient(1, all(Stream::default()))
            .recipient(2, all(Stream::default()))
            .attachment(all(Stream::default()).bytes(0x3701_0102, b"data"));
        let mut file = Cursor::new(stream.payload());
        let item = Item::read(&mut file).unwrap();
        assert_eq!(
            item.verdict,
            exportitems::Verdict::Whole,
            "{:?}",
            item.warnings
        );
        let mut out = Vec::new();
        let options = eml::Options::default();
        eml::write(&item, &mut file, &mut out, &options).unwrap();
        plain::write(&item, &mut file, &mut out, &options).unwrap();
        if ics::is_calendar(&item.message) {
            ics::write(&item, &mut file, &mut out, &options).unwrap();
        }
        if vcf::is_contact(&item.message) {
            vcf::write(&item, &mut file, &mut out, &options).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("X-Evil") && !text.contains('\0'));
        for line in text.split(['\r', '\n', '\u{85}', '\u{2028}']) {
            assert!(!line.starts_with("X-Evil"), "{class}: {line:?}");
        }
    }
}
