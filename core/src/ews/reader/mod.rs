//! The reader of responses: the decoder without its scratch, so that one serves every size.

mod calls;
mod data;
mod elements;
mod ending;
mod events;
#[cfg(target_pointer_width = "64")]
mod expected;
mod texts;

use super::hooks::Hooks;
use super::progress::Progress;
use super::response::attributes::Attributes;
use super::response::element::Children;
use super::response::item::{Item, Notes};
use super::response::{
    Error, ErrorKind, Event, IdMatch, IntegrityPolicy, ItemError, Marker, Node, Options, Path,
    ResponseClass,
};
use super::ResponseCode;
use crate::xml::{Assembly, Cursor, Token};

pub use calls::SinkCall;

/// Smallest scratch, in bytes.
pub const MIN_SCRATCH: usize = 64;

/// Decoder state, excluding the scratch.
// In this order, since the smallest cores can address bytes up to 31 and words up to 124 after a base in one instruction.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Reader<O: Hooks> {
    queue: Queue,
    /// The current start tag. [`Node::Foreign`] if there is none, or if it is not on the path.
    tag: Node,
    stage: Stage,
    /// [`PUSHED`], what the sink has been called for, and what the last outcome counts as.
    flags: u8,
    /// Why the response is unusable, from [`Place::broken_at`](super::progress::Place::broken_at) on.
    error: Option<ErrorKind>,
    integrity: IntegrityPolicy,
    /// Text where none belongs, which must be a truncation marker.
    stray: Marker,
    text: Text,
    assembly: Assembly,
    progress: Progress,
    attributes: Attributes,
    path: Path,
    /// How many items were requested, or [`UNKNOWN`].
    items: u32,
    /// How many items have had their outcome: the index of the current one.
    index: u32,
    /// Committed items: all; those whose payload is not known to be whole; and those that only their position assigns to a
    /// requested item.
    counts: [u32; 3],
    /// The notes of the fault, if there is one.
    fault: Option<Notes>,
    operation: O,
}

/// More items than a response can have: it would take 400 gigabytes at least.
const UNKNOWN: u32 = u32::MAX;

/// What is to be emitted before more input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Nothing,
    /// A message's start tag.
    Message,
    /// A message's start tag that is its end tag too.
    EmptyMessage,
    /// The end of the element that was opened last by an empty-element tag.
    Close,
    /// A part of a text that is emitted in pieces.
    Text,
    /// The text of an element that has been closed, or the rest of it.
    ClosedText,
    /// No more input is read: the remaining outcomes, and the end.
    Rest,
    /// Everything has been emitted.
    Over,
}

/// The progress in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Before the envelope.
    Prolog,
    Envelope,
    /// A response or fault has begun.
    Answer,
    /// After the envelope's end tag.
    Epilog,
}

// Of `Reader::flags`.
/// The last outcome is a commit, which the caller can still reject: [`Reader::count_last`] counts it once that is no longer
/// possible. The lowest bits say what it counts as, as in [`Reader::counts`].
const OK: u8 = 1;
const NOT_WHOLE: u8 = 2;
const NOT_SAME: u8 = 4;
/// Events go to a sink.
pub(crate) const PUSHED: u8 = 8;
/// The current item has begun there.
const BEGUN: u8 = 16;
// What the last call of a sink leaves to be done by the next one.
/// It was `begin`: if it fails, the item has not begun.
const BEGINS: u8 = 32;
/// The ids have been compared: the item begins, if it is wanted.
const COMPARED: u8 = 64;
/// The item has begun at its first data, which is still in the scratch; the assembly has its length.
const HELD: u8 = 128;
const DUE: u8 = BEGINS | COMPARED | HELD;

/// Mode of a call: there is no more input.
pub(crate) const LAST: u8 = 1;

/// The text of the next event: the bytes that the [`Assembly`] emitted last.
#[derive(Clone, Copy, Debug)]
struct Text {
    node: Node,
    code: ResponseCode,
    /// It is a single U+FFFD.
    replacement: bool,
    /// No more of it follows.
    last: bool,
}

/// The event that is ready, without its contents, which are in the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// No event yet.
    Nothing,
    /// No event without more input.
    Starved,
    ServerVersion,
    MessageStart,
    Text,
    ResponseCode,
    DescriptiveLinkKey,
    ItemId,
    /// This many bytes of data are at the start of the scratch.
    Data(usize),
    Outcome,
    FaultCode,
    Fault,
    End,
}

/// The table of an operation, made at compile time.
struct Table<O>(core::marker::PhantomData<O>);

impl<O: Hooks> Table<O> {
    const CHILDREN: &'static Children =
        &Children::new(O::NAME, O::RESPONSE, O::MESSAGE, O::ELEMENTS);
}

