//! What a response consists of: the scenario's rules applied to the items asked for.

use core::time::Duration;

use bytes::Bytes;

use crate::fault::{message_of, Detail};
use crate::id::{self, IdError, Item};
use crate::payload::Payload;
use crate::request::{ExportItems, RequestedId};
use crate::scenario::{
    Answer, CutPlace, ErrorAnswer, ItemAnswer, ItemsAnswer, MarkerPlace, ResponseClass, Scenario,
    Style,
};
use crate::style::{Writer, DOCS_INDENT, DOCS_LINE};

/// What servers end a truncated response with
/// (<https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-export-items-by-using-ews-in-exchange>).
pub(crate) const MARKER: &str = "=== Truncated Data ===";

/// After these codes the rest of a batch is not processed
/// (<https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode>).
const STOPS_THE_BATCH: [&str; 9] = [
    "ErrorAccessDenied",
    "ErrorAccountDisabled",
    "ErrorADUnavailable",
    "ErrorADOperation",
    "ErrorConnectionFailed",
    "ErrorMailboxStoreUnavailable",
    "ErrorMailboxMoveInProgress",
    "ErrorPasswordChangeRequired",
    "ErrorPasswordExpired",
];

/// A part of a response body, in order.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Bytes),
    /// From here on base64 comes from the first `bytes` bytes of this item's payload.
    Payload {
        item: Item,
        bytes: u64,
    },
    /// So many characters of that base64.
    Base64(u64),
    /// Silence.
    Wait(Duration),
    /// The connection ends here; what follows counts for an announced length only.
    Cut,
}

/// Characters of the base64 of so many bytes.
fn base64_len(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

/// Characters of `pieces` as they are written; `in_lines` as [`Style::Docs`] breaks base64.
pub(crate) fn length(pieces: &[Piece], in_lines: bool) -> u64 {
    let mut total = 0;
    let mut at = 0;
    for piece in pieces {
        match piece {
            Piece::Text(text) => total += text.len() as u64,
            Piece::Payload { .. } => at = 0,
            Piece::Base64(chars) => {
                if in_lines {
                    let breaks = (at + chars).div_ceil(DOCS_LINE) - at.div_ceil(DOCS_LINE);
                    total += breaks * DOCS_INDENT.len() as u64;
                }
                total += chars;
                at += chars;
            }
            Piece::Wait(_) | Piece::Cut => {}
        }
    }
    total
}

/// How often each rule of a scenario was used.
#[derive(Debug)]
pub(crate) struct Uses {
    requests: Vec<u32>,
    items: Vec<u32>,
}

impl Uses {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            requests: vec![0; scenario.requests.len()],
            items: vec![0; scenario.items.len()],
        }
    }

    /// The answer to the next request.
    pub(crate) fn request(&mut self, scenario: &Scenario) -> Answer {
        for (rule, used) in scenario.requests.iter().zip(&mut self.requests) {
            if *used < rule.times {
                *used += 1;
                return rule.answer.clone();
            }
        }
        Answer::Normal
    }

    /// The delay and the answer of an item.
    fn item(&mut self, scenario: &Scenario, index: usize, id: &str) -> (Duration, ItemAnswer) {
        for (rule, used) in scenario.items.iter().zip(&mut self.items) {
            let fits = rule.index.is_none_or(|only| only == index)
                && rule.id.as_ref().is_none_or(|only| only == id)
                && rule.times.is_none_or(|times| *used < times);
            if fits {
                *used = used.saturating_add(1);
                return (Duration::from_millis(rule.delay_ms), rule.answer.clone());
            }
        }
        (Duration::ZERO, ItemAnswer::Whole)
    }
}

/// The body of a response to `request`.
pub(crate) fn response(
    scenario: &Scenario,
    uses: &mut Uses,
    request: &ExportItems,
    around: &ItemsAnswer,
) -> Vec<Piece> {
    let mut response = Response {
        scenario,
        writer: Writer::new(scenario),
        pieces: Vec::new(),
    };
    response.text(response.writer.open());
    let answered = request.ids.len().saturating_sub(around.omit);
    let mut stopped = false;
    for (index, asked) in request.ids[..answered].iter().enumerate() {
        if stopped {
            response.refuse(&ErrorAnswer {
                class: ResponseClass::Warning,
                ..refusal("ErrorBatchProcessingStopped")
            });
            continue;
        }
        let (delay, answer) = uses.item(scenario, index, &asked.id);
        if !delay.is_zero() {
            response.pieces.push(Piece::Wait(delay));
        }
        match (&answer, response.find(asked)) {
            (ItemAnswer::Error(error), _) => {
                response.refuse(error);
                stopped = STOPS_THE_BATCH.contains(&error.code.as_str());
            }
            (_, Err(error)) => response.refuse(&error),
            (_, Ok(item)) => {
                response.item(item, &asked.id, &answer);
                if ends_the_response(&answer) {
                    return response.pieces;
                }
            }
        }
    }
    for seed in 0..around.extra as u64 {
        let item = Item { seed, size: 1_000 };
        let id = id::item_id(&scenario.mailbox, item.seed, item.size);
        response.item(item, &id, &ItemAnswer::Whole);
    }
    response.text(response.writer.close());
    if around.marker_after_root {
        response.text(MARKER.to_owned());
    }
    response.pieces
}

fn ends_the_response(answer: &ItemAnswer) -> bool {
    let place = MarkerPlace::InsteadOfEndTags;
    matches!(answer, ItemAnswer::Marker { place: p, .. } if *p == place)
}

