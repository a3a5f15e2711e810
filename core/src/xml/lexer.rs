//! Markup into tokens, resumable at every byte.

use super::assembly::Assembly;
use super::cursor::Cursor;
use super::error::Error;
use super::reference::Step;
use super::word::Word;
use crate::bytes::{is_name, is_space, starts_name};
use crate::offset::Offset;

/// One token. Names are in [`Lexer::name`], attribute values in the [`Assembly`] that [`Lexer::next`] was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// None, without more input.
    Nothing,
    /// The name of a start tag is whole; its attributes follow.
    Start,
    /// The XML declaration begins; its attributes follow.
    Declaration,
    /// The name of an attribute is whole; [`Lexer::keep_value`] may be called now.
    AttributeName,
    /// The value of an attribute is whole.
    AttributeValue,
    /// The end of a start tag.
    Open,
    /// The end of a start tag that is the end tag too: `<a/>`.
    OpenEmpty,
    /// An end tag.
    Close,
    /// At least one byte of text is next; the caller takes any part of [`Lexer::run`].
    Text,
    /// A character of text that was written as a reference: [`Lexer::char`].
    Char,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Before the first byte, and inside a byte order mark.
    ByteOrderMark,
    Text,
    Reference,
    /// After `<`.
    Markup,
    StartName,
    InTag,
    EmptyTag,
    AttributeName,
    Equals,
    Quote,
    Value,
    ValueReference,
    EndName,
    EndSpace,
    /// After `<!`.
    Exclamation,
    CommentStart,
    /// Inside a comment, after up to two dashes.
    Comment,
    /// After `<![` and a part of `CDATA[`.
    CdataStart,
    /// Inside a CDATA section, after up to two closing brackets.
    Cdata,
    InstructionTarget,
    /// Inside a processing instruction, possibly after a question mark.
    Instruction,
    /// After the `?` that ends the XML declaration.
    DeclarationEnd,
}

/// The position in a tag, text or reference, and what has been read of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer {
    /// Where the current markup begins, or the last one.
    markup_offset: Offset,
    pub(super) word: Word,
    state: State,
    /// The quote that ends the value.
    quote: u8,
    /// The value is to be assembled.
    keep: bool,
    pub(super) prolog: Prolog,
}

/// How far the XML declaration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prolog {
    /// It may follow: there was nothing but a byte order mark and comments.
    Ahead,
    /// The current tag is the declaration.
    Here,
    Over,
}

impl Lexer {
    pub(crate) const fn new() -> Self {
        Self {
            markup_offset: Offset(0),
            word: Word::NAME,
            state: State::ByteOrderMark,
            quote: 0,
            keep: false,
            prolog: Prolog::Ahead,
        }
    }

    /// The name of the last `Start`, `AttributeName` or `Close`.
    pub(crate) const fn name(&self) -> &Word {
        &self.word
    }

