//! Memory does not depend on the size of an attachment. A process of its own, since the peak is the process's.
//!
//! The case of 4 GiB is for a release build:
//! `cargo test --release -p exportitems-convert --test memory -- --ignored`

use std::io::{self, Read, Seek, SeekFrom, Write};

use exportitems_convert::{eml, mbox, Item, Source, Warning};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The most memory this process has held, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * KIB)
}

/// A payload with an attachment of any size, which is made while it is read.
struct Payload {
    start: Vec<u8>,
    data: u64,
    end: Vec<u8>,
    position: u64,
}

impl Payload {
    /// A mail to so many recipients, with an attachment of so many bytes.
    fn new(recipients: u32, data: u32) -> Self {
        let word = |tag: u32, value: u32| [tag.to_le_bytes(), value.to_le_bytes()].concat();
        let text = |tag: u32, text: &str| {
            let len = u32::try_from(text.len()).unwrap();
            [&word(tag, len), text.as_bytes()].concat()
        };
        let mut start = text(0x0037_001E, "large");
        for number in 0..recipients {
            start.extend(0x4003_0003_u32.to_le_bytes());
            start.extend(word(0x0C15_0003, 1));
            start.extend(text(0x39FE_001E, &format!("u{number}@example.test")));
            start.extend(0x4004_0003_u32.to_le_bytes());
        }
        start.extend(0x4000_0003_u32.to_le_bytes());
        start.extend(word(0x3705_0003, 1));
        start.extend(word(0x3701_0102, data));
        let end = [
            text(0x3707_001E, "a.bin"),
            0x400E_0003_u32.to_le_bytes().to_vec(),
        ]
        .concat();
        let record = |len: usize| word(2, u32::try_from(len).unwrap());
        Self {
            // The attachment is a record of its own.
            start: [
                &[1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
                &record(start.len())[..],
                &start,
                &word(2, data),
            ]
            .concat(),
            data: data.into(),
            end: [record(end.len()), end].concat(),
            position: 0,
        }
    }

    fn len(&self) -> u64 {
        self.start.len() as u64 + self.data + self.end.len() as u64
    }
}

impl Read for Payload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.start.len() as u64;
        let at = |position: u64| usize::try_from(position).unwrap();
        let taken = if self.position < start {
            (&self.start[at(self.position)..]).read(buffer)?
        } else if self.position < start + self.data {
            let most = buffer.len().min(at(start + self.data - self.position));
            buffer[..most].fill(b'x');
            most
        } else {
            let position = self.position.min(self.len()) - start - self.data;
            (&self.end[at(position)..]).read(buffer)?
        };
        self.position += taken as u64;
        Ok(taken)
    }
}

impl Seek for Payload {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Counts what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Convert =
    fn(&Item, &mut dyn Source, &mut dyn Write, &eml::Options) -> io::Result<Vec<Warning>>;

/// Converts a mail, and returns the peak of memory afterwards.
fn convert(recipients: u32, data: u32, write: Convert) -> u64 {
    let mut payload = Payload::new(recipients, data);
    let item = Item::read(&mut payload).unwrap();
    assert!(!item.is_partial() && item.len == payload.len());
    let mut out = Count(0);
    let warnings = write(&item, &mut payload, &mut out, &eml::Options::default()).unwrap();
    assert_eq!(warnings, []);
    // Base64 with a line end for 76 characters.
    let data = u64::from(data);
    let (least, most) = (
        data / 57 * 77,
        data / 57 * 78 + 200 * u64::from(recipients) + 2 * KIB,
    );
    assert!(least <= out.0 && out.0 <= most, "{} bytes", out.0);
    peak().unwrap()
}

/// In a debug build, the program alone takes several times as much.
fn check(large: u32) {
    if peak().is_none() {
        exportitems_testkit::data::skip("this system does not report the peak of memory");
        return;
    }
    for write in [eml::write as Convert, mbox::append] {
        let before = convert(1000, 1 << 20, write);
        let after = convert(1000, large, write);
        println!("{large} bytes: peak {} KiB", after / KIB);
        assert!(after - before < MIB, "{before} and {after} bytes");
        assert!(cfg!(debug_assertions) || after < 16 * MIB, "{after} bytes");
    }
}

#[test]
fn memory_does_not_grow_with_an_attachment() {
    check(16 << 20);
}

#[test]
#[ignore = "4 GiB, for a release build"]
fn four_gib_in_16_mib() {
    check(u32::MAX);
}
