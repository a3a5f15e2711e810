//! The progress in a response, which the reader shares with the operation.
//!
//! Some of its numbers have several meanings, one after the other, and an accessor for each meaning.

use super::response::item::Item;
use super::response::{ItemError, Options};
use crate::offset::Offset;
use crate::xml::Lexer;

/// The position in a response, the current item, and the limits.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Progress {
    /// Offset in the response of the next byte of input.
    pub(crate) offset: Offset,
    pub(crate) lexer: Lexer,
    /// The item whose outcome has not been emitted.
    pub(crate) item: Option<Item>,
    pub(crate) place: Place,
    pub(crate) room: Room,
    pub(crate) limit: Limit,
}

impl Progress {
    pub(crate) const fn new(options: Options) -> Self {
        Self {
            offset: Offset(0),
            lexer: Lexer::new(),
            item: None,
            place: Place::START,
            room: Room::new(options.max_total_bytes),
            limit: Limit::new(options.max_item_bytes),
        }
    }

    /// Notes an error of the current item, if there is one.
    #[inline(never)] // for its size
    pub(crate) fn fail(&mut self, error: ItemError, offset: u64) {
        if let Some(item) = &mut self.item {
            item.fail(error, offset);
        }
    }

    /// [`fail`](Self::fail) at the current tag.
    #[inline(never)] // for its size
    pub(crate) fn fail_at_markup(&mut self, error: ItemError) {
        self.fail(error, self.lexer.markup_offset());
    }
}

/// An offset in the response. Each meaning ends the use of the one before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(Offset);

impl Place {
    pub(crate) const START: Self = Self(Offset(0));

    /// `Data` of the current message begins.
    pub(crate) fn set_data_start(&mut self, offset: u64) {
        self.0 .0 = offset;
    }

    /// Where `Data` of the current message began.
    pub(crate) const fn data_start(self) -> u64 {
        self.0 .0
    }

    /// The current message ended.
    pub(crate) fn set_message_end(&mut self, offset: u64) {
        self.0 .0 = offset;
    }

    /// Where the current message ended.
    pub(crate) const fn message_end(self) -> u64 {
        self.0 .0
    }

    /// Text begins where none belongs. Unless it is the truncation marker, the response is unusable from here on.
    pub(crate) fn set_stray_start(&mut self, offset: u64) {
        self.0 .0 = offset;
    }

    /// Where text began where none belongs.
    pub(crate) const fn stray_start(self) -> u64 {
        self.0 .0
    }

    /// The response is unusable from here on.
    pub(crate) fn set_broken_at(&mut self, offset: u64) {
        self.0 .0 = offset;
    }

    /// Where the response became unusable.
    pub(crate) const fn broken_at(self) -> u64 {
        self.0 .0
    }
}

/// The bytes of data that may still be handed out; after the root's end tag, the bytes that follow the document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room(Offset);

impl Room {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(Offset(bytes))
    }

    /// Bytes of data that may still be handed out.
    pub(crate) const fn left(self) -> u64 {
        self.0 .0
    }

    /// Data is handed out.
    pub(crate) fn use_up(&mut self, bytes: usize) {
        self.0 .0 = (self.0 .0).wrapping_sub(bytes as u64);
    }

    /// The document has ended: from now on, the bytes after it are counted.
    pub(crate) fn begin_trailing(&mut self) {
        self.0 .0 = 0;
    }

    /// A byte follows the document.
    pub(crate) fn count_trailing(&mut self) {
        self.0 .0 = (self.0 .0).wrapping_add(1);
    }

    /// The last bytes that were counted are those of the truncation marker, which does not follow the document.
    pub(crate) fn discount_trailing(&mut self, bytes: u8) {
        self.0 .0 = (self.0 .0).wrapping_sub(bytes.into());
    }

    /// How many bytes follow the document.
    pub(crate) const fn trailing(self) -> u64 {
        self.0 .0
    }
}

/// The most bytes of an item; after the end of the input, the number of messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(Offset);

impl Limit {
    pub(crate) const fn new(bytes: u64) -> Self {
        Self(Offset(bytes))
    }

    /// The most bytes of an item.
    pub(crate) const fn item_bytes(self) -> u64 {
        self.0 .0
    }

    /// The input has ended after so many messages.
    pub(crate) fn set_messages(&mut self, messages: u32) {
        self.0 .0 = messages.into();
    }

    /// How many messages there were.
    #[allow(clippy::cast_possible_truncation)] // it was set from 32 bits
    pub(crate) const fn messages(self) -> u32 {
        self.0 .0 as u32
    }
}
