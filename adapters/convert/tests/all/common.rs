//! Builds payloads, and converts them.

use std::io::Cursor;

use exportitems::payload::Guid;
use exportitems_convert::{eml, Item, Warning};
use exportitems_testkit::payload_gen::frame;

/// A stream in the making.
#[derive(Clone, Default)]
pub(crate) struct Stream(pub(crate) Vec<u8>);

impl Stream {
    pub(crate) fn word(mut self, tag: u32, value: u32) -> Self {
        self.0.extend(tag.to_le_bytes());
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn time(mut self, id: u16, unix: u64) -> Self {
        self.0.extend((u32::from(id) << 16 | 0x40).to_le_bytes());
        self.0
            .extend(((unix + 11_644_473_600) * 10_000_000).to_le_bytes());
        self
    }

    pub(crate) fn boolean(mut self, id: u16) -> Self {
        self.0.extend((u32::from(id) << 16 | 0x0B).to_le_bytes());
        self.0.extend([1, 0]);
        self
    }

    /// A property of variable size.
    pub(crate) fn bytes(mut self, tag: u32, value: &[u8]) -> Self {
        self.0.extend(tag.to_le_bytes());
        self.0
            .extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        self.0.extend(value);
        self
    }

    /// A string in UTF-16, as Exchange writes it.
    pub(crate) fn text(self, id: u16, text: &str) -> Self {
        self.bytes(u32::from(id) << 16 | 0x84B0, &utf16(text))
    }

    /// Strings with a name in a property set.
    pub(crate) fn named(mut self, set: u32, name: &str, values: &[&str]) -> Self {
        self.0.extend(0x8001_101F_u32.to_le_bytes());
        self.0.extend(set.to_le_bytes());
        self.0.extend([0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46, 1]);
        self.0.extend(utf16(name));
        self.0
            .extend(u32::try_from(values.len()).unwrap().to_le_bytes());
        for value in values {
            let value = utf16(value);
            self.0
                .extend(u32::try_from(value.len()).unwrap().to_le_bytes());
            self.0.extend(value);
        }
        self
    }

    /// A property with a number in a property set. `value` is as it is in the stream.
    pub(crate) fn lid(mut self, set: Guid, dispid: u32, kind: u16, value: &[u8]) -> Self {
        self.0.extend((0x8002_0000 | u32::from(kind)).to_le_bytes());
        self.0.extend(set.0);
        self.0.push(0);
        self.0.extend(dispid.to_le_bytes());
        self.0.extend(value);
        self
    }

    pub(crate) fn lid_word(self, set: Guid, dispid: u32, value: u32) -> Self {
        self.lid(set, dispid, 0x0003, &value.to_le_bytes())
    }

    pub(crate) fn lid_time(self, set: Guid, dispid: u32, unix: u64) -> Self {
        let time = (unix + 11_644_473_600) * 10_000_000;
        self.lid(set, dispid, 0x0040, &time.to_le_bytes())
    }

    pub(crate) fn lid_text(self, set: Guid, dispid: u32, text: &str) -> Self {
        self.lid(set, dispid, 0x84B0, &sized(&utf16(text)))
    }

    pub(crate) fn lid_bytes(self, set: Guid, dispid: u32, bytes: &[u8]) -> Self {
        self.lid(set, dispid, 0x0102, &sized(bytes))
    }

    pub(crate) fn marker(mut self, marker: u32) -> Self {
        self.0.extend(marker.to_le_bytes());
        self
    }

    pub(crate) fn recipient(self, kind: u32, inner: Self) -> Self {
        let mut stream = self.marker(0x4003_0003).word(0x0C15_0003, kind);
        stream.0.extend(inner.0);
        stream.marker(0x4004_0003)
    }

    pub(crate) fn to(self, name: &str, address: &str) -> Self {
        let inner = Self::default();
        let inner = inner
            .text(0x3001, name)
            .text(0x3002, "SMTP")
            .text(0x3003, address);
        self.recipient(1, inner)
    }

    pub(crate) fn attachment(self, inner: Self) -> Self {
        let mut stream = self.marker(0x4000_0003).word(0x0E21_0003, 0);
        stream.0.extend(inner.0);
        stream.marker(0x400E_0003)
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        let inner = Self::default().word(0x3705_0003, 1);
        self.attachment(inner.bytes(0x3701_0102, data).text(0x3707, name))
    }

    pub(crate) fn embedded(self, name: &str, message: Self) -> Self {
        let inner = Self::default().word(0x3705_0003, 5).text(0x3001, name);
        let mut inner = inner.marker(0x4001_0003);
        inner.0.extend(message.0);
        self.attachment(inner.marker(0x4002_0003))
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        frame(&self.0, &[31_680])
    }
}

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// Bytes after their number.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap();
    [&len.to_le_bytes()[..], bytes].concat()
}

