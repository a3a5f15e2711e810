//! design.md, *Outcomes*: where several faults meet, the gravest is named. Every pair of them.

use std::fmt::Write as _;

use exportitems::{Decoder, Event, ItemError, Options};
use exportitems_testkit::model::{gravest, PRECEDENCE};

use crate::support::PAYLOAD;

/// A message under construction, and how it is read.
struct Case {
    class: &'static str,
    code: &'static str,
    data: Vec<String>,
    /// What follows the fields.
    after: &'static str,
    options: Options,
    rejected: bool,
}

impl Case {
    fn new(errors: &[ItemError]) -> Self {
        let mut case = Self {
            class: "Success",
            code: "NoError",
            data: vec![PAYLOAD.to_owned()],
            after: "</m:ExportItemsResponseMessage>",
            options: Options::new().items(1),
            rejected: false,
        };
        // What takes data away goes before what spoils it.
        let mut errors = errors.to_vec();
        errors.sort_by_key(|error| match error {
            ItemError::MissingData | ItemError::EmptyData | ItemError::Payload => 0,
            ItemError::Base64 | ItemError::Truncated => 2,
            _ => 1,
        });
        for error in errors {
            case.add(error);
        }
        case
    }

    fn add(&mut self, error: ItemError) {
        match error {
            ItemError::Unrequested => self.options = self.options.items(0),
            ItemError::Refused => {
                self.class = "Error";
                self.code = "ErrorItemNotFound";
            }
            ItemError::Truncated => match self.data.last_mut() {
                Some(data) => *data += "=== Truncated Data ===",
                None => self.after = "=== Truncated Data ===",
            },
            ItemError::Malformed => self.after = "&nbsp;",
            ItemError::Cut => self.after = "",
            ItemError::Duplicate => self.data.push(self.data[0].clone()),
            ItemError::Base64 => {
                for data in &mut self.data {
                    *data += "?";
                }
            }
            ItemError::TooLarge => self.options = self.options.max_item_bytes(0),
            ItemError::Contradiction => self.code = "ErrorItemNotFound",
            ItemError::MissingData => self.data.clear(),
            ItemError::EmptyData => self.data = vec![String::new()],
            ItemError::Payload => self.data = vec!["AAAA".to_owned()],
            ItemError::Write => self.rejected = true,
            _ => panic!("no message has {error}"),
        }
    }

    fn error(&self) -> Option<ItemError> {
        let mut data = String::new();
        for content in &self.data {
            write!(data, "<m:Data>{content}</m:Data>").expect("a string");
        }
        let document = format!(
            "<s:Envelope><s:Body><m:ExportItemsResponse><m:ResponseMessages>\
             <m:ExportItemsResponseMessage ResponseClass=\"{}\"><m:ResponseCode>{}</m:ResponseCode>\
             <t:ItemId Id=\"AAMk\"/>{data}{}",
            self.class, self.code, self.after
        );
        let end = "</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>";
        let document = match self.after {
            "" => document,
            _ => document + end,
        };
        let mut decoder = Decoder::<[u8; 512]>::new(self.options);
        let mut input = document.as_bytes();
        let mut ended = false;
        loop {
            let event = match ended {
                false => decoder.next_event(&mut input),
                true => decoder.finish(),
            };
            match event.expect("an outcome before the error") {
                Some(Event::Outcome(outcome)) => return outcome.error,
                Some(Event::ItemId(_)) if self.rejected => decoder.reject_item(),
                Some(_) => {}
                None => ended = true,
            }
        }
    }
}

/// Faults that one message cannot have at once, the graver first.
const EXCLUSIVE: [(ItemError, ItemError); 12] = [
    // how the document ends
    (ItemError::Malformed, ItemError::Cut),
    // what class and code say
    (ItemError::Refused, ItemError::Contradiction),
    // without data, none is there twice, spoilt, too large or a bad payload
    (ItemError::Duplicate, ItemError::MissingData),
    (ItemError::Base64, ItemError::MissingData),
    (ItemError::TooLarge, ItemError::MissingData),
    (ItemError::MissingData, ItemError::EmptyData),
    (ItemError::MissingData, ItemError::Payload),
    (ItemError::Base64, ItemError::EmptyData),
    (ItemError::TooLarge, ItemError::EmptyData),
    (ItemError::EmptyData, ItemError::Payload),
    // bytes that the sink refused are not counted, nor is their payload judged
    (ItemError::TooLarge, ItemError::Write),
    (ItemError::Payload, ItemError::Write),
];

fn exclusive(a: ItemError, b: ItemError) -> bool {
    EXCLUSIVE.contains(&(a, b)) || EXCLUSIVE.contains(&(b, a))
}

/// What a message can have; an item without an answer has no message.
fn errors() -> Vec<ItemError> {
    let mut errors = PRECEDENCE.to_vec();
    errors.retain(|&error| error != ItemError::NotAnswered);
    errors
}

#[test]
fn every_pair() {
    let errors = errors();
    let mut pairs = 0;
    for (at, &a) in errors.iter().enumerate() {
        assert_eq!(Case::new(&[a]).error(), Some(a), "{a} alone");
        for &b in errors[at + 1..].iter().filter(|&&b| !exclusive(a, b)) {
            assert_eq!(Case::new(&[a, b]).error(), Some(a), "{a} and {b}");
            pairs += 1;
        }
    }
    assert_eq!(pairs, 13 * 12 / 2 - EXCLUSIVE.len());
}

#[test]
fn every_triple() {
    let errors = errors();
    for (at, &a) in errors.iter().enumerate() {
        for (next, &b) in errors.iter().enumerate().skip(at + 1) {
            for &c in &errors[next + 1..] {
                if !exclusive(a, b) && !exclusive(a, c) && !exclusive(b, c) {
                    let all = [a, b, c];
                    assert_eq!(gravest(&all), Some(a));
                    assert_eq!(Case::new(&all).error(), Some(a), "{a}, {b} and {c}");
                }
            }
        }
    }
}

/// The type sorts as design.md lists; the order of the list is what the decoder goes by.
#[test]
fn the_list_is_the_order_of_the_type() {
    assert!(PRECEDENCE.is_sorted());
}
