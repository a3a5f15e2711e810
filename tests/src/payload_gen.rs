//! Payloads as Exchange writes them, and damaged ones.
//!
//! [`item`] generates a message with recipients, attachments and embedded messages, its
//! [`Item::stream`] is the `FastTransfer` stream, and [`frame`] puts a stream into records.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, Index};

/// A message and what it contains; properties are ready for the wire.
#[derive(Clone, Debug)]
pub struct Item {
    /// Properties of the message itself.
    pub properties: Vec<Vec<u8>>,
    /// The properties of each recipient.
    pub recipients: Vec<Vec<Vec<u8>>>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// An attachment: properties, and a message in it or not.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Properties of the attachment itself.
    pub properties: Vec<Vec<u8>>,
    /// The embedded message.
    pub embedded: Option<Item>,
}

/// A `FastTransfer` stream.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The stream.
    pub bytes: Vec<u8>,
    /// Where a property, a recipient or an attachment of the item itself ends: a stream that stops
    /// there is the stream of a smaller item.
    pub item_ends: Vec<usize>,
}

impl Item {
    /// The item's `FastTransfer` stream.
    #[must_use]
    pub fn stream(&self) -> Stream {
        let mut stream = Stream {
            bytes: Vec::new(),
            item_ends: Vec::new(),
        };
        self.write(&mut stream.bytes, &mut |end| stream.item_ends.push(end));
        stream
    }

    fn write(&self, out: &mut Vec<u8>, ended: &mut dyn FnMut(usize)) {
        for property in &self.properties {
            out.extend(property);
            ended(out.len());
        }
        put_tags(out, &[DEL_PROP, MESSAGE_RECIPIENTS]);
        ended(out.len());
        for recipient in &self.recipients {
            put_tags(out, &[START_RECIP]);
            out.extend(recipient.concat());
            put_tags(out, &[END_TO_RECIP]);
            ended(out.len());
        }
        put_tags(out, &[DEL_PROP, MESSAGE_ATTACHMENTS]);
        ended(out.len());
        for (number, attachment) in (0..).zip(&self.attachments) {
            put_tags(out, &[NEW_ATTACH, ATTACH_NUMBER, number]);
            out.extend(attachment.properties.concat());
            if let Some(embedded) = &attachment.embedded {
                put_tags(out, &[START_EMBED]);
                embedded.write(out, &mut |_| ());
                put_tags(out, &[END_EMBED]);
            }
            put_tags(out, &[END_ATTACH]);
            ended(out.len());
        }
    }
}

const START_RECIP: u32 = 0x4003_0003;
const END_TO_RECIP: u32 = 0x4004_0003;
const NEW_ATTACH: u32 = 0x4000_0003;
const END_ATTACH: u32 = 0x400E_0003;
const START_EMBED: u32 = 0x4001_0003;
const END_EMBED: u32 = 0x4002_0003;
const DEL_PROP: u32 = 0x4016_0003;
const MESSAGE_RECIPIENTS: u32 = 0x0E12_000D;
const MESSAGE_ATTACHMENTS: u32 = 0x0E13_000D;
const ATTACH_NUMBER: u32 = 0x0E21_0003;

fn put_tags(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// Puts a stream into transfer buffers of the given sizes, in turn, after the records that come
/// before them. Sizes of 0 count as 1.
#[must_use]
pub fn frame(stream: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut payload = Vec::new();
    put_record(&mut payload, 1, &[0, 0, 0, 0, 1, 0, 0, 0]);
    let interface = [
        1, 0, 0, 0, 7, 3, 2, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46, 0, 0x24, 0, 0x80,
    ];
    put_record(&mut payload, 3, &interface);
    put_record(&mut payload, 4, &[1, 0x0E, 0x8B, 0x80, 0, 0]);
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (body, after) = rest.split_at(rest.len().min((*size).max(1)));
        put_record(&mut payload, 2, body);
        rest = after;
    }
    payload
}

/// Appends a record.
///
/// # Panics
/// With a body of 4 GiB or more.
pub fn put_record(payload: &mut Vec<u8>, opcode: u32, body: &[u8]) {
    put_tags(payload, &[opcode]);
    payload.extend(length(body.len()));
    payload.extend(body);
}

/// Items with up to three levels of messages.
pub fn item() -> impl Strategy<Value = Item> {
    let leaf = message(Just(Vec::new()).boxed());
    leaf.prop_recursive(2, 6, 2, |inner| {
        let attachment = (vec(property(), 0..4), option::of(inner));
        let attachment = attachment.prop_map(|(properties, embedded)| Attachment {
            properties,
            embedded,
        });
        message(vec(attachment, 0..3).boxed())
    })
}

fn message(attachments: BoxedStrategy<Vec<Attachment>>) -> BoxedStrategy<Item> {
    let recipients = vec(vec(property(), 0..4), 0..3);
    (vec(property(), 0..7), recipients, attachments)
        .prop_map(|(properties, recipients, attachments)| Item {
            properties,
            recipients,
            attachments,
        })
        .boxed()
}

