//! The names of named properties, [MS-OXMSG] section 2.2.3.
//!
//! [MS-OXMSG]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxmsg/

use std::collections::{BTreeMap, HashMap};

use exportitems::payload::Guid;

use crate::item::Name;
use crate::names::PS_PUBLIC_STRINGS;
use crate::rtf;

/// Names, in the order of their ids, which begin at 0x8000.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<(Guid, Result<u32, String>), u16>,
    sets: Vec<Guid>,
    entries: Vec<u8>,
    strings: Vec<u8>,
    /// The entries once more, by the remainder of their hash.
    buckets: BTreeMap<u16, Vec<u8>>,
}

impl Names {
    /// Returns the id of a name, and assigns one if it has none; `None` if all ids are used.
    pub(super) fn id(&mut self, name: &Name) -> Option<u16> {
        let key = match name {
            Name::Dispid(set, dispid) => (*set, Ok(*dispid)),
            Name::Text(set, text) => (*set, Err(text.clone())),
        };
        if let Some(id) = self.ids.get(&key) {
            return Some(*id);
        }
        let index = u16::try_from(self.ids.len())
            .ok()
            .filter(|it| *it < 0x7FFE)?;
        let kind = u16::from(key.1.is_err());
        let set = self.set(key.0)? << 1 | kind;
        let (identifier, hash) = match &key.1 {
            Ok(dispid) => (*dispid, *dispid),
            Err(text) => {
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let offset = u32::try_from(self.strings.len()).ok()?;
                self.strings
                    .extend(u32::try_from(units.len()).ok()?.to_le_bytes());
                self.strings.extend(&units);
                self.strings
                    .resize(self.strings.len().next_multiple_of(4), 0);
                (
                    offset,
                    units.iter().fold(0, |crc, byte| rtf::crc(crc, *byte)),
                )
            }
        };
        let entry = |identifier: u32| {
            let [a, b, c, d] = identifier.to_le_bytes();
            let [e, f] = set.to_le_bytes();
            let [g, h] = index.to_le_bytes();
            [a, b, c, d, e, f, g, h]
        };
        self.entries.extend(entry(identifier));
        let bucket = u16::try_from((hash ^ u32::from(set)) % 0x1F).ok()?;
        let bucket = self.buckets.entry(0x1000 + bucket).or_default();
        bucket.extend(entry(hash));
        let id = 0x8000 + index;
        self.ids.insert(key, id);
        Some(id)
    }

    /// Returns the number of a property set: 1 and 2 for those that are known, 3 and more for those in the stream of
    /// GUIDs.
    fn set(&mut self, set: Guid) -> Option<u16> {
        /// PS_MAPI, whose GUID is that of PS_PUBLIC_STRINGS but for its first field.
        const PS_MAPI: u8 = 0x28;
        let Guid(mut mapi) = PS_PUBLIC_STRINGS;
        if let Some(first) = mapi.first_mut() {
            *first = PS_MAPI;
        }
        if set == Guid(mapi) {
            return Some(1);
        }
        if set == PS_PUBLIC_STRINGS {
            return Some(2);
        }
        let known = self.sets.iter().position(|it| *it == set);
        let index = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        u16::try_from(index + 3).ok().filter(|it| *it < 0x8000)
    }

    /// Returns the streams, by their ids.
    pub(super) fn streams(self) -> Vec<(u16, Vec<u8>)> {
        let sets = self.sets.iter().flat_map(|Guid(bytes)| *bytes).collect();
        let mut streams = vec![
            (0x0002, sets),
            (0x0003, self.entries),
            (0x0004, self.strings),
        ];
        streams.extend(self.buckets);
        streams
    }
}