fn refusal(code: &str) -> ErrorAnswer {
    ErrorAnswer {
        code: code.to_owned(),
        class: ResponseClass::Error,
        message: None,
        back_off_ms: None,
        inner_code: None,
        mailbox_guid: None,
    }
}

struct Response<'s> {
    scenario: &'s Scenario,
    writer: Writer,
    pieces: Vec<Piece>,
}

impl Response<'_> {
    fn text(&mut self, text: String) {
        self.pieces.push(Piece::Text(text.into()));
    }

    /// The item asked for, or why there is none.
    fn find(&self, asked: &RequestedId) -> Result<Item, ErrorAnswer> {
        let item = id::read(&self.scenario.mailbox, &asked.id).map_err(|error| match error {
            IdError::Empty => refusal("ErrorInvalidIdEmpty"),
            IdError::Malformed => refusal("ErrorInvalidIdMalformed"),
            IdError::NotFound => refusal("ErrorItemNotFound"),
            IdError::ForeignMailbox(guid) => ErrorAnswer {
                mailbox_guid: Some(guid),
                ..refusal("ErrorNonExistentMailbox")
            },
        })?;
        // MS-OXWSBTRF R184: a ChangeKey that is present must be valid, so an empty one is not.
        match &asked.change_key {
            Some(key) if *key != id::change_key(item.seed) => Err(refusal("ErrorInvalidChangeKey")),
            _ if Payload::new(item.seed, item.size).is_err() => Err(refusal("ErrorItemNotFound")),
            _ => Ok(item),
        }
    }

    fn refuse(&mut self, error: &ErrorAnswer) {
        let details = Detail::values(
            error.back_off_ms,
            error.inner_code.as_deref(),
            error.mailbox_guid.as_deref(),
        );
        let message = error.message.as_deref();
        let message = message.unwrap_or_else(|| message_of(&error.code));
        let text = self
            .writer
            .refusal(error.class, &error.code, message, &details);
        self.text(text);
    }

    /// A message of class Success, with what `answer` makes of its data.
    fn item(&mut self, item: Item, id: &str, answer: &ItemAnswer) {
        let answered_id = if self.scenario.recode_ids {
            id::recode(&self.scenario.mailbox, id, item)
        } else {
            id.to_owned()
        };
        let change_key = id::change_key(item.seed);
        self.text(self.writer.success(&answered_id, &change_key));
        if *answer == ItemAnswer::NoData {
            return self.text(self.writer.message_end());
        }
        self.text(self.writer.data_start());
        let end = self.writer.data_end() + &self.writer.message_end();
        let whole = base64_len(item.size);
        match answer {
            ItemAnswer::Marker { place, at } => {
                self.payload(item, item.size);
                match place {
                    MarkerPlace::InData => {
                        self.base64(at.of(whole));
                        self.text(MARKER.to_owned() + &end);
                    }
                    MarkerPlace::InsteadOfEndTags => {
                        self.base64(at.of(whole));
                        self.text(MARKER.to_owned());
                    }
                    MarkerPlace::BetweenMessages => {
                        // Four characters are three bytes: valid base64 without padding.
                        self.base64(at.of(whole) / 4 * 4);
                        self.text(end + MARKER);
                    }
                }
            }
            ItemAnswer::SilentCut { place, at } => {
                let bytes = cut(item, *place, at.of(item.size));
                self.payload(item, bytes);
                self.base64(base64_len(bytes));
                self.text(end);
            }
            ItemAnswer::HangUp { at } => {
                let at = at.of(whole);
                self.payload(item, item.size);
                self.base64(at);
                self.pieces.push(Piece::Cut);
                self.base64(whole - at);
                self.text(end);
            }
            ItemAnswer::Cdata => {
                self.text("<![CDATA[".to_owned());
                self.payload(item, item.size);
                self.base64(whole);
                self.text("]]>".to_owned() + &end);
            }
            ItemAnswer::Comment => {
                let half = whole / 8 * 4;
                self.payload(item, item.size);
                self.base64(half);
                self.text("<!-- half of it -->".to_owned());
                self.base64(whole - half);
                self.text(end);
            }
            ItemAnswer::Placeholder => self.text("AA==".to_owned() + &end),
            ItemAnswer::EmptyData => self.text(end),
            // A refusal is no item, and one without data has been written above.
            ItemAnswer::Whole | ItemAnswer::NoData | ItemAnswer::Error(_) => {
                self.payload(item, item.size);
                self.base64(whole);
                self.text(end);
            }
        }
    }

    fn payload(&mut self, item: Item, bytes: u64) {
        self.pieces.push(Piece::Payload { item, bytes });
    }

    fn base64(&mut self, chars: u64) {
        self.pieces.push(Piece::Base64(chars));
    }
}

/// How many bytes are left of a payload that is cut at `at` or behind it.
fn cut(item: Item, place: CutPlace, at: u64) -> u64 {
    let Ok(payload) = Payload::new(item.seed, item.size) else {
        return 0;
    };
    match (place, payload.record_end(at)) {
        (CutPlace::BetweenRecords, end) => end,
        // One byte fewer than a record is inside of it.
        (CutPlace::InRecord, end) if end == at => at.saturating_sub(1),
        (CutPlace::InRecord, _) => at,
    }
}

/// Whether base64 stands in lines.
pub(crate) fn in_lines(style: Style) -> bool {
    style == Style::Docs
}