    /// The character of the last `Char`, in UTF-8; U+FFFD and `false` if the reference is not a character.
    #[inline(never)] // for its size
    pub(crate) fn char<'b>(&self, bytes: &'b mut [u8; 4]) -> (&'b [u8], bool) {
        let char = self.word.char();
        let text = char
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .encode_utf8(bytes);
        (text.as_bytes(), char.is_some())
    }

    /// Offset of the `<` of the last tag.
    pub(crate) const fn markup_offset(&self) -> u64 {
        self.markup_offset.0
    }

    /// Sets the offset of markup that the lexer does not read.
    pub(crate) fn begin_markup(&mut self, offset: u64) {
        self.markup_offset.0 = offset;
    }

    /// Whether the value of the attribute that was just named is to be assembled.
    pub(crate) fn keep_value(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Whether text is next, so that the caller may take bytes directly, up to the next
    /// [`is_markup`](Self::is_markup).
    pub(crate) fn in_text(&self) -> bool {
        self.state == State::Text || self.state == State::Cdata && self.word.len == 0
    }

    /// Whether a tag or text that is not in a CDATA section is next.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn is_between_tags(&self) -> bool {
        self.state == State::Text
    }

    /// Whether this byte, where text is next, is not text.
    pub(crate) fn is_markup(&self, byte: u8) -> bool {
        match self.state {
            State::Cdata => byte == b']',
            _ => matches!(byte, b'<' | b'&'),
        }
    }

    /// The text that is next, or the beginning of it.
    pub(crate) fn run<'i>(&self, ahead: &'i [u8]) -> &'i [u8] {
        match self.state {
            State::Cdata => run(ahead, b']', b']', b']'),
            _ => run(ahead, b'<', b'&', b'&'),
        }
    }

    /// Reads to the end of the next token. [`Token::Nothing`]: the input is used up.
    ///
    /// The local part of a start tag's name is assembled if `keep_name` is set.
    #[allow(clippy::too_many_lines)] // an arm a state
    // On small cores its frame is off the stack when a token is acted on.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn next(
        &mut self,
        input: &mut Cursor<'_>,
        keep_name: bool,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<Token, Error> {
        let mut state = self.state;
        let token = loop {
            let Some(byte) = input.peek() else {
                break Token::Nothing;
            };
            let mut token = Token::Nothing;
            state = match state {
                State::Text => match byte {
                    b'<' => {
                        self.markup_offset.0 = input.offset();
                        State::Markup
                    }
                    b'&' => {
                        self.word = Word::REFERENCE;
                        State::Reference
                    }
                    _ => {
                        self.prolog = Prolog::Over;
                        break Token::Text;
                    }
                },
                State::Markup => {
                    self.word = Word::NAME;
                    match byte {
                        b'/' => State::EndName,
                        b'!' => State::Exclamation,
                        b'?' => State::InstructionTarget,
                        _ if starts_name(byte) => {
                            self.prolog = Prolog::Over;
                            if keep_name {
                                assembly.begin(0);
                            }
                            state = State::StartName;
                            continue;
                        }
                        _ => return Err(Error::UnexpectedByte),
                    }
                }
                State::StartName | State::AttributeName | State::EndName => {
                    let keep = keep_name && state == State::StartName;
                    if !self.take_name(input, keep, assembly, scratch)? {
                        break Token::Nothing;
                    }
                    (state, token) = match state {
                        State::StartName => (State::InTag, Token::Start),
                        State::AttributeName => {
                            self.keep = false;
                            (State::Equals, Token::AttributeName)
                        }
                        _ => (State::EndSpace, Token::Nothing),
                    };
                    match token {
                        Token::Nothing => continue,
                        _ => break token,
                    }
                }
                State::InTag | State::Equals | State::Quote | State::EndSpace if is_space(byte) => {
                    state
                }
                State::InTag => match byte {
                    b'>' if self.prolog != Prolog::Here => {
                        token = Token::Open;
                        State::Text
                    }
                    b'/' if self.prolog != Prolog::Here => State::EmptyTag,
                    b'?' if self.prolog == Prolog::Here => State::DeclarationEnd,
                    _ if starts_name(byte) => {
                        self.word = Word::NAME;
                        state = State::AttributeName;
                        continue;
                    }
                    _ => return Err(Error::UnexpectedByte),
                },
                State::Equals if byte == b'=' => State::Quote,
                State::Quote if matches!(byte, b'"' | b'\'') => {
                    self.quote = byte;
                    State::Value
                }
                State::Value => match byte {
                    b'<' => return Err(Error::UnexpectedByte),
                    b'&' => {
                        self.word = Word::REFERENCE;
                        State::ValueReference
                    }
                    _ if byte == self.quote => {
                        token = Token::AttributeValue;
                        State::InTag
                    }
                    _ => {
                        self.value(input, assembly, scratch)?;
                        continue;
                    }
                },
                State::EmptyTag if byte == b'>' => {
                    token = Token::OpenEmpty;
                    State::Text
                }
                State::EndSpace if byte == b'>' => {
                    token = Token::Close;
                    State::Text
                }
                State::Reference | State::ValueReference => match self.word.take_reference(byte) {
                    Step::More => state,
                    Step::Refused => return Err(Error::UnknownEntity),
                    Step::Done if state == State::Reference => {
                        token = Token::Char;
                        State::Text
                    }
                    Step::Done => {
                        if self.keep {
                            assembly.push_or_count(self.char(&mut [0; 4]).0, scratch);
                        }
                        State::Value
                    }
                },
                _ => {
                    (state, token) = self.section(state, byte, input)?;
                    match token {
                        Token::Nothing => continue,
                        _ => break token,
                    }
                }
            };
            input.bump(1);
            if token != Token::Nothing {
                break token;
            }
        };
        self.state = state;
        Ok(token)
    }

    /// Takes the next part of an attribute's value.
    fn value(
        &mut self,
        input: &mut Cursor<'_>,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        let value = run(input.rest(), self.quote, b'<', b'&');
        if self.prolog == Prolog::Here {
            // No value of the declaration may have a question mark (XML 1.0 §2.8), and other readers end the
            // declaration there.
            if let Some(at) = value.iter().position(|&byte| byte == b'?') {
                input.bump(at);
                return Err(Error::UnexpectedByte);
            }
        }
        if self.keep {
            assembly.push_or_count(value, scratch);
        }
        input.bump(value.len());
        Ok(())
    }

    /// Takes the next part of a name; `false` if the input ends before the name does.
    fn take_name(
        &mut self,
        input: &mut Cursor<'_>,
        keep: bool,
        assembly: &mut Assembly,
        scratch: &mut [u8],
    ) -> Result<bool, Error> {
        while let Some(byte) = input.peek() {
            let prefixed = self.word.has_prefix();
            let name = input.ahead(self.word.take_name(input.rest()));
            if name.is_empty() {
                return match is_name(byte) {
                    true => Err(Error::NameTooLong),
                    false => Ok(true),
                };
            }
            if keep {
                match self.word.has_prefix() == prefixed {
                    true => assembly.push_or_count(name, scratch),
                    false => assembly.begin(0),
                }
            }
            input.bump(name.len());
        }
        Ok(false)
    }
}

