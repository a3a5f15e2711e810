//! Item ids and change keys in the form of Exchange.
//!
//! An id is base64 of `00` or `01`, `03`, the length and text of the mailbox GUID, and a message
//! `EntryID` of 70 bytes. The layout is that of recorded ids, which have 152 characters:
//!
//! ```text
//! 00            the bytes are plain; 01: run-length encoded (the prefixes AAMk and AQMk)
//! 03 24 00      the mailbox is identified by a GUID of 0x24 characters
//! GUID
//! 00 46 00      an item; 0x46 bytes follow
//! flags 4, provider 16, type 2, folder database 16, folder counter 6, 0 0, item database 16, item counter 6, 0 0
//! ```
//!
//! The item counter is the seed of the payload, and the folder counter is its size. So an id determines the bytes of its
//! item, unless the scenario has mailboxes, whose items can change.
//!
//! The id of a folder has the same form, with a folder `EntryID` of 46 bytes: flags 4, provider 16, type 2, database 16,
//! counter 6, 0 0.

use base64::prelude::{Engine as _, BASE64_STANDARD};

/// The default mailbox of the emulator.
pub const DEFAULT_MAILBOX: &str = "6b1c3f0e-52d4-4a8f-9d0b-3e7a2c915f68";

/// The number of characters of a GUID.
const GUID: usize = 36;
/// The number of bytes of a message `EntryID`.
const ENTRY_ID: usize = 70;
/// The GUID of the provider, the folder database and the item database, which are the same store.
const STORE: [u8; 16] = *b"\xB7\xD2\xEBemulator\xC7\xB8\x10\xCA\x07";

/// The item that an id of the emulator identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) seed: u64,
    pub(crate) size: u64,
}

/// The reason why an id identifies no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdError {
    Empty,
    Malformed,
    /// The id is well-formed, but belongs to another mailbox, with this GUID.
    ForeignMailbox(String),
    /// The id is well-formed and belongs to this mailbox, but to an unknown store.
    NotFound,
}

/// Returns the id of the item with this seed and size (48 bits each) in `mailbox`, a GUID as text.
///
/// ```
/// use exportitems_emulator::{item_id, DEFAULT_MAILBOX};
///
/// let id = item_id(DEFAULT_MAILBOX, 1, 100_000);
/// assert!(id.starts_with("AAMk") && id.len() == 152);
/// ```
///
/// # Panics
/// If `seed` or `size` has more than 48 bits, or if `mailbox` does not have 36 characters.
#[must_use]
pub fn item_id(mailbox: &str, seed: u64, size: u64) -> String {
    BASE64_STANDARD.encode(raw(mailbox, seed, size))
}

/// Returns the change key of the item with this seed.
#[must_use]
pub fn change_key(seed: u64) -> String {
    // Kind 9 (message), length 0x16, store and counter.
    let mut key = vec![9, 0, 0, 0, 0x16, 0, 0, 0];
    key.extend(STORE);
    key.extend(counter(seed));
    BASE64_STANDARD.encode(key)
}

/// Returns the other spelling of an id that [`read`] accepts: run-length encoded instead of plain, or plain instead of
/// run-length encoded.
///
/// Servers may answer with another spelling than the requested one
/// (OfficeDev/ews-managed-api issue 46).
pub(crate) fn recode(mailbox: &str, id: &str, item: Item) -> String {
    let raw = raw(mailbox, item.seed, item.size);
    if id.starts_with("AAMk") {
        let mut packed = vec![1];
        packed.extend(pack(&raw[1..]));
        BASE64_STANDARD.encode(packed)
    } else {
        BASE64_STANDARD.encode(raw)
    }
}

/// Returns another id of the same item, which differs in its flags. [`read`] accepts it, but it is not a spelling of the
/// usual id.
pub(crate) fn disguise(mailbox: &str, item: Item) -> String {
    /// The offset of the flags, after the prefix, the GUID and the length of the `EntryID`.
    const FLAGS: usize = 4 + GUID + 3;
    let mut raw = raw(mailbox, item.seed, item.size);
    raw[FLAGS] = 1;
    BASE64_STANDARD.encode(raw)
}

/// Returns the id of a folder.
pub(crate) fn folder_id(mailbox: &str, number: u64) -> String {
    let mut id = vec![0, 3, 0x24, 0];
    id.extend(mailbox.bytes());
    id.extend([0, 0x2E, 0, 0, 0, 0, 0]);
    id.extend(STORE);
    id.extend([1, 0]); // a private folder
    id.extend(STORE);
    id.extend(counter(number));
    id.extend([0, 0]);
    BASE64_STANDARD.encode(id)
}

/// Returns the GUID of the mailbox and the number of the folder that `id` identifies.
pub(crate) fn read_folder(id: &str) -> Option<(String, u64)> {
    let bytes = BASE64_STANDARD.decode(id).ok()?;
    let rest = bytes.strip_prefix(&[0, 3, 0x24, 0])?;
    let (guid, rest) = rest.split_at_checked(GUID)?;
    let entry_id = rest.strip_prefix(&[0, 0x2E, 0])?;
    let guid = core::str::from_utf8(guid).ok()?.to_owned();
    let counter = entry_id.get(38..44)?;
    (entry_id.len() == 46).then(|| (guid, number(counter)))
}

