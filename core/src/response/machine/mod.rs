//! The decoder without its scratch: one machine for every size.

mod data;
mod elements;
mod ending;
mod texts;

use super::assembly::{Assembly, Piece, Span};
use super::attributes::Attributes;
use super::base64::Base64;
use super::cursor::Cursor;
use super::error::{Error, ErrorKind};
use super::event::Event;
use super::item::{Item, Notes};
use super::marker::Marker;
use super::options::Options;
use super::outcome::{Fault, ItemError, Response, Summary};
use super::soap::{Node, Path};
use super::xml::{Lexer, Token};
use crate::code::ResponseCode;
use crate::payload::PayloadCheck;
use data::Data;

/// Everything that a response has left behind so far, but for the bytes in the scratch.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    options: Options,
    /// Offset in the response of the next byte of input.
    offset: u64,
    lexer: Lexer,
    assembly: Assembly,
    attributes: Attributes,
    path: Path,
    base64: Base64,
    payload: PayloadCheck,
    /// Text where none belongs: a truncation marker, as far as it goes, and where it begins.
    stray: Marker,
    stray_offset: u64,
    queue: Queue,
    /// The start tag under way. [`Node::Foreign`]: there is none, or none that matters.
    tag: Node,
    /// The item whose outcome is not told yet.
    item: Option<Item>,
    /// Where its `Data` began; where its message ended, once it has.
    item_offset: u64,
    ids_told: bool,
    /// Messages so far; later, outcomes that are not owed any more.
    messages: u32,
    /// What the fault said, if there is one.
    fault: Option<Notes>,
    stage: Stage,
    ok: u32,
    failed: u32,
    /// Committed items whose payload is not known to be whole.
    not_whole: u32,
    /// The last outcome was a commit, and nothing has come since: what it added to `not_whole`.
    just_committed: Option<u32>,
    total_bytes: u64,
    ended: Option<(Response, Option<Error>)>,
}

/// What is to be told before the input goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Nothing,
    /// A message's start tag.
    Message {
        /// It is its end tag too.
        empty: bool,
    },
    /// The element that was opened last is its own end.
    Close,
    /// What is held of the text of an element that has been closed.
    Text(Node),
    /// No more input: outcomes that are still owed, and the end.
    Owed,
    /// Everything has been told.
    Over,
}

/// How far the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Before the envelope.
    Prolog,
    Envelope,
    /// A response or fault has begun.
    Answer,
    /// Behind the envelope's end tag.
    Epilog,
}

enum Step {
    Ready(Ready),
    On,
    /// Nothing more to tell without more input.
    Starved,
}

/// An event, without what it holds or borrows.
#[derive(Clone, Copy)]
enum Ready {
    ServerVersion,
    MessageStart,
    Text(Node, Piece, bool),
    ResponseCode(ResponseCode, Span),
    DescriptiveLinkKey(i32),
    ItemIds,
    Data(usize),
    Outcome,
    FaultCode(Span),
    Fault(Fault),
    End,
}

