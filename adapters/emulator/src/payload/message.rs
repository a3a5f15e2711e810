//! The `FastTransfer` stream of one message (MS-OXCFXICS 2.2.4.3.11, messageContent), as atoms.

use super::filler::{Filler, Rng};

// Markers (MS-OXCFXICS 2.2.4.1.4).
const START_EMBED: u32 = 0x4001_0003;
const END_EMBED: u32 = 0x4002_0003;
const START_RECIP: u32 = 0x4003_0003;
const END_TO_RECIP: u32 = 0x4004_0003;
const NEW_ATTACH: u32 = 0x4000_0003;
const END_ATTACH: u32 = 0x400E_0003;

// Meta properties (MS-OXCFXICS 2.2.4.1.5).
const FX_DEL_PROP: u16 = 0x4016;
const DN_PREFIX: u16 = 0x4008;

// Property types: MS-OXCDATA 2.11.1, and code page strings (0x8000 | code page).
const INTEGER32: u16 = 0x0003;
const BOOLEAN: u16 = 0x000B;
const UNICODE: u16 = 0x001F;
const SYSTIME: u16 = 0x0040;
const BINARY: u16 = 0x0102;
const MULTIPLE_UNICODE: u16 = 0x101F;
const UTF16_STRING: u16 = 0x84B0;
const WINDOWS_1252_STRING: u16 = 0x84E4;

/// Streams from this length on contain `PidTagSearchKey`.
const SEARCH_KEY_FROM: u64 = 512;
/// Streams from this length on contain a full message. Shorter ones have a class, a subject and a body.
const FULL_FROM: u64 = 6 * 1024;
/// Streams from this length on have attachments.
const ATTACHMENTS_FROM: u64 = 24 * 1024;
/// The largest length of a value. Servers count lengths in signed 32 bits.
const LONGEST_VALUE: u64 = 1 << 30;

/// A piece of the stream.
#[derive(Clone, Debug)]
pub(super) enum Atom {
    /// A marker, or a property with its value or its length.
    Fixed(Vec<u8>),
    /// The value of a property of variable size.
    Value { len: u64, filler: Filler },
}

impl Atom {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Fixed(bytes) => bytes.len() as u64,
            Self::Value { len, .. } => *len,
        }
    }

    pub(super) fn may_be_split(&self) -> bool {
        matches!(self, Self::Value { .. })
    }

    /// Writes the bytes at `offset`, which must not exceed the piece.
    pub(super) fn copy(&self, offset: u64, out: &mut [u8]) {
        match self {
            Self::Fixed(bytes) => {
                let start = usize::try_from(offset).unwrap_or(bytes.len());
                out.copy_from_slice(&bytes[start..][..out.len()]);
            }
            Self::Value { filler, .. } => filler.copy(offset, out),
        }
    }
}

/// Makes a message whose stream has `len` bytes.
///
/// It is laid out twice: first with empty long values, to compute the room for them, and then with values that fill this
/// room.
pub(super) fn message(seed: u64, len: u64) -> Vec<Atom> {
    let mut shape = Shape::choose(seed, len);
    let spare = len - total(&shape.lay_out());
    match shape.attachments.len() as u64 {
        0 => shape.body = spare,
        n => {
            shape.body = (spare / 8).min(20_000);
            let each = (spare - shape.body) / n;
            for attachment in &mut shape.attachments {
                attachment.data = each;
            }
            shape.attachments[0].data += (spare - shape.body) % n;
        }
    }
    shape.lay_out()
}

fn total(atoms: &[Atom]) -> u64 {
    atoms.iter().map(Atom::len).sum()
}

/// The parts of a message, and the lengths of its values.
struct Shape {
    seed: u64,
    search_key: bool,
    full: bool,
    dn_prefix: bool,
    recipients: u64,
    body: u64,
    attachments: Vec<Attachment>,
}

struct Attachment {
    /// Whether the data is in an attachment of an embedded message.
    embedded: bool,
    data: u64,
}

impl Shape {
    fn choose(seed: u64, len: u64) -> Self {
        let mut rng = Rng::new(seed, 2);
        let full = len >= FULL_FROM;
        let count = if len < ATTACHMENTS_FROM {
            0
        } else {
            1 + rng.below(3).max(len / LONGEST_VALUE)
        };
        let embedded = rng.below(3);
        Self {
            seed,
            search_key: len >= SEARCH_KEY_FROM,
            full,
            // Exchange 2010 sends this, and Exchange Online does not.
            dn_prefix: full && rng.below(2) == 0,
            recipients: if full { 1 + rng.below(4) } else { 0 },
            body: 0,
            attachments: (0..count)
                .map(|i| Attachment {
                    embedded: i == embedded,
                    data: 0,
                })
                .collect(),
        }
    }