/// Longest run that is searched at once, so that a caller who takes less of it costs little.
const LONGEST_RUN: usize = 256;

/// Returns `ahead` up to the first of three bytes, or the beginning of that.
#[inline(never)] // for its size
pub(crate) fn run(ahead: &[u8], a: u8, b: u8, c: u8) -> &[u8] {
    let ahead = ahead.get(..LONGEST_RUN).unwrap_or(ahead);
    #[cfg(feature = "simd")]
    let end = memchr::memchr3(a, b, c, ahead);
    #[cfg(not(feature = "simd"))]
    let end = find(ahead, a, b, c);
    end.and_then(|end| ahead.get(..end)).unwrap_or(ahead)
}

/// The position of the first of three bytes.
#[cfg(not(feature = "simd"))]
fn find(ahead: &[u8], a: u8, b: u8, c: u8) -> Option<usize> {
    #[cfg_attr(not(target_pointer_width = "64"), allow(unused_mut))]
    let mut skipped: usize = 0;
    #[cfg(target_pointer_width = "64")]
    for word in ahead.chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
        let found = zeros(word ^ each(a)) | zeros(word ^ each(b)) | zeros(word ^ each(c));
        if found != 0 {
            return Some(skipped.wrapping_add(found.trailing_zeros() as usize / 8));
        }
        skipped = skipped.wrapping_add(8);
    }
    let mut rest = ahead.get(skipped..)?.iter();
    let end = rest.position(|&byte| byte == a || byte == b || byte == c)?;
    Some(skipped.wrapping_add(end))
}

/// A word of eight times this byte.
#[cfg(all(target_pointer_width = "64", not(feature = "simd")))]
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is zero. Those after the first one are not exact.
#[cfg(all(target_pointer_width = "64", not(feature = "simd")))]
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(each(1)) & !word & each(0x80)
}

#[cfg(test)]
mod tests {
    use super::{run, LONGEST_RUN};

    /// Bytes that are one more than a wanted one follow it, since a borrow makes them look like it.
    #[test]
    fn a_run_ends_at_the_first_of_three_bytes() {
        for len in 0..LONGEST_RUN + 9 {
            let text = std::vec![b'.'; len];
            assert_eq!(run(&text, b'"', b'<', b'&').len(), len.min(LONGEST_RUN));
            for at in [0, 1, len / 2, len.saturating_sub(1)] {
                for end in *b"\"<&" {
                    let mut text = text.clone();
                    text.extend([end + 1; 2]);
                    text.insert(at, end);
                    let expected = at.min(LONGEST_RUN);
                    assert_eq!(
                        run(&text, b'"', b'<', b'&').len(),
                        expected,
                        "{at} of {len}"
                    );
                    let before = [b'!', b'#', b';', b'=', b'%', b'\'', 0, 0xFF, end ^ 0x80];
                    let text = [&before[..], &[end, end + 1]].concat();
                    assert_eq!(run(&text, b'"', b'<', b'&'), before);
                }
            }
        }
    }
}
