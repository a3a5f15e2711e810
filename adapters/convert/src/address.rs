//! Senders and recipients, and their SMTP addresses.

use std::collections::HashMap;
use std::fmt;
use std::io;

use encoding_rs::UTF_16LE;

use crate::item::Properties;
use crate::text;
use crate::values::Values;
use crate::warning::WarningKind;

/// SMTP addresses by the X.500 names that Exchange knows its users by.
#[derive(Clone, Debug, Default)]
pub struct AddressMap(HashMap<String, String>);

impl AddressMap {
    /// Adds a name (`/o=…/cn=…`) and its address. Names are compared without regard to case.
    pub fn insert(&mut self, name: &str, address: &str) {
        self.0
            .insert(name.trim().to_lowercase(), address.trim().to_owned());
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(String::as_str)
    }
}

/// A person or list with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name, on one line; empty if there is none.
    pub name: String,
    /// The SMTP address. If the item has none, one in the domain `unresolved.invalid`.
    pub address: String,
    /// The X.500 name or other address that could not be resolved.
    pub unresolved: Option<String>,
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => f.write_str(&self.address),
            name => write!(f, "{name} <{}>", self.address),
        }
    }
}

/// The ids of the properties that describe a person.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) name: u16,
    pub(crate) kind: u16,
    pub(crate) address: u16,
    pub(crate) entry_id: u16,
    pub(crate) smtp: u16,
}

/// PidTagSentRepresenting…
pub(crate) const REPRESENTED: Ids = Ids {
    name: 0x0042,
    kind: 0x0064,
    address: 0x0065,
    entry_id: 0x0041,
    smtp: 0x5D02,
};
/// PidTagSender…
pub(crate) const SENDER: Ids = Ids {
    name: 0x0C1A,
    kind: 0x0C1E,
    address: 0x0C1F,
    entry_id: 0x0C19,
    smtp: 0x5D01,
};
/// Those of a recipient.
pub(crate) const RECIPIENT: Ids = Ids {
    name: 0x3001,
    kind: 0x3002,
    address: 0x3003,
    entry_id: 0x0FFF,
    smtp: 0x39FE,
};

/// What an EntryID says about a person.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) address: String,
}

/// Returns the person that these properties describe, if any.
pub(crate) fn mailbox(
    values: &mut Values<'_>,
    properties: &Properties,
    ids: Ids,
    strings: u16,
    map: &AddressMap,
) -> io::Result<Option<Mailbox>> {
    let mut line = |id| values.line(properties, id, strings);
    let name = line(ids.name)?;
    let smtp = line(ids.smtp)?;
    let kind = line(ids.kind)?.unwrap_or_default();
    let address = line(ids.address)?.unwrap_or_default();
    let entry = (properties.bytes(ids.entry_id)).and_then(|bytes| entry(bytes, strings));
    let entry = entry.unwrap_or_default();
    let name = name.unwrap_or_else(|| entry.name.clone());
    if name.is_empty() && address.is_empty() && smtp.is_none() && entry.address.is_empty() {
        return Ok(None);
    }
    let own = Entry {
        name: String::new(),
        kind,
        address,
    };
    Ok(Some(resolve(values, &name, smtp, [own, entry], map)))
}

/// Finds the SMTP address, in the order of trust: stated as such, of type SMTP, by the map, made up.
pub(crate) fn resolve(
    values: &mut Values<'_>,
    name: &str,
    smtp: Option<String>,
    entries: [Entry; 2],
    map: &AddressMap,
) -> Mailbox {
    let is_smtp = |entry: &&Entry| {
        entry.kind.eq_ignore_ascii_case("SMTP")
            || entry.kind.is_empty() && entry.address.contains('@')
    };
    let stated = entries.iter().filter(is_smtp).map(|it| it.address.clone());
    let mapped = entries.iter().filter_map(|it| map.get(&it.address));
    let found = (smtp.into_iter().chain(stated))
        .chain(mapped.map(str::to_owned))
        .find(|address| is_address(address));
    // A name that is the address in quotation marks says nothing.
    let name = name.trim_matches(['\'', '"', ' ']).to_owned();
    let said = |address: &str| name.eq_ignore_ascii_case(address);
    if let Some(address) = found {
        if !address.is_ascii() {
            values.warn(WarningKind::InternationalAddress, &*address);
        }
        let name = if said(&address) { String::new() } else { name };
        return Mailbox {
            name,
            address,
            unresolved: None,
        };
    }
    let known = entries.into_iter().find(|it| !it.address.is_empty());
    let unresolved = known.map(|it| it.address);
    let source = unresolved.as_deref().unwrap_or(&name);
    values.warn(WarningKind::UnresolvedAddress, source);
    // The last common name of an X.500 name is that of the user.
    let local = source.rsplit(['=', '/']).next().unwrap_or_default();
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let local: String = (local.chars().take(64))
        .map(|c| if is_safe(c) { c } else { '-' })
        .collect();
    let local = local.split('.').filter(|it| !it.is_empty());
    let mut local = local.collect::<Vec<_>>().join(".");
    if local.is_empty() {
        local.push_str("unknown");
    }
    Mailbox {
        name,
        address: format!("{local}@unresolved.invalid"),
        unresolved,
    }
}