impl<O: Hooks> Reader<O> {
    pub(crate) const fn new(options: Options) -> Self {
        Self {
            items: match options.items {
                Some(UNKNOWN) => UNKNOWN - 1,
                Some(items) => items,
                None => UNKNOWN,
            },
            progress: Progress::new(options),
            integrity: options.integrity,
            assembly: Assembly::new(),
            attributes: Attributes::new(),
            path: Path::new(),
            operation: O::NEW,
            stray: Marker::new(),
            queue: Queue::Nothing,
            tag: Node::Foreign,
            flags: 0,
            text: Text {
                node: Node::Foreign,
                code: ResponseCode::Other,
                replacement: false,
                last: false,
            },
            fault: None,
            stage: Stage::Prolog,
            index: 0,
            counts: [0; 3],
            error: None,
        }
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.progress.offset.0
    }

    /// The next event of `input`, or the next one after the end of the input ([`LAST`]).
    #[inline]
    pub(crate) fn next_event<'s>(
        &mut self,
        input: &mut &[u8],
        mode: u8,
        scratch: &'s mut [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        match self.advance(input, mode, scratch) {
            // First, since most events are data.
            Ready::Data(len) => Ok(Some(Event::Data(scratch.get(..len).unwrap_or_default()))),
            Ready::Starved => self.starve(input),
            Ready::Outcome => Ok(self.judge()),
            ready => Ok(self.event(ready, scratch)),
        }
    }

    /// Advances to the next event, which goes to a sink ([`PUSHED`]) or to the caller, or to the end of the input.
    #[allow(clippy::inline_always)] // a program has one of its two callers, and most calls are for a piece of data
    #[inline(always)]
    fn advance(&mut self, input: &mut &[u8], mode: u8, scratch: &mut [u8]) -> Ready {
        let last = mode & LAST != 0;
        let changed = (self.flags ^ mode) & PUSHED;
        if changed != 0 {
            self.flags = (self.flags ^ changed) & !DUE;
            // Neither has received all of the current item.
            (self.progress).fail(ItemError::Write, self.progress.offset.0);
        }
        loop {
            if self.is_in_data() {
                let len = (self.operation).data(&mut self.progress, input, scratch);
                let ready = self.hand_out(len, scratch);
                if ready != Ready::Nothing {
                    return ready;
                }
                // As `walk` would return; short pieces of input end here.
                if input.is_empty() && !last {
                    return Ready::Starved;
                }
            }
            let ready = self.walk(input, last, scratch);
            if ready != Ready::Nothing {
                return ready;
            }
        }
    }

    /// Advances to the next event, or to data.
    #[inline(never)] // off the way of the data
    fn walk(&mut self, input: &mut &[u8], last: bool, scratch: &mut [u8]) -> Ready {
        let mut cursor = Cursor::new(input, self.progress.offset.0);
        let ready = loop {
            match self.step(&mut cursor, scratch) {
                Ready::Nothing if !self.is_in_data() => {}
                Ready::Starved if last && self.queue != Queue::Over => {
                    self.end_of_input(cursor.offset());
                }
                ready => break ready,
            }
        };
        *input = cursor.rest();
        self.progress.offset.0 = cursor.offset();
        ready
    }

    /// The result if there is no event: `Ok(None)`, or the error after the end of the response. More input is an error as
    /// well, which stays: otherwise the summary of the response could be mistaken for that of the new input.
    fn starve<T>(&mut self, input: &[u8]) -> Result<Option<T>, Error> {
        if self.queue != Queue::Over {
            return Ok(None);
        }
        if self.error.is_none() && !input.is_empty() {
            self.error = Some(ErrorKind::Finished);
            (self.progress.place).set_broken_at(self.progress.offset.0);
        }
        match self.response_error() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Notes that the caller could not keep the current item, or the one that was just committed.
    pub(crate) fn reject(&mut self) {
        if self.flags & BEGINS != 0 {
            self.flags &= !BEGUN;
        }
        self.flags &= !DUE;
        if self.progress.item.is_some() {
            self.progress.fail(ItemError::Write, self.progress.offset.0);
        } else {
            self.flags &= !(OK | NOT_WHOLE | NOT_SAME);
        }
    }

    /// Whether the current item, or the one of the last outcome, has begun in the sink.
    const fn has_begun(&self) -> bool {
        self.flags & BEGUN != 0
    }

    /// A new item is the current one.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // for its size
    pub(crate) fn begin_item(&mut self, class: Option<ResponseClass>) {
        self.progress.item = Some(Item::new(class, self.progress.offset.0));
        self.flags &= !BEGUN;
    }

    /// Counts the last outcome, if it is a commit.
    #[inline(never)] // for its size
    pub(crate) fn count_last(&mut self) {
        for count in &mut self.counts {
            *count = count.wrapping_add((self.flags & OK).into());
            self.flags = self.flags & !(OK | NOT_WHOLE | NOT_SAME) | (self.flags & 7) >> 1;
        }
    }

    /// How the ids of the current item compare.
    pub(crate) fn compare_id(&mut self, answer: IdMatch) {
        if let Some(item) = &mut self.progress.item {
            item.set_id_match(answer, self.progress.offset.0);
        }
    }

    /// Whether everything has been emitted.
    pub(crate) fn is_over(&self) -> bool {
        self.queue == Queue::Over
    }

    /// How many items have had their outcome: the index of the current one.
    const fn index(&self) -> u32 {
        self.index
    }

    /// Index of the current item, if anything more of it is wanted.
    fn wanted_item(&self) -> Option<u32> {
        let wanted = self.progress.item.as_ref().is_some_and(Item::wants_data);
        wanted.then_some(self.index())
    }

    /// Whether text of `Data` may be next.
    #[inline]
    pub(crate) fn is_in_data(&self) -> bool {
        self.path.is_in(Node::Data)
            && self.queue == Queue::Nothing
            && self.progress.lexer.in_text()
            && self.operation.takes_data()
    }

    /// Takes one entry of the queue, or one token.
    fn step(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Ready {
        match self.queue {
            Queue::Nothing => {}
            Queue::Message | Queue::EmptyMessage => return self.begin_message(),
            Queue::Close => {
                self.queue = Queue::Nothing;
                return self.close(self.path.last_opened(), input, scratch);
            }
            Queue::Text => {
                let ready = self.emit_text(false, scratch);
                if ready == Ready::Nothing {
                    self.queue = Queue::Nothing;
                }
                return ready;
            }
            Queue::ClosedText => return self.end_text(scratch),
            Queue::Rest => return self.emit_rest(scratch),
            Queue::Over => return Ready::Starved,
        }
        if self.stage == Stage::Epilog {
            // Nothing is parsed.
            if input.peek().is_none() {
                return Ready::Starved;
            }
            let taken = self.take(Node::Document, input.rest(), input.offset(), scratch);
            input.bump(taken);
            return Ready::Nothing;
        }
        let node = self.path.node();
        #[cfg(target_pointer_width = "64")]
        if let Some(ready) = self.expected(node, input, scratch) {
            return ready;
        }
        let keep_name = node == Node::MessageXml;
        match (self.progress.lexer).next(input, keep_name, &mut self.assembly, scratch) {
            Ok(token) => self.token(token, node, input, scratch),
            Err(error) => self.stop(error.into(), input.offset()),
        }
    }

    /// Acts on a token inside of `node`.
    #[cfg_attr(target_pointer_width = "32", inline(never))] // as `Lexer::next`
    fn token(
        &mut self,
        token: Token,
        node: Node,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Ready {
        if matches!(token, Token::Start | Token::Close) {
            // There must be no other text before a tag.
            if self.stray.has_begun() {
                return self.stop_at_stray();
            }
        }
        match token {
            Token::Nothing => return Ready::Starved,
            Token::Start => {
                if node == Node::Data {
                    // An element is not base64.
                    self.progress.fail_at_markup(ItemError::Base64);
                }
                self.tag = match self
                    .path
                    .open(self.progress.lexer.name(), Table::<O>::CHILDREN)
                {
                    Ok(node) => node,
                    Err(kind) => return self.stop_at_markup(kind),
                };
                if self.tag != Node::Foreign {
                    self.attributes.begin_tag();
                }
                if self.tag == Node::MessageXmlValue {
                    self.attributes.name_itself(&self.assembly);
                }
            }
            Token::Declaration => self.tag = Node::Declaration,
            Token::AttributeName => {
                let name = self.progress.lexer.name().qualified();
                let wanted = self.attributes.begin(self.tag, name, &mut self.assembly);
                self.progress.lexer.keep_value(wanted);
            }
            Token::AttributeValue => {
                if let Err(kind) = self.attributes.end(&self.assembly, scratch) {
                    return self.stop(kind, input.offset().wrapping_sub(1)); // at the quote
                }
            }
            Token::Open | Token::OpenEmpty => {
                let empty = token == Token::OpenEmpty;
                if empty {
                    self.queue = Queue::Close;
                }
                return self.open(empty, scratch);
            }
            Token::Close => {
                return self.close(self.progress.lexer.name().qualified(), input, scratch)
            }
            Token::Text => self.take_text(node, input, scratch),
            Token::Char => return self.char(node, input, scratch),
        }
        Ready::Nothing
    }
}