/// A property of any type, with any kind of id.
pub fn property() -> impl Strategy<Value = Vec<u8>> {
    let fixed = |types: &'static [u16], size| (select(types), vec(any::<u8>(), size));
    let lengthy = || {
        vec(any::<u8>(), 0..40).prop_map(|mut bytes| {
            bytes.extend([0, 0]);
            sized(&bytes)
        })
    };
    let counted = |values: Vec<Vec<u8>>| {
        let mut out = length(values.len()).to_vec();
        out.extend(values.concat());
        out
    };
    let many = move |types: &'static [u16], size| {
        let values = vec(vec(any::<u8>(), size), 0..4).prop_map(counted);
        (select(types), values)
    };
    let typed = prop_oneof![
        fixed(&[0x0002, 0x000B], 2),
        fixed(&[0x0003, 0x0004, 0x000A], 4),
        fixed(&[0x0005, 0x0006, 0x0007, 0x0014, 0x0040], 8),
        fixed(&[0x0048], 16),
        many(&[0x1002], 2),
        many(&[0x1003, 0x1004], 4),
        many(&[0x1005, 0x1006, 0x1007, 0x1014, 0x1040], 8),
        many(&[0x1048], 16),
        (
            select(&[0x000D, 0x001E, 0x001F, 0x00FB, 0x0102, 0x84B0, 0x84E4, 0xFDE9][..]),
            lengthy()
        ),
        (
            select(&[0x101E, 0x101F, 0x1102][..]),
            vec(lengthy(), 0..4).prop_map(counted)
        ),
    ];
    (typed, id_and_name()).prop_map(|((property_type, value), id)| {
        [&property_type.to_le_bytes()[..], &id, &value].concat()
    })
}

/// The id of a property; from 0x8000 on its name follows.
fn id_and_name() -> impl Strategy<Value = Vec<u8>> {
    let named = 0x8000..=u16::MAX;
    let dispid = (named.clone(), any::<[u8; 16]>(), any::<u32>()).prop_map(|(id, set, dispid)| {
        [&id.to_le_bytes()[..], &set, &[0], &dispid.to_le_bytes()].concat()
    });
    let name = (named, any::<[u8; 16]>(), "[a-zé☃]{0,12}").prop_map(|(id, set, name)| {
        let units = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        [
            &id.to_le_bytes()[..],
            &set,
            &[1],
            &units.collect::<Vec<_>>(),
        ]
        .concat()
    });
    let tagged = prop_oneof![0x0001_u16..0x4000, 0x4019_u16..0x403A, 0x4080_u16..0x8000];
    prop_oneof![
        3 => tagged.prop_map(|id| id.to_le_bytes().to_vec()),
        1 => dispid,
        1 => name,
    ]
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len()), bytes].concat()
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length)
        .expect("less than 4 GiB")
        .to_le_bytes()
}

/// Sizes of transfer buffers: mostly such that atoms lie across their borders.
pub fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..8_usize, 8..200_usize, Just(31_680)], 1..6)
}

/// Streams of atoms in no order: any marker, properties, tags without a meaning.
pub fn atom_soup() -> impl Strategy<Value = Vec<u8>> {
    let marker = select(
        &[
            START_RECIP,
            END_TO_RECIP,
            NEW_ATTACH,
            END_ATTACH,
            START_EMBED,
            END_EMBED,
        ][..],
    );
    let tag = |tag: u32| tag.to_le_bytes().to_vec();
    let strange = prop_oneof![
        (0x4000_u32..0x4080).prop_map(|id| id << 16 | 3),
        any::<u32>(),
    ];
    let atom = prop_oneof![
        20 => marker.prop_map(tag),
        10 => property(),
        1 => strange.prop_map(tag),
    ];
    vec(atom, 0..12).prop_map(|atoms| atoms.concat())
}

/// One way to damage bytes.
#[derive(Clone, Debug)]
pub enum Damage {
    /// A byte has another value.
    Replace(Index, u8),
    /// Bytes are missing.
    Remove(Index, usize),
    /// Bytes are there that do not belong there.
    Insert(Index, Vec<u8>),
    /// The end is missing.
    Cut(Index),
}

impl Damage {
    /// The bytes with this damage.
    #[must_use]
    pub fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Replace(at, value) if !bytes.is_empty() => *at.get_mut(&mut bytes) = *value,
            Self::Replace(..) => {}
            Self::Remove(at, len) => {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + len);
                bytes.drain(at..end);
            }
            Self::Insert(at, foreign) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, foreign.iter().copied());
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        }
        bytes
    }
}

/// Any damage.
pub fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Damage::Replace(at, value)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        (any::<Index>(), vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        any::<Index>().prop_map(Damage::Cut),
    ]
}
