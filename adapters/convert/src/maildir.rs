//! Names, flags and times of the messages of a [Maildir].
//!
//! [Maildir]: https://cr.yp.to/proto/maildir.html

use crate::item::{Item, Properties};
use crate::time::Time;

/// When the message arrived, or else was sent or made: the time of its file.
#[must_use]
pub fn delivered(item: &Item) -> Option<Time> {
    let properties = &item.message.properties;
    [0x0E06, 0x0039, 0x3007]
        .iter()
        .find_map(|id| Time::from_filetime(properties.time(*id)?))
}

/// The name of the message's file in `cur`: the seconds of its arrival, its hash, and its flags.
///
/// The same item has the same name.
#[must_use]
pub fn file_name(item: &Item) -> String {
    let seconds = delivered(item).map_or(0, |time| time.unix.max(0));
    let hash = item.hash();
    let hash = hash.get(..16).unwrap_or_default();
    let flags = flags(&item.message.properties);
    format!("{seconds}.{hash}.exportitems:2,{flags}")
}

/// The flags, in the order of ASCII: `D` draft, `F` flagged, `P` forwarded, `R` answered, `S` read.
#[must_use]
pub fn flags(properties: &Properties) -> String {
    let message_flags = properties.integer(0x0E07).unwrap_or(0); // mfRead 1, mfUnsent 8
    let last_verb = properties.integer(0x1081).unwrap_or(0);
    let flags = [
        ('D', message_flags & 8 != 0),
        ('F', properties.integer(0x1090) == Some(2)),
        ('P', last_verb == 104),
        ('R', matches!(last_verb, 102 | 103)),
        ('S', message_flags & 1 != 0),
    ];
    let set = flags.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(flag, _)| flag).collect()
}
