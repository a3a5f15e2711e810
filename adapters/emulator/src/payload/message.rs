//! A message of any size, as atoms.

use super::filler::{Filler, Rng};
use super::stream::{
    len32, one_off, tag, utf16, Atom, Stream, BINARY, BOOLEAN, END_ATTACH, END_EMBED, END_TO_RECIP,
    MULTIPLE_UNICODE, NEW_ATTACH, START_EMBED, START_RECIP, UNICODE, WINDOWS_1252_STRING,
};

/// MetaTagDnPrefix, the server's prefix of distinguished names.
const DN_PREFIX: u16 = 0x4008; // MS-OXCFXICS 2.2.4.1.5

/// Streams from this length on contain `PidTagSearchKey`.
const SEARCH_KEY_FROM: u64 = 512;
/// Streams from this length on contain a full message. Shorter ones have a class, a subject and a body.
const FULL_FROM: u64 = 6 * 1024;
/// Streams from this length on have attachments.
const ATTACHMENTS_FROM: u64 = 24 * 1024;
/// The largest length of a value. Servers count lengths in signed 32 bits.
const LONGEST_VALUE: u64 = 1 << 30;

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
}