/// A mail with the usual properties.
pub(crate) fn mail(subject: &str) -> Stream {
    Stream::default()
        .text(0x001A, "IPM.Note")
        .text(0x0037, subject)
        .time(0x0039, 1_270_070_044)
        .text(0x0042, "Pat Doe")
        .text(0x0064, "SMTP")
        .text(0x0065, "pat@example.test")
        .text(0x1035, "<1@example.test>")
}

pub(crate) struct Converted {
    pub(crate) eml: String,
    pub(crate) warnings: Vec<Warning>,
}

pub(crate) fn convert(stream: &Stream) -> Converted {
    convert_by(stream, &eml::Options::default())
}

pub(crate) fn convert_by(stream: &Stream, options: &eml::Options) -> Converted {
    let mut file = Cursor::new(stream.payload());
    let item = Item::read(&mut file).unwrap();
    let mut out = Vec::new();
    let mut warnings = item.warnings.clone();
    warnings.extend(eml::write(&item, &mut file, &mut out, options).unwrap());
    Converted {
        eml: String::from_utf8_lossy(&out).into_owned(),
        warnings,
    }
}

/// What a converter writes of an item.
pub(crate) fn convert_to(stream: &Stream, write: Write) -> Converted {
    let mut file = Cursor::new(stream.payload());
    let item = Item::read(&mut file).unwrap();
    let mut out = Vec::new();
    let warnings = write(&item, &mut file, &mut out, &eml::Options::default()).unwrap();
    Converted {
        eml: String::from_utf8(out).unwrap(),
        warnings,
    }
}

type Write = fn(
    &Item,
    &mut dyn exportitems_convert::Source,
    &mut dyn std::io::Write,
    &eml::Options,
) -> std::io::Result<Vec<Warning>>;

/// A mail with a property or part of each kind that is looked at.
pub(crate) fn everything() -> Stream {
    let rtf = br"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}caf\'e9\u8364 ?{\*\htmltag72 </p>}}";
    let mut stored = u32::try_from(rtf.len() + 12)
        .unwrap()
        .to_le_bytes()
        .to_vec();
    stored.extend(b"\0\0\0\0MELA\0\0\0\0");
    stored.extend(rtf);
    let image = Stream::default()
        .bytes(0x3701_0102, b"\x89PNG")
        .text(0x3712, "pic@x")
        .text(0x370E, "image/png")
        .text(0x3707, "Bild \u{e4}.png")
        .time(0x3007, 1_270_070_044);
    let inner = mail("inner")
        .bytes(0x1009_0102, &stored)
        .file("../b.txt", b"b");
    mail("Gr\u{fc}\u{df}e")
        .word(0x0017_0003, 2)
        .word(0x0E07_0003, 9)
        .text(
            0x007D,
            "Received: from a\r\n\tby b\r\nSubject: caf\u{e9}\r\nContent-Type: x/y\r\n\r\n",
        )
        .named(0x0002_0329, "Keywords", &["red", "blue"])
        .named(0x0002_0386, "X-Custom", &["kept"])
        .text(0x1000, "Hello\r\nFrom here")
        .bytes(0x1013_0102, b"<p>Hello <img src='cid:pic@x'>")
        .word(0x3FDE_0003, 65001)
        .to("Ann", "ann@example.test")
        .recipient(
            2,
            Stream::default()
                .text(0x3001, "Bo")
                .text(0x3002, "EX")
                .text(0x3003, "/o=x/cn=bo"),
        )
        .attachment(image)
        .embedded("mail", inner)
        .attachment(
            Stream::default()
                .word(0x3705_0003, 7)
                .text(0x370D, "https://example.test/x"),
        )
}