/// Returns the item that `id` identifies in `mailbox`.
pub(crate) fn read(mailbox: &str, id: &str) -> Result<Item, IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    let bytes = BASE64_STANDARD.decode(id).map_err(|_| IdError::Malformed)?;
    let bytes = match bytes.split_first() {
        Some((0, rest)) => rest.to_vec(),
        Some((1, rest)) => unpack(rest).ok_or(IdError::Malformed)?,
        _ => return Err(IdError::Malformed),
    };
    let (guid, entry_id) = split(&bytes).ok_or(IdError::Malformed)?;
    if !guid.eq_ignore_ascii_case(mailbox) {
        return Err(IdError::ForeignMailbox(guid.to_owned()));
    }
    if entry_id[4..20] != STORE || entry_id[22..38] != STORE || entry_id[46..62] != STORE {
        return Err(IdError::NotFound);
    }
    Ok(Item {
        seed: number(&entry_id[62..68]),
        size: number(&entry_id[38..44]),
    })
}

/// Splits an id without its first byte into the mailbox GUID and the `EntryID`.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(&[3, 0x24, 0])?;
    let (guid, rest) = rest.split_at_checked(GUID)?;
    let entry_id = rest.strip_prefix(&[0, 0x46, 0])?;
    let guid = core::str::from_utf8(guid)
        .ok()
        .filter(|guid| is_guid(guid))?;
    (entry_id.len() == ENTRY_ID).then_some((guid, entry_id))
}

/// Returns whether `text` is a GUID in the spelling of ids and `MailboxGuid`.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == GUID
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn raw(mailbox: &str, seed: u64, size: u64) -> Vec<u8> {
    assert!(mailbox.len() == GUID, "a mailbox GUID has 36 characters");
    let mut id = vec![0, 3, 0x24, 0];
    id.extend(mailbox.bytes());
    id.extend([0, 0x46, 0, 0, 0, 0, 0]);
    id.extend(STORE);
    id.extend([7, 0]); // a private message
    id.extend(STORE);
    id.extend(counter(size));
    id.extend([0, 0]);
    id.extend(STORE);
    id.extend(counter(seed));
    id.extend([0, 0]);
    id
}

/// Writes a global counter: 48 bits, most significant byte first.
fn counter(value: u64) -> [u8; 6] {
    let [0, 0, counter @ ..] = value.to_be_bytes() else {
        panic!("{value} needs more than 48 bits")
    };
    counter
}

fn number(counter: &[u8]) -> u64 {
    counter.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))
}

/// Encodes run lengths: after two equal bytes, the next byte is the number of further ones.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for run in bytes
        .chunk_by(|a, b| a == b)
        .flat_map(|run| run.chunks(257))
    {
        match *run {
            [byte] => packed.push(byte),
            [byte, _, ref more @ ..] => {
                packed.extend([byte, byte, u8::try_from(more.len()).unwrap_or(u8::MAX)]);
            }
            [] => {}
        }
    }
    packed
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = packed;
    while let [byte, after @ ..] = rest {
        rest = match after {
            [same, more, after @ ..] if same == byte => {
                bytes.extend(core::iter::repeat_n(*byte, 2 + usize::from(*more)));
                after
            }
            // The pair at the end has no count.
            [same] if same == byte => return None,
            _ => {
                bytes.push(*byte);
                after
            }
        };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_id_are_read() {
        for (seed, size) in [(0, 256), (1, 100_000), (0xFFFF_FFFF_FFFF, 0x0101_0101_0101)] {
            let id = item_id(DEFAULT_MAILBOX, seed, size);
            let item = read(DEFAULT_MAILBOX, &id).unwrap();
            assert_eq!(item, Item { seed, size });
            let other = recode(DEFAULT_MAILBOX, &id, item);
            assert!(other.starts_with("AQMk"), "{other}");
            assert_eq!(read(DEFAULT_MAILBOX, &other), Ok(item));
            assert_eq!(recode(DEFAULT_MAILBOX, &other, item), id);
            let third = disguise(DEFAULT_MAILBOX, item);
            assert!(third.starts_with("AAMk") && third != id);
            assert_eq!(read(DEFAULT_MAILBOX, &third), Ok(item));
        }
    }

    #[test]
    fn a_recorded_id_is_of_a_foreign_mailbox() {
        // The form of ids recorded by php-ews, run-length encoded.
        let id =
            "AQMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwBGAAAD1ufEotoeQ0eOxEbIe+pv2QcA\
                  t9LrVfUJtU6eouetx7gQygAAAgENAAAAt9LrVfUJtU6eouetx7gQygABEfWLKAAAAA==";
        let guid = "9e19abe1-8917-428e-b47e-36596ca98043";
        let foreign = IdError::ForeignMailbox(guid.to_owned());
        assert_eq!(read(DEFAULT_MAILBOX, id), Err(foreign));
        assert_eq!(read(guid, id), Err(IdError::NotFound));
    }

    #[test]
    fn what_is_no_id_is_told_apart() {
        assert_eq!(read(DEFAULT_MAILBOX, ""), Err(IdError::Empty));
        for id in ["AAMkAGY=", "not base64", "AQ==", "AAAA", "/////w=="] {
            assert_eq!(read(DEFAULT_MAILBOX, id), Err(IdError::Malformed), "{id}");
        }
    }

    #[test]
    fn runs_longer_than_a_count_survive() {
        for n in [1, 2, 3, 256, 257, 258, 259, 600] {
            let bytes = [vec![5; n], vec![6]].concat();
            assert_eq!(unpack(&pack(&bytes)).unwrap(), bytes, "{n}");
        }
    }
}
