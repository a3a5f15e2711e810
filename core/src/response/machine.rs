//! The decoder without its scratch: one machine for every size.

use super::assembly::{Assembly, Piece, Span};
use super::attributes::{number, Attributes};
use super::base64::{is_space, Base64, End, Stop};
use super::cursor::Cursor;
use super::error::{Error, ErrorKind};
use super::event::Event;
use super::item::{Item, Notes};
use super::marker::Marker;
use super::options::Options;
use super::outcome::{Fault, ItemError, Outcome, Response, ResponseClass, Summary};
use super::soap::{Closed, Node, Path};
use super::xml::{Lexer, Token};
use crate::code::ResponseCode;

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
    /// Text where none belongs: a truncation marker, as far as it goes, and where it begins.
    stray: Marker,
    stray_offset: u64,
    queue: Queue,
    /// The start tag under way, if its element is on the path.
    tag: Option<Node>,
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
    /// The last outcome was a commit, and nothing has come since.
    just_committed: bool,
    total_bytes: u64,
    ended: Option<(Response, Option<Error>)>,
}

/// What is to be told before the input goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Nothing,
    /// A message's start tag; `true`: it is its end tag too.
    Message(Option<ResponseClass>, bool),
    /// The element that was opened last is its own end.
    Close,
    /// What is held of the text of an element that has been closed.
    Text(Node),
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
    /// No more input: outcomes that are still owed, then the end.
    Closing,
    Closed,
}

enum Step {
    Ready(Ready),
    On,
    /// Nothing more to tell without more input.
    Starved,
}

