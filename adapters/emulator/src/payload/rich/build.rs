//! What rich items are built of.

use super::super::stream::{
    len32, tag, utf16, Atom, Stream, BINARY, BOOLEAN, END_ATTACH, END_EMBED, END_TO_RECIP,
    NEW_ATTACH, START_EMBED, START_RECIP, SYSTIME,
};

/// A property set whose GUID ends as most of MAPI's do: `….-0000-0000-C000-000000000046`.
pub(super) const fn set(data1: u32) -> [u8; 16] {
    let [a, b, c, d] = data1.to_le_bytes();
    [a, b, c, d, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46]
}

pub(super) const PUBLIC_STRINGS: [u8; 16] = set(0x0002_0329);
pub(super) const INTERNET_HEADERS: [u8; 16] = set(0x0002_0386);
pub(super) const APPOINTMENT: [u8; 16] = set(0x0006_2002);
pub(super) const TASK: [u8; 16] = set(0x0006_2003);
pub(super) const ADDRESS: [u8; 16] = set(0x0006_2004);
pub(super) const COMMON: [u8; 16] = set(0x0006_2008);
pub(super) const MEETING: [u8; 16] = [
    0x90, 0xDA, 0xD8, 0x6E, 0x0B, 0x45, 0x1B, 0x10, 0x98, 0xDA, 0x00, 0xAA, 0x00, 0x3F, 0x13, 0x05,
];

/// A FILETIME.
pub(super) fn filetime(unix: u64) -> [u8; 8] {
    ((unix + 11_644_473_600) * 10_000_000).to_le_bytes()
}

/// Bytes after their number.
pub(super) fn sized(bytes: &[u8]) -> Vec<u8> {
    [&len32(bytes.len() as u64)[..], bytes].concat()
}

impl Stream {
    /// A mail of 2026-03-02T09:00:00Z from Pat to Ann.
    pub(super) fn mail(&mut self, subject: &str) {
        self.string(0x001A, "IPM.Note");
        self.headers(subject);
        self.string(0x1000, "Hello\r\n");
        self.to("Ann", "ann@example.test");
    }

    /// Subject, sender, time and Message-ID.
    pub(super) fn headers(&mut self, subject: &str) {
        self.string(0x0037, subject);
        self.at(0x0039, 1_772_442_000);
        self.sender("Pat", "pat@example.test");
        self.string(0x1035, "<rich@example.test>");
    }

    /// The groups SentRepresenting and Sender of a user with an SMTP address.
    pub(super) fn sender(&mut self, name: &str, address: &str) {
        for [id_of_name, kind, id] in [[0x0042, 0x0064, 0x0065], [0x0C1A, 0x0C1E, 0x0C1F]] {
            self.string(id_of_name, name);
            self.string(kind, "SMTP");
            self.string(id, address);
        }
    }

    pub(super) fn at(&mut self, id: u16, unix: u64) {
        self.fixed(SYSTIME, id, &filetime(unix));
    }

    pub(super) fn truth(&mut self, id: u16) {
        self.fixed(BOOLEAN, id, &[1, 0]);
    }

    pub(super) fn to(&mut self, name: &str, address: &str) {
        self.addressee(1, |it| {
            it.string(0x3001, name);
            it.string(0x3002, "SMTP");
            it.string(0x3003, address);
        });
    }

    /// A recipient of this type.
    pub(super) fn addressee(&mut self, kind: u32, inner: impl FnOnce(&mut Self)) {
        self.marker(START_RECIP);
        self.int(0x0C15, kind);
        inner(self);
        self.marker(END_TO_RECIP);
    }

    /// An attachment with this PidTagAttachMethod.
    pub(super) fn attach(&mut self, method: u32, inner: impl FnOnce(&mut Self)) {
        self.marker(NEW_ATTACH);
        self.int(0x0E21, 0);
        self.int(0x3705, method);
        inner(self);
        self.marker(END_ATTACH);
    }

    pub(super) fn attach_file(&mut self, name: &str, data: &[u8]) {
        self.attach(1, |it| {
            it.string(0x3707, name);
            it.binary(0x3701, data);
        });
    }