/// Returns whether a text can be written between angle brackets in a header.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let is_atom = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    let domain = match domain.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        Some(literal) => literal.replace(':', ""),
        None => domain.to_owned(),
    };
    let is_dotted = |text: &str| {
        text.split('.')
            .all(|it| !it.is_empty() && it.chars().all(is_atom))
    };
    address.len() <= 320 && is_dotted(local) && is_dotted(&domain)
}

/// Reads an EntryID: a one-off one ([MS-OXCDATA] section 2.2.5.1), or that of a user of Exchange (2.2.5.2).
pub(crate) fn entry(bytes: &[u8], strings: u16) -> Option<Entry> {
    const ONE_OFF: [u8; 16] = [
        0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54,
        0x02,
    ];
    const EXCHANGE: [u8; 16] = [
        0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1,
        0x82,
    ];
    let (_, rest) = bytes.split_first_chunk::<4>()?;
    let (provider, rest) = rest.split_first_chunk::<16>()?;
    let (numbers, rest) = rest.split_first_chunk::<4>()?;
    match *provider {
        ONE_OFF => {
            let [_, _, low, high] = *numbers;
            let is_unicode = u16::from_le_bytes([low, high]) & 0x8000 != 0;
            let mut rest = rest;
            let mut next = || {
                let width = if is_unicode { 2 } else { 1 };
                let end = rest
                    .chunks(width)
                    .position(|unit| unit.iter().all(|it| *it == 0));
                let (text, after) = rest.split_at(rest.len().min(end? * width));
                rest = after.get(width..).unwrap_or_default();
                let encoding = match is_unicode {
                    true => UTF_16LE,
                    false => text::encoding(strings)?,
                };
                Some(text::one_line(
                    &encoding.decode_without_bom_handling(text).0,
                ))
            };
            Some(Entry {
                name: next()?,
                kind: next()?,
                address: next()?,
            })
        }
        EXCHANGE => {
            let name = rest.get(4..)?.split(|it| *it == 0).next()?;
            Some(Entry {
                name: String::new(),
                kind: "EX".to_owned(),
                address: text::one_line(&String::from_utf8_lossy(name)),
            })
        }
        _ => None,
    }
}

/// Returns the EntryIDs of a FlatEntryList, [MS-OXCDATA] section 2.3.3.
pub(crate) fn entries(list: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = list.get(8..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(entry) = after.get(..length).filter(|it| !it.is_empty()) else {
            break;
        };
        found.push(entry);
        if found.len() == 1000 {
            break;
        }
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{entry, is_address, resolve, AddressMap, Entry};
    use crate::values::Values;

    #[test]
    fn what_an_address_is() {
        for good in [
            "a@b",
            "a.b+c@x.example",
            "ü@example.test",
            "a@[192.0.2.1]",
            "a@[IPv6::1]",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nBcc: c@d",
            "<a@b>",
            "a@b,c@d",
            "a..b@c",
            "a@b@c",
            "/o=x/cn=a",
            "\"a\"@b",
            "a@b\0",
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn x500_names_are_mapped_or_marked() {
        let mut source = Cursor::new(Vec::new());
        let mut values = Values::new(&mut source);
        let mut map = AddressMap::default();
        let mut resolved = |map: &AddressMap| {
            let own = Entry {
                name: String::new(),
                kind: "EX".into(),
                address: "/O=ORG/CN=RECIPIENTS/CN=pat doe.".into(),
            };
            resolve(&mut values, "Pat", None, [own, Entry::default()], map)
        };
        let marked = resolved(&map);
        assert_eq!(marked.address, "pat-doe@unresolved.invalid");
        assert!(marked.unresolved.is_some());
        map.insert("/o=Org/cn=Recipients/cn=Pat Doe.", "pat@example.test");
        assert_eq!(resolved(&map).address, "pat@example.test");
        assert_eq!(values.warnings.len(), 1);
    }

    #[test]
    fn entry_ids_that_are_cut() {
        let mut one_off = vec![0; 4];
        one_off.extend([
            0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F,
            0x54, 0x02, 0, 0, 1, 0x90,
        ]);
        for text in ["Pat", "SMTP", "pat@example.test"] {
            one_off.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        }
        let whole = entry(&one_off, 1252).unwrap();
        assert_eq!((&*whole.name, &*whole.address), ("Pat", "pat@example.test"));
        for len in 0..one_off.len() - 2 {
            assert_eq!(entry(&one_off[..len], 1252), None, "{len}");
        }
    }
}