    fn lay_out(&self) -> Vec<Atom> {
        let mut stream = Stream::default();
        if self.dn_prefix {
            let dn = "/O=FIRST ORGANIZATION/OU=EXCHANGE ADMINISTRATIVE GROUP \
                      (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN=";
            stream.var(WINDOWS_1252_STRING, DN_PREFIX, format!("{dn}\0").as_bytes());
        }
        stream.message_properties(self.full, self.seed);
        stream.value(BINARY, 0x1013, self.body, Filler::Html); // PidTagHtml
        if self.search_key {
            stream.binary(0x300B, &super::search_key(self.seed)); // PidTagSearchKey
        }
        stream.del_prop(0x0E12_000D); // PidTagMessageRecipients
        for row in 0..self.recipients {
            stream.recipient(row);
        }
        stream.del_prop(0x0E13_000D); // PidTagMessageAttachments
        for (number, attachment) in (0..).zip(&self.attachments) {
            let noise = Filler::Noise(Rng::new(self.seed, 100 + u64::from(number)).next());
            if attachment.embedded {
                stream.embedded_message(number, attachment.data, noise);
            } else {
                stream.file(number, attachment.data, noise);
            }
        }
        stream.0
    }
}

/// The atoms that have been written.
#[derive(Default)]
struct Stream(Vec<Atom>);

impl Stream {
    /// INVARIANT: the subject contains the whole seed, so two items of the same size differ, even the smallest ones.
    fn message_properties(&mut self, full: bool, seed: u64) {
        self.int(0x0017, 1); // PidTagImportance
        self.string(0x001A, "IPM.Note"); // PidTagMessageClass
        if !full {
            self.string(0x0037, &format!("Note {seed:016x}")); // PidTagSubject
            return;
        }
        self.fixed(BOOLEAN, 0x0023, &[0, 0]); // PidTagOriginatorDeliveryReportRequested
        self.fixed(BOOLEAN, 0x0029, &[0, 0]); // PidTagReadReceiptRequested
        self.int(0x0036, 0); // PidTagSensitivity
        self.string(0x0037, &format!("Figures of the quarter, {seed:016x}")); // PidTagSubject
        self.time(0x0039); // PidTagClientSubmitTime
        self.binary(0x003B, b"SMTP:PAT@EXAMPLE.TEST\0"); // PidTagSentRepresentingSearchKey
        self.string(0x003D, ""); // PidTagSubjectPrefix
        self.binary(0x003F, &one_off("Pat", "pat@example.test")); // PidTagReceivedByEntryId
        self.string(0x0042, "Pat"); // PidTagSentRepresentingName
        self.time(0x0E06); // PidTagMessageDeliveryTime
        self.int(0x0E07, 1); // PidTagMessageFlags: read
        self.var(UNICODE, 0x1000, &utf16("The figures are attached.\r\n")); // PidTagBody
        self.string(0x1035, &format!("<{seed:x}@example.test>")); // PidTagInternetMessageId
        self.keywords();
        self.int(0x3FDE, 65001); // PidTagInternetCodepage
    }

    /// Writes a named property with several values: `Keywords` of `PS_PUBLIC_STRINGS`.
    fn keywords(&mut self) {
        const PS_PUBLIC_STRINGS: [u8; 16] = [
            0x29, 0x03, 0x02, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46,
        ];
        let mut atom = tag(MULTIPLE_UNICODE, 0x8001);
        atom.extend(PS_PUBLIC_STRINGS);
        atom.push(1); // a name, not a number
        atom.extend(utf16("Keywords"));
        atom.extend(2u32.to_le_bytes());
        for keyword in ["finance", "quarter"] {
            let keyword = utf16(keyword);
            atom.extend(len32(keyword.len() as u64));
            atom.extend(keyword);
        }
        self.0.push(Atom::Fixed(atom));
    }

    fn recipient(&mut self, row: u64) {
        let (name, address) = (format!("User {row}"), format!("user{row}@example.test"));
        self.marker(START_RECIP);
        self.int(0x3000, u32::try_from(row).unwrap_or(u32::MAX)); // PidTagRowid
        self.int(0x0C15, 1); // PidTagRecipientType: to
        self.string(0x3001, &name); // PidTagDisplayName
        self.string(0x3002, "SMTP"); // PidTagAddressType
        self.string(0x3003, &address); // PidTagEmailAddress
        self.binary(0x0FFF, &one_off(&name, &address)); // PidTagEntryId
        self.string(0x39FE, &address); // PidTagSmtpAddress
        self.int(0x3900, 0); // PidTagDisplayType
        self.int(0x0FFE, 6); // PidTagObjectType: mail user
        self.marker(END_TO_RECIP);
    }