    /// An attached message.
    pub(super) fn attach_message(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.attach(5, |it| {
            it.string(0x3001, name);
            it.embed(inner);
        });
    }

    pub(super) fn embed(&mut self, inner: impl FnOnce(&mut Self)) {
        self.marker(START_EMBED);
        inner(self);
        self.marker(END_EMBED);
    }

    /// A property with a number in a set; `value` is as it is in the stream.
    pub(super) fn numbered(&mut self, kind: u16, set: [u8; 16], dispid: u32, value: &[u8]) {
        self.named_as(
            0x8000,
            kind,
            set,
            &[&[0], &dispid.to_le_bytes()[..]].concat(),
            value,
        );
    }

    /// A property with a text for a name.
    pub(super) fn named(&mut self, kind: u16, set: [u8; 16], name: &str, value: &[u8]) {
        self.named_as(0x8001, kind, set, &[&[1], &utf16(name)[..]].concat(), value);
    }

    /// A named property with this id, which only has a meaning in this stream.
    pub(super) fn named_as(
        &mut self,
        id: u16,
        kind: u16,
        set: [u8; 16],
        name: &[u8],
        value: &[u8],
    ) {
        let atom = [&tag(kind, id), &set[..], name, value].concat();
        self.0.push(Atom::Fixed(atom));
    }

    pub(super) fn numbered_int(&mut self, set: [u8; 16], dispid: u32, value: u32) {
        self.numbered(0x0003, set, dispid, &value.to_le_bytes());
    }

    pub(super) fn numbered_at(&mut self, set: [u8; 16], dispid: u32, unix: u64) {
        self.numbered(SYSTIME, set, dispid, &filetime(unix));
    }

    pub(super) fn numbered_text(&mut self, set: [u8; 16], dispid: u32, text: &str) {
        self.numbered(0x001F, set, dispid, &sized(&utf16(text)));
    }

    pub(super) fn numbered_bytes(&mut self, set: [u8; 16], dispid: u32, bytes: &[u8]) {
        self.numbered(BINARY, set, dispid, &sized(bytes));
    }

    /// An RTF body, compressed (MS-OXRTFCP) without references to earlier text.
    pub(super) fn rtf(&mut self, rtf: &str) {
        let mut body = Vec::new();
        for eight in rtf.as_bytes().chunks(8) {
            // The flags of eight literals. The last run ends with a reference to its own place.
            let flags = if eight.len() < 8 { 1 << eight.len() } else { 0 };
            body.push(flags);
            body.extend(eight);
            if eight.len() < 8 {
                body.extend(end(rtf.len()));
            }
        }
        if rtf.len().is_multiple_of(8) {
            body.push(1);
            body.extend(end(rtf.len()));
        }
        let crc = body.iter().fold(0, |crc, byte| crc32(crc, *byte));
        let value = [
            &len32(body.len() as u64 + 12)[..],
            &len32(rtf.len() as u64),
            b"LZFu",
            &crc.to_le_bytes(),
            &body,
        ];
        self.binary(0x1009, &value.concat());
    }

    /// An RTF body that is stored as it is.
    pub(super) fn stored_rtf(&mut self, rtf: &str) {
        let len = rtf.len() as u64;
        let value = [
            &len32(len + 12)[..],
            &len32(len),
            b"MELA",
            &[0; 4],
            rtf.as_bytes(),
        ];
        self.binary(0x1009, &value.concat());
    }
}

/// A reference to the place in the dictionary where it is written, which ends compressed RTF.
fn end(written: usize) -> [u8; 2] {
    /// Bytes that the dictionary begins with.
    const DICTIONARY: usize = 207;
    let place = u16::try_from((DICTIONARY + written) % 4096).unwrap_or_default();
    (place << 4).to_be_bytes()
}

fn crc32(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte), |crc, _| match crc & 1 {
        1 => crc >> 1 ^ 0xEDB8_8320,
        _ => crc >> 1,
    })
}