impl Machine {
    pub(super) const fn new(options: Options) -> Self {
        Self {
            options,
            offset: 0,
            lexer: Lexer::new(),
            assembly: Assembly::new(),
            attributes: Attributes::new(),
            path: Path::new(),
            base64: Base64::new(),
            payload: PayloadCheck::new(),
            stray: Marker::new(),
            stray_offset: 0,
            queue: Queue::Nothing,
            tag: Node::Foreign,
            item: None,
            item_offset: 0,
            ids_told: false,
            messages: 0,
            fault: None,
            stage: Stage::Prolog,
            ok: 0,
            failed: 0,
            not_whole: 0,
            just_committed: None,
            total_bytes: 0,
            ended: None,
        }
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next event of `input`; behind the end of all input (`last`), of what is owed then.
    pub(super) fn next_event<'s>(
        &mut self,
        input: &mut &[u8],
        last: bool,
        scratch: &'s mut [u8],
    ) -> Result<Option<Event<'s>>, Error> {
        loop {
            if self.is_in_data() {
                match self.data(input, scratch) {
                    Data::Bytes(len) => {
                        return Ok(Some(Event::Data(scratch.get(..len).unwrap_or_default())));
                    }
                    Data::Unwanted => continue,
                    Data::Starved if !last => return Ok(None),
                    Data::Starved | Data::Other => {}
                }
            }
            match self.walk(input, last, scratch) {
                Step::Ready(ready) => return Ok(self.tell(ready, scratch)),
                Step::On => {}
                Step::Starved if self.queue == Queue::Over => return self.refuse(input),
                Step::Starved => return Ok(None),
            }
        }
    }

    /// Steps to what is to be told next, or to data, at least one.
    #[inline(never)] // off the way of the data
    fn walk(&mut self, input: &mut &[u8], last: bool, scratch: &mut [u8]) -> Step {
        let mut cursor = Cursor::new(input, self.offset);
        let step = loop {
            match self.step(&mut cursor, scratch) {
                Ok(Step::On) if !self.is_in_data() => {}
                Ok(Step::Starved) if last && self.ended.is_none() => {
                    self.end_of_input(cursor.offset());
                }
                Ok(step) => break step,
                Err(error) => self.stop(error),
            }
        };
        *input = cursor.rest();
        self.offset = cursor.offset();
        step
    }

    /// Behind the end: the error that made it, or that there is input.
    fn refuse<'s>(&self, input: &[u8]) -> Result<Option<Event<'s>>, Error> {
        match self.ended {
            Some((_, Some(error))) => Err(error),
            _ if input.is_empty() => Ok(None),
            _ => Err(Error {
                kind: ErrorKind::Finished,
                offset: self.offset,
            }),
        }
    }

    /// The caller could not keep the current item, or the one that was just committed.
    pub(super) fn reject(&mut self) {
        if let Some(item) = &mut self.item {
            item.fail(ItemError::Write, self.offset);
        } else if let Some(suspect) = self.just_committed.take() {
            self.ok = self.ok.saturating_sub(1);
            self.not_whole = self.not_whole.saturating_sub(suspect);
            self.failed = self.failed.saturating_add(1);
        }
    }

    /// Index of the current item.
    pub(super) fn item(&self) -> Option<u32> {
        self.item.as_ref().map(|item| item.index)
    }

    /// Index of the current item, if anything more of it is wanted.
    pub(super) fn wanted_item(&self) -> Option<u32> {
        let item = self.item.as_ref().filter(|item| item.wants_data())?;
        Some(item.index)
    }

    /// The response in figures, as far as it has come.
    pub(super) fn summary(&self) -> Summary {
        let (response, error) = self.ended.unwrap_or((Response::Cut, None));
        Summary {
            items: self.ok.saturating_add(self.failed),
            ok: self.ok,
            failed: self.failed,
            suspect: match response {
                Response::Truncated => self.not_whole,
                _ => 0,
            },
            response,
            fault: self.fault(),
            error,
        }
    }

    fn step(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Result<Step, Error> {
        match self.queue {
            Queue::Nothing => {}
            Queue::Message { empty } => return Ok(self.begin_message(empty)),
            Queue::Close => {
                self.queue = Queue::Nothing;
                let closed = self.path.close_empty();
                return self.close(closed, input, scratch);
            }
            Queue::Text(node) => return Ok(self.end_text(node, scratch)),
            Queue::Owed => return Ok(self.tell_owed(scratch)),
            Queue::Over => return Ok(Step::Starved),
        }
        let node = self.path.node();
        // A reference is at most four bytes long.
        if self.is_streamed_text(node) && !self.assembly.has_room(4, scratch) {
            if let Some(piece) = self.assembly.piece(false, scratch) {
                return Ok(Step::Ready(Ready::Text(node, piece, false)));
            }
        }
        let keep_name = node == Node::MessageXml;
        match (self.lexer).next(input, keep_name, &mut self.assembly, scratch) {
            Ok(Some(token)) => self.token(token, node, input, scratch),
            Ok(None) => Ok(Step::Starved),
            Err(kind) => Err(Error {
                kind,
                offset: input.offset(),
            }),
        }
    }

    fn token(
        &mut self,
        token: Token,
        node: Node,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        match token {
            Token::Start => {
                self.expect_markup()?;
                if node == Node::Data {
                    // An element is not base64.
                    self.fail(ItemError::Base64, self.lexer.markup_offset());
                }
                self.tag = (self.path.open(self.lexer.name())).map_err(self.at_markup())?;
                if self.tag != Node::Foreign {
                    self.attributes = Attributes::new();
                }
                if self.tag == Node::MessageXmlValue {
                    self.attributes.name_itself(&self.assembly, scratch);
                }
            }
            Token::AttributeName => {
                let name = self.lexer.name().qualified();
                let wanted = self.attributes.begin(self.tag, name, &mut self.assembly);
                self.lexer.keep_value(wanted);
            }
            Token::AttributeValue => self.attributes.end(&self.assembly, scratch),
            Token::Open { empty } => {
                if empty {
                    self.queue = Queue::Close;
                }
                let node = core::mem::replace(&mut self.tag, Node::Foreign);
                return Ok(self.open(node, empty, scratch));
            }
            Token::Close => {
                self.expect_markup()?;
                let closed = self.path.close(self.lexer.name());
                return self.close(closed, input, scratch);
            }
            Token::Text(len) => self.text(node, len, input, scratch)?,
            Token::Char(char) => {
                let mut bytes = [0; 4];
                let bytes = char.encode_utf8(&mut bytes).as_bytes();
                return self.char(node, bytes, input, scratch);
            }
            Token::IllegalChar => {
                let replacement = "\u{FFFD}".as_bytes();
                if let Some(notes) = self.notes() {
                    notes.text_replaced = true;
                }
                return self.char(node, replacement, input, scratch);
            }
        }
        Ok(Step::On)
    }

    /// Whether what is assembled is a text of `node` that is told in pieces, and not an attribute of its start tag.
    fn is_streamed_text(&self, node: Node) -> bool {
        node.is_streamed_text() && self.tag == Node::Foreign
    }

    /// An error at the tag under way.
    fn at_markup(&self) -> impl Fn(ErrorKind) -> Error {
        let offset = self.lexer.markup_offset();
        move |kind| Error { kind, offset }
    }

    /// The event, with what it holds and borrows. There is one: an outcome is only ready where there is an item.
    fn tell<'s>(&mut self, ready: Ready, scratch: &'s mut [u8]) -> Option<Event<'s>> {
        let replaced = matches!(ready, Ready::Text(_, Piece::Replacement, _));
        if let (true, Some(notes)) = (replaced, self.notes()) {
            notes.text_replaced = true;
        }
        let scratch = &*scratch;
        Some(match ready {
            Ready::Data(len) => Event::Data(scratch.get(..len).unwrap_or_default()),
            Ready::ServerVersion => Event::ServerVersion(self.attributes.server_version(scratch)),
            Ready::MessageStart => Event::MessageStart {
                index: self.item().unwrap_or_default(),
                class: self.attributes.class,
            },
            Ready::Text(node, piece, last) => {
                let text = match piece {
                    Piece::Text(span) => span.text(scratch),
                    Piece::Replacement => "\u{FFFD}",
                };
                match node {
                    Node::MessageXmlValue => Event::MessageXml {
                        name: self.attributes.name(scratch).text(scratch),
                        text,
                        last,
                    },
                    Node::FaultString => Event::FaultString(text),
                    _ => Event::MessageText(text),
                }
            }
            Ready::ResponseCode(code, span) => Event::ResponseCode {
                code,
                text: span.text(scratch),
            },
            Ready::DescriptiveLinkKey(key) => Event::DescriptiveLinkKey(key),
            Ready::ItemIds => Event::ItemIds(self.attributes.item_ids(scratch)),
            Ready::Outcome => Event::Outcome(self.judge()?),
            Ready::FaultCode(span) => Event::FaultCode(span.text(scratch)),
            Ready::Fault(fault) => Event::Fault(fault),
            Ready::End => Event::End(self.summary()),
        })
    }
}
