//! Items with the properties of real ones, and of hostile ones, and what a reader should find in them.
//!
//! A rich item has a seed of its own, below which no other item is, and one size. So its id leads to it like any other.

mod attachments;
mod bodies;
mod build;
mod hostile;
mod kinds;
mod people;
mod properties;

use super::records::Records;
use super::stream::{Atom, Stream};
use super::{PRELUDE, RECORD_HEADER};

/// The seed of the first rich item: `rich`, in the upper bytes of a seed.
const FIRST: u64 = 0x7269_6368_0000;

/// An item with the properties of a real one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RichItem {
    /// What is special about it, such as `inline_picture`.
    pub name: &'static str,
    /// The seed of its payload, for [`item_id`](crate::item_id) and [`Payload::new`](crate::Payload::new).
    pub seed: u64,
    /// The size of its payload in bytes.
    pub size: u64,
    /// What a reader should find in it, as a JSON object: headers, bodies, attachments with their content, and what an
    /// iCalendar object or a vCard of it says. What is not stated is not promised.
    pub expected: &'static str,
}

/// Returns the rich items: addresses, headers, bodies, attachments, named properties, kinds of items, types of
/// properties, and hostile items.
///
/// ```
/// use exportitems_emulator::{rich_items, Payload};
///
/// let items = rich_items();
/// let item = items.iter().find(|item| item.name == "inline_picture").unwrap();
/// assert_eq!(Payload::new(item.seed, item.size)?.size(), item.size);
/// assert!(item.expected.contains("pic.png"));
/// # Ok::<(), exportitems_emulator::SizeError>(())
/// ```
#[must_use]
pub fn rich_items() -> Vec<RichItem> {
    let items = (FIRST..).zip(ITEMS);
    let rich = items.map(|(seed, (name, make, expected))| RichItem {
        name,
        seed,
        size: size(&stream(*make).0),
        expected,
    });
    rich.collect()
}

/// Returns the stream of the rich item with this seed and size, if there is one.
pub(super) fn atoms(seed: u64, size_wanted: u64) -> Option<Vec<Atom>> {
    let index = usize::try_from(seed.checked_sub(FIRST)?).ok()?;
    let (_, make, _) = ITEMS.get(index)?;
    let atoms = stream(*make).0;
    (size(&atoms) == size_wanted).then_some(atoms)
}

type Make = fn(&mut Stream);

fn stream(make: Make) -> Stream {
    let mut stream = Stream::default();
    make(&mut stream);
    stream
}

/// Returns the size of the payload with this stream.
fn size(atoms: &[Atom]) -> u64 {
    let stream: u64 = atoms.iter().map(Atom::len).sum();
    // The number of records depends on the bytes that they have with their headers. It only grows.
    let mut records = 1;
    loop {
        let left = stream + records * RECORD_HEADER as u64;
        match Records::new(FIRST, left).count() as u64 {
            count if count == records => return PRELUDE.len() as u64 + left,
            count => records = count.max(records + 1),
        }
    }
}

/// The record lengths of rich items do not depend on their seeds, so that another one can be put between them.
pub(super) fn records(left: u64) -> Records {
    Records::new(FIRST, left)
}

macro_rules! items {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($((
            stringify!($name),
            $module::$name as Make,
            include_str!(concat!("expected/", stringify!($name), ".json")),
        ),)*)*]
    };
}

const ITEMS: &[(&str, Make, &str)] = items! {
    people: exchange_users unresolved_users entry_ids received sent;
    bodies: rtf_with_html rtf_with_text rtf_alone rtf_stored inline_picture html_1252 html_1251 html_932 eight_bit long_text;
    attachments: data_first odd_names references nested ole_object;
    properties: named_of_every_type local_id_one local_id_two every_type unknown_type;
    kinds: clear_signed encrypted failed_delivery read_receipt recurring_meeting contact distribution_list task note draft empty;
    hostile: line_ends long_subject rtf_of_4_gib deep many_recipients;
};