    fn file(&mut self, number: u32, data: u64, filler: Filler) {
        self.attachment(number, data, 1, &format!("figures-{number}.zip"));
        self.value(BINARY, 0x3701, data, filler); // PidTagAttachDataBinary
        self.marker(END_ATTACH);
    }

    fn embedded_message(&mut self, number: u32, data: u64, filler: Filler) {
        self.attachment(number, data, 5, "Last year's figures");
        self.marker(START_EMBED);
        self.message_properties(true, u64::from(number));
        self.del_prop(0x0E12_000D);
        self.recipient(0);
        self.del_prop(0x0E13_000D);
        self.file(0, data, filler);
        self.marker(END_EMBED);
        self.marker(END_ATTACH);
    }

    /// Writes the head of an attachment. `method` is `PidTagAttachMethod`, 1 by value, 5 embedded message.
    fn attachment(&mut self, number: u32, size: u64, method: u32, name: &str) {
        self.marker(NEW_ATTACH);
        self.int(0x0E21, number); // PidTagAttachNumber
        self.int(0x370B, u32::MAX); // PidTagRenderingPosition: none
        self.int(0x0E20, u32::try_from(size).unwrap_or(u32::MAX)); // PidTagAttachSize
        self.time(0x3007); // PidTagCreationTime
        self.time(0x3008); // PidTagLastModificationTime
        self.int(0x3705, method); // PidTagAttachMethod
        self.string(0x3707, name); // PidTagAttachLongFilename
        self.string(0x3001, name); // PidTagDisplayName
    }

    fn marker(&mut self, marker: u32) {
        self.0.push(Atom::Fixed(marker.to_le_bytes().to_vec()));
    }

    fn del_prop(&mut self, tag: u32) {
        self.fixed(INTEGER32, FX_DEL_PROP, &tag.to_le_bytes());
    }

    fn int(&mut self, id: u16, value: u32) {
        self.fixed(INTEGER32, id, &value.to_le_bytes());
    }

    /// 2025-07-05T16:14:59Z as FILETIME.
    fn time(&mut self, id: u16) {
        self.fixed(SYSTIME, id, &133_962_056_990_000_000u64.to_le_bytes());
    }

    /// Writes a string in the form of all published samples, with code page 1200 (UTF-16) in its type.
    fn string(&mut self, id: u16, text: &str) {
        self.var(UTF16_STRING, id, &utf16(text));
    }

    fn binary(&mut self, id: u16, bytes: &[u8]) {
        self.var(BINARY, id, bytes);
    }

    fn fixed(&mut self, kind: u16, id: u16, value: &[u8]) {
        let mut atom = tag(kind, id);
        atom.extend(value);
        self.0.push(Atom::Fixed(atom));
    }

    fn var(&mut self, kind: u16, id: u16, value: &[u8]) {
        let mut atom = tag(kind, id);
        atom.extend(len32(value.len() as u64));
        atom.extend(value);
        self.0.push(Atom::Fixed(atom));
    }

    /// Writes the head of a long value, whose bytes are generated when they are read.
    fn value(&mut self, kind: u16, id: u16, len: u64, filler: Filler) {
        let mut atom = tag(kind, id);
        atom.extend(len32(len));
        self.0.push(Atom::Fixed(atom));
        self.0.push(Atom::Value { len, filler });
    }
}

/// Returns the type and the id in the order of the stream: two 16-bit numbers, the type first.
fn tag(kind: u16, id: u16) -> Vec<u8> {
    [kind.to_le_bytes(), id.to_le_bytes()].concat()
}

fn len32(len: u64) -> [u8; 4] {
    // INVARIANT: values are shorter than `LONGEST_VALUE` plus the number of attachments.
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Encodes UTF-16 with the terminating NUL, which readers require (MS-OXCFXICS R995).
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// A one-off `EntryID` (MS-OXCDATA 2.2.5.1): flags, provider, version, Unicode flag, three strings.
fn one_off(name: &str, address: &str) -> Vec<u8> {
    const PROVIDER: [u8; 16] = [
        0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0, 0xDD, 0x01, 0x0F, 0x54, 0x02,
    ];
    let mut id = vec![0; 4];
    id.extend(PROVIDER);
    id.extend([0, 0, 0x01, 0x90]);
    for text in [name, "SMTP", address] {
        id.extend(utf16(text));
    }
    id
}