/// An event, without what it borrows.
enum Ready {
    ServerVersion,
    MessageStart(u32, Option<ResponseClass>),
    Text(Node, Piece, bool),
    ResponseCode(ResponseCode, Span),
    DescriptiveLinkKey(i32),
    ItemIds,
    Data(usize),
    Outcome(Outcome),
    FaultCode(Span),
    Fault(Fault),
    End(Summary),
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
            stray: Marker::new(),
            stray_offset: 0,
            queue: Queue::Nothing,
            tag: None,
            item: None,
            item_offset: 0,
            ids_told: false,
            messages: 0,
            fault: None,
            stage: Stage::Prolog,
            ok: 0,
            failed: 0,
            just_committed: false,
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
        let mut cursor = Cursor::new(input, self.offset);
        let ready = loop {
            match self.step(&mut cursor, scratch) {
                Ok(Step::Ready(ready)) => break Some(ready),
                Ok(Step::On) => {}
                Ok(Step::Starved) if last && self.stage < Stage::Closing => {
                    self.end_of_input(cursor.offset());
                }
                Ok(Step::Starved) => break None,
                Err(error) => self.stop(error),
            }
        };
        *input = cursor.rest();
        self.offset = cursor.offset();
        match (ready, self.ended) {
            (Some(ready), _) => Ok(Some(self.tell(ready, scratch))),
            (None, Some((_, Some(error)))) => Err(error),
            (None, Some((_, None))) if !input.is_empty() => Err(Error {
                kind: ErrorKind::Finished,
                offset: self.offset,
            }),
            (None, _) => Ok(None),
        }
    }

    /// The caller could not keep the current item, or the one that was just committed.
    pub(super) fn reject(&mut self) {
        match &mut self.item {
            Some(item) => item.fail(ItemError::Write, self.offset),
            None if self.just_committed => {
                self.just_committed = false;
                self.ok -= 1;
                self.failed += 1;
            }
            None => {}
        }
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
            response,
            fault: self.fault(),
            error,
        }
    }

    fn step(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Result<Step, Error> {
        if self.stage >= Stage::Closing {
            return Ok(self.close_step());
        }
        match self.queue {
            Queue::Nothing => {}
            Queue::Message(class, empty) => return Ok(self.begin_message(class, empty)),
            Queue::Close => {
                self.queue = Queue::Nothing;
                let closed = self.path.close_empty();
                return self.close(closed, input, scratch);
            }
            Queue::Text(node) => return Ok(self.end_text(node, scratch)),
        }
        let node = (!self.path.is_skipping()).then(|| self.path.node());
        match node {
            Some(Node::Data) if self.lexer.in_text() && self.wants_data() => {
                if let Some(step) = self.data(input, scratch) {
                    return Ok(step);
                }
            }
            // A reference is at most four bytes long.
            Some(node) if node.is_streamed_text() && !self.assembly.has_room(4, scratch) => {
                if let Some(piece) = self.assembly.piece(false, scratch) {
                    return Ok(Step::Ready(Ready::Text(node, piece, false)));
                }
            }
            _ => {}
        }
        match self.lexer.next(input, &mut self.assembly, scratch) {
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
        node: Option<Node>,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        match token {
            Token::Start => {
                self.expect_markup()?;
                if node == Some(Node::Data) {
                    // An element is not base64.
                    self.fail(ItemError::Base64, self.lexer.markup_offset());
                }
                self.tag = self
                    .path
                    .open(self.lexer.name())
                    .map_err(self.at_markup())?;
                if let Some(node) = self.tag {
                    self.attributes = Attributes::new();
                    if node == Node::MessageXmlValue {
                        let (_, name) = self.lexer.name().parts();
                        self.attributes.name_itself(name, scratch);
                    }
                }
            }
            Token::AttributeName => {
                let name = self.lexer.name().qualified();
                let wanted = self
                    .tag
                    .is_some_and(|node| self.attributes.begin(node, name, &mut self.assembly));
                self.lexer.keep_value(wanted);
            }
            Token::AttributeValue => self.attributes.end(&self.assembly, scratch),
            Token::Open { empty } => {
                if empty {
                    self.queue = Queue::Close;
                }
                if let Some(node) = self.tag.take() {
                    return Ok(self.open(node, empty, scratch));
                }
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
                let replacement = char::REPLACEMENT_CHARACTER;
                let mut bytes = [0; 4];
                let bytes = replacement.encode_utf8(&mut bytes).as_bytes();
                if let Some(notes) = self.notes() {
                    notes.text_replaced = true;
                }
                return self.char(node, bytes, input, scratch);
            }
        }
        Ok(Step::On)
    }

    // --- elements ---

    fn open(&mut self, node: Node, empty: bool, scratch: &[u8]) -> Step {
        match node {
            Node::Envelope => self.stage = Stage::Envelope,
            Node::ServerVersionInfo => return Step::Ready(Ready::ServerVersion),
            Node::ExportItemsResponse => self.stage = Stage::Answer,
            Node::Fault => {
                self.stage = Stage::Answer;
                self.fault = self.fault.or(Some(Notes::default()));
            }
            Node::Message => self.queue = Queue::Message(self.attributes.class, empty),
            Node::ItemId if !self.ids_told => {
                self.ids_told = true;
                return Step::Ready(Ready::ItemIds);
            }
            Node::Data => {
                self.base64 = Base64::new();
                self.item_offset = self.lexer.markup_offset();
                if let Some(item) = &mut self.item {
                    item.begin_data(self.item_offset);
                }
            }
            Node::MessageXmlValue => {
                let name = self.attributes.name(scratch);
                self.assembly.begin(name.end);
            }
            _ => self.assembly.begin(0),
        }
        Step::On
    }

    fn close(
        &mut self,
        closed: Result<Closed, ErrorKind>,
        input: &Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        let Closed::Node(node) = closed.map_err(self.at_markup())? else {
            return Ok(Step::On);
        };
        match node {
            Node::Envelope => {
                if self.stage < Stage::Answer {
                    return Err(self.at_markup()(ErrorKind::UnexpectedOperation));
                }
                self.stage = Stage::Epilog;
            }
            Node::Message => self.item_offset = input.offset(),
            Node::Data if self.wants_data() => return Ok(self.end_data(scratch)),
            Node::Fault => {
                if let Some(fault) = self.fault() {
                    return Ok(Step::Ready(Ready::Fault(fault)));
                }
            }
            Node::MessageXmlValue => {
                self.note_value(scratch);
                self.queue = Queue::Text(node);
            }
            node if node.is_streamed_text() || node.is_short_text() => {
                self.queue = Queue::Text(node);
            }
            _ => {}
        }
        Ok(Step::On)
    }

    /// A message's start tag has arrived: the item before it is done.
    fn begin_message(&mut self, class: Option<ResponseClass>, empty: bool) -> Step {
        if let Some(item) = self.item.take() {
            return Step::Ready(Ready::Outcome(self.judge(item, self.item_offset)));
        }
        let index = self.messages;
        let mut item = Item::new(index, class);
        if self.options.items.is_some_and(|items| index >= items) {
            item.fail(ItemError::Unrequested, self.lexer.markup_offset());
        }
        self.item = Some(item);
        self.messages = self.messages.saturating_add(1);
        self.ids_told = false;
        self.just_committed = false;
        self.queue = match empty {
            true => Queue::Close,
            false => Queue::Nothing,
        };
        Step::Ready(Ready::MessageStart(index, class))
    }

    // --- text ---

    fn text(
        &mut self,
        node: Option<Node>,
        len: usize,
        input: &mut Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        let bytes = input.ahead(len);
        let taken = match node {
            Some(node) if node.is_streamed_text() => self.assembly.push(bytes, scratch),
            Some(node) if node.is_short_text() => {
                self.assembly.push_or_count(bytes, scratch);
                len
            }
            Some(node) if node.is_skeleton() => {
                self.stray(bytes, input.offset())?;
                len
            }
            _ => len,
        };
        input.bump(taken);
        Ok(())
    }

    /// A character that was written as a reference.
    fn char(
        &mut self,
        node: Option<Node>,
        bytes: &[u8],
        input: &Cursor<'_>,
        scratch: &mut [u8],
    ) -> Result<Step, Error> {
        match node {
            Some(Node::Data) if self.wants_data() => {
                let progress = self.base64.decode(bytes, scratch);
                if progress.stop == Stop::Byte {
                    self.fail(ItemError::Base64, input.offset());
                }
                return Ok(self.hand_out(progress.written));
            }
            Some(node) if node.is_streamed_text() || node.is_short_text() => {
                self.assembly.push_or_count(bytes, scratch);
            }
            Some(node) if node.is_skeleton() => self.stray(bytes, input.offset())?,
            _ => {}
        }
        Ok(Step::On)
    }

    /// Text where only elements belong: white space, or the truncation marker, or an error.
    fn stray(&mut self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let text = bytes.iter().zip(offset..).filter(|(&b, _)| !is_space(b));
        for (&byte, offset) in text {
            if !self.stray.has_begun() {
                self.stray_offset = offset;
            }
            if !self.stray.push(byte) {
                return Err(self.stray_error());
            }
            if self.stray.is_complete() {
                return Err(Error {
                    kind: ErrorKind::Truncated,
                    offset: self.stray_offset,
                });
            }
        }
        Ok(())
    }

    fn stray_error(&self) -> Error {
        let kind = match self.stage {
            Stage::Prolog => ErrorKind::NotSoap,
            Stage::Envelope | Stage::Answer => ErrorKind::UnexpectedText,
            Stage::Epilog | Stage::Closing | Stage::Closed => ErrorKind::TrailingData,
        };
        Error {
            kind,
            offset: self.stray_offset,
        }
    }

    /// A tag has come: no text may be left over, and the document may not be over.
    fn expect_markup(&self) -> Result<(), Error> {
        if self.stray.has_begun() {
            return Err(self.stray_error());
        }
        if self.stage == Stage::Epilog {
            return Err(self.at_markup()(ErrorKind::TrailingData));
        }
        Ok(())
    }

    /// Tells what is held of a text whose element has been closed.
    fn end_text(&mut self, node: Node, scratch: &mut [u8]) -> Step {
        if node.is_streamed_text() {
            let piece = self.assembly.piece(true, scratch);
            let held = self.assembly.held();
            let last = held.start == held.end;
            if last {
                self.queue = Queue::Nothing;
            }
            return match piece {
                Some(piece) => Step::Ready(Ready::Text(node, piece, last)),
                // The last piece of a value says so, even where nothing is left of it.
                None if node == Node::MessageXmlValue => {
                    Step::Ready(Ready::Text(node, Piece::Text(Span::default()), true))
                }
                None => Step::On,
            };
        }
        self.queue = Queue::Nothing;
        let span = self.assembly.trimmed(scratch);
        let text = span.text(scratch);
        match node {
            Node::ResponseCode => {
                let code = ResponseCode::from_text(text);
                if let Some(notes) = self.notes() {
                    notes.set_code(code);
                }
                Step::Ready(Ready::ResponseCode(code, span))
            }
            Node::FaultCode => {
                // `a:ErrorServerBusy`; the code of the detail, if it comes, is the same.
                let prefix = text.find(':').map_or(0, |colon| colon + 1);
                let span = Span {
                    start: span.start + prefix,
                    ..span
                };
                let code = ResponseCode::from_text(span.text(scratch));
                if let (Some(notes), true) = (self.notes(), code != ResponseCode::Other) {
                    notes.set_code(code);
                }
                Step::Ready(Ready::FaultCode(span))
            }
            _ => match text.parse() {
                Ok(key) => Step::Ready(Ready::DescriptiveLinkKey(key)),
                Err(_) => Step::On,
            },
        }
    }

    /// Notes a `MessageXml` value that clients act on.
    fn note_value(&mut self, scratch: &[u8]) {
        let name = self.attributes.name(scratch).of(scratch);
        let value = self.assembly.whole();
        if let (b"BackOffMilliseconds", Some(value)) = (name, value) {
            let milliseconds = number(value.of(scratch));
            if let Some(notes) = self.notes() {
                notes.back_off_ms = notes.back_off_ms.max(milliseconds);
            }
        }
    }

    /// What the message or fault that is open says of itself.
    fn notes(&mut self) -> Option<&mut Notes> {
        match self.path.is_in_fault() {
            true => self.fault.as_mut(),
            false => self.item.as_mut().map(|item| &mut item.notes),
        }
    }

    // --- data ---

    fn wants_data(&self) -> bool {
        self.wanted_item().is_some()
    }

    /// Decodes what lies ahead. `None`: markup lies ahead.
    fn data(&mut self, input: &mut Cursor<'_>, scratch: &mut [u8]) -> Option<Step> {
        let progress = self.base64.decode(input.rest(), scratch);
        input.bump(progress.consumed);
        let markup = match progress.stop {
            Stop::Byte => input.peek().is_some_and(|byte| self.lexer.is_markup(byte)),
            Stop::Input | Stop::Output => false,
        };
        if progress.stop == Stop::Byte && !markup {
            self.fail(ItemError::Base64, input.offset());
        }
        if progress.written == 0 && markup {
            return None;
        }
        if progress.written == 0 && progress.stop == Stop::Input {
            return Some(Step::Starved);
        }
        Some(self.hand_out(progress.written))
    }

    /// The end of `Data`: the last bytes, or what is wrong with them.
    fn end_data(&mut self, scratch: &mut [u8]) -> Step {
        match self.base64.finish() {
            End::Clean { bytes, len } => {
                for (to, from) in scratch.iter_mut().zip(bytes) {
                    *to = from;
                }
                return self.hand_out(usize::from(len));
            }
            End::Truncated => self.fail(ItemError::Truncated, self.lexer.markup_offset()),
            End::Invalid => self.fail(ItemError::Base64, self.lexer.markup_offset()),
        }
        Step::On
    }

    /// Hands out the first `len` bytes of the scratch, as far as the limits allow.
    fn hand_out(&mut self, len: usize) -> Step {
        let Some(item) = &mut self.item else {
            return Step::On;
        };
        let of_item = self.options.max_item_bytes.saturating_sub(item.bytes());
        let of_total = (self.options.max_total_bytes).saturating_sub(self.total_bytes);
        let room = usize::try_from(of_item.min(of_total)).unwrap_or(usize::MAX);
        let allowed = len.min(room);
        if allowed < len {
            item.fail(ItemError::TooLarge, self.item_offset);
        }
        if allowed == 0 {
            return Step::On;
        }
        item.add_bytes(allowed);
        self.total_bytes = self.total_bytes.saturating_add(allowed as u64);
        Step::Ready(Ready::Data(allowed))
    }

    // --- the end ---

    fn fail(&mut self, error: ItemError, offset: u64) {
        if let Some(item) = &mut self.item {
            item.fail(error, offset);
        }
    }

    fn judge(&mut self, item: Item, offset: u64) -> Outcome {
        let outcome = item.outcome(offset);
        self.just_committed = outcome.error.is_none();
        match self.just_committed {
            true => self.ok = self.ok.saturating_add(1),
            false => self.failed = self.failed.saturating_add(1),
        }
        outcome
    }

    /// All input has come.
    fn end_of_input(&mut self, offset: u64) {
        let is_whole =
            self.stage == Stage::Epilog && self.lexer.is_between() && !self.stray.has_begun();
        if is_whole {
            let response = match self.fault {
                Some(_) => Response::Fault,
                None => Response::Complete,
            };
            self.ended = Some((response, None));
            self.stage = Stage::Closing;
            return;
        }
        // A marker inside `Data` in place of the end tags.
        if self.path.node() == Node::Data && self.base64.is_truncated() {
            self.fail(ItemError::Truncated, offset);
        }
        let truncated = self.item.as_ref().is_some_and(Item::is_truncated);
        self.stop(Error {
            kind: match truncated {
                true => ErrorKind::Truncated,
                false => ErrorKind::UnexpectedEnd,
            },
            offset,
        });
    }

    /// The response is unusable from here on.
    fn stop(&mut self, error: Error) {
        let (response, item_error) = match error.kind {
            ErrorKind::UnexpectedEnd => (Response::Cut, ItemError::Cut),
            ErrorKind::Truncated => (Response::Truncated, ItemError::Truncated),
            ErrorKind::UnexpectedOperation => (Response::NotSoap, ItemError::Malformed),
            _ if self.stage == Stage::Prolog => (Response::NotSoap, ItemError::Malformed),
            _ => (Response::Malformed, ItemError::Malformed),
        };
        self.fail(item_error, error.offset);
        self.item_offset = error.offset;
        self.ended = Some((response, Some(error)));
        self.stage = Stage::Closing;
    }

    /// Outcomes that are still owed, then the end.
    fn close_step(&mut self) -> Step {
        if let Some(item) = self.item.take() {
            return Step::Ready(Ready::Outcome(self.judge(item, self.item_offset)));
        }
        if self.options.items.is_some_and(|n| self.messages < n) {
            let index = self.messages;
            self.messages += 1;
            self.failed = self.failed.saturating_add(1);
            self.just_committed = false;
            return Step::Ready(Ready::Outcome(Item::not_answered(index, self.offset)));
        }
        if self.stage == Stage::Closing {
            self.stage = Stage::Closed;
            return Step::Ready(Ready::End(self.summary()));
        }
        Step::Starved
    }

    fn fault(&self) -> Option<Fault> {
        self.fault.as_ref().map(|notes| Fault {
            code: notes.code,
            back_off_ms: notes.back_off_ms,
        })
    }

    /// An error at the tag under way.
    fn at_markup(&self) -> impl Fn(ErrorKind) -> Error {
        let offset = self.lexer.markup_offset();
        move |kind| Error { kind, offset }
    }

    /// The event, with what it borrows.
    fn tell<'s>(&mut self, ready: Ready, scratch: &'s mut [u8]) -> Event<'s> {
        let replaced = matches!(ready, Ready::Text(_, Piece::Replacement, _));
        if let (true, Some(notes)) = (replaced, self.notes()) {
            notes.text_replaced = true;
        }
        let scratch = &*scratch;
        match ready {
            Ready::Data(len) => Event::Data(scratch.get(..len).unwrap_or_default()),
            Ready::ServerVersion => Event::ServerVersion(self.attributes.server_version(scratch)),
            Ready::MessageStart(index, class) => Event::MessageStart { index, class },
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
            Ready::Outcome(outcome) => Event::Outcome(outcome),
            Ready::FaultCode(span) => Event::FaultCode(span.text(scratch)),
            Ready::Fault(fault) => Event::Fault(fault),
            Ready::End(summary) => Event::End(summary),
        }
    }
}
