//! Composes a response: applies the scenario's rules to the requested items.

use core::time::Duration;

use bytes::Bytes;

use crate::fault::{message_of, Detail};
use crate::id::{self, IdError, Item};
use crate::mailbox::{Found, Mailboxes, Missing};
use crate::pages;
use crate::payload::{Payload, Rng};
use crate::request::{ExportItems, RequestedId};
use crate::scenario::{
    AfterRoot, Answer, AnsweredId, CutPlace, ErrorAnswer, Inserted, ItemAnswer, ItemRule,
    ItemsAnswer, MarkerPlace, Order, RequestRule, ResponseClass, Scenario, Style,
};
use crate::style::{Writer, DOCS_INDENT, DOCS_LINE};
use crate::upload::Data;

/// The marker at the end of a truncated response
/// (<https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-export-items-by-using-ews-in-exchange>).
pub(crate) const MARKER: &str = "=== Truncated Data ===";

/// The codes after which a server does not process the rest of a batch
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
    /// From here on, base64 pieces encode the first `bytes` bytes of this payload.
    Payload {
        data: Data,
        bytes: u64,
    },
    /// This many characters of that base64.
    Base64(u64),
    /// A pause.
    Wait(Duration),
    /// The connection ends here. Later pieces count only towards the announced length.
    Cut,
}

/// Returns the number of base64 characters for this many bytes.
fn base64_len(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

/// Returns the number of characters of `pieces`. With `in_lines`, base64 is broken into lines as in [`Style::Docs`].
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

/// The number of times that each rule of a scenario has been used.
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

    /// Returns the rule for a request of an operation for this many items, if there is one.
    pub(crate) fn request<'s>(
        &mut self,
        scenario: &'s Scenario,
        operation: Option<&str>,
        items: usize,
    ) -> Option<&'s RequestRule> {
        for (rule, used) in scenario.requests.iter().zip(&mut self.requests) {
            let is_of_operation =
                rule.operation.is_none() || rule.operation.as_deref() == operation;
            let fits = is_of_operation && (rule.more_than == 0 || items > rule.more_than);
            if fits && *used < rule.times {
                *used += 1;
                return Some(rule);
            }
        }
        None
    }

    /// Returns the answer to the whole request if one of its items makes it fail.
    pub(crate) fn failure(&mut self, scenario: &Scenario, request: &ExportItems) -> Option<Answer> {
        for (index, asked) in request.ids.iter().enumerate() {
            if let Some((rule, used)) = self.rule(scenario, index, &asked.id) {
                if let ItemAnswer::FailsRequest(answer) = &rule.answer {
                    *used = used.saturating_add(1);
                    return Some((**answer).clone());
                }
            }
        }
        None
    }

    /// Returns the rule for an item, and the number of times that it has been used.
    fn rule<'s>(
        &mut self,
        scenario: &'s Scenario,
        index: usize,
        id: &str,
    ) -> Option<(&'s ItemRule, &mut u32)> {
        scenario
            .items
            .iter()
            .zip(&mut self.items)
            .find(|(rule, used)| {
                rule.index.is_none_or(|only| only == index)
                    && rule.id.as_ref().is_none_or(|only| only == id)
                    && rule.times.is_none_or(|times| **used < times)
            })
    }

    /// Applies the rule for an item.
    fn item(&mut self, scenario: &Scenario, index: usize, id: &str) -> ItemRule {
        match self.rule(scenario, index, id) {
            Some((rule, used)) => {
                *used = used.saturating_add(1);
                rule.clone()
            }
            None => ItemRule::default(),
        }
    }
}

/// The response message of an item.
#[derive(Clone, Debug)]
struct Message {
    pieces: Vec<Piece>,
    /// Whether the response ends inside this message.
    ends: bool,
}

/// Composes the body of the response to `request`.
pub(crate) fn response(
    scenario: &Scenario,
    mailboxes: &Mailboxes,
    uses: &mut Uses,
    request: &ExportItems,
    around: &ItemsAnswer,
) -> Vec<Piece> {
    let mut response = Response {
        scenario,
        mailboxes,
        answered_id: around.answered_id,
        writer: Writer::new(scenario, "ExportItems"),
        pieces: Vec::new(),
        others: 0,
    };
    let answered = request.ids.len().saturating_sub(around.omit);
    let messages = response.messages(uses, &request.ids[..answered]);
    let mut messages = arrange(messages, around);
    for insert in &around.insert {
        let before = insert.before.min(messages.len());
        messages.insert(before, response.inserted(insert.message));
    }
    for _ in 0..around.extra {
        messages.push(response.inserted(Inserted::OtherItem));
    }
    response.text(response.writer.open());
    for message in messages {
        response.pieces.extend(message.pieces);
        if message.ends {
            return response.pieces;
        }
    }
    response.text(response.writer.close());
    if around.marker_after_root {
        response.text(MARKER.to_owned());
    }
    match &around.after_root {
        None => {}
        Some(AfterRoot::HtmlPage) => response.text(pages::LOAD_BALANCER.to_owned()),
        Some(AfterRoot::Nuls) => response.text("\0".repeat(512)),
        Some(AfterRoot::CtrlZ) => response.text("\u{1a}".to_owned()),
        Some(AfterRoot::SecondResponse) => {
            let again = response.pieces.clone();
            response.pieces.extend(again);
        }
        Some(AfterRoot::Text(text)) => response.text(text.clone()),
    }
    response.pieces
}

/// Omits, repeats and moves messages.
fn arrange(messages: Vec<Message>, around: &ItemsAnswer) -> Vec<Message> {
    let mut arranged = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        if around.drop.contains(&index) {
            continue;
        }
        if around.repeat.contains(&index) {
            arranged.push(message.clone());
        }
        arranged.push(message);
    }
    match around.order {
        Order::AsAsked => {}
        Order::Reversed => arranged.reverse(),
        Order::Rotated if arranged.is_empty() => {}
        Order::Rotated => arranged.rotate_left(1),
        Order::Shuffled(seed) => {
            // Fisher-Yates shuffle, from the end.
            let mut rng = Rng::new(seed, 3);
            for last in (1..arranged.len()).rev() {
                let other = rng.below(last as u64 + 1);
                arranged.swap(last, usize::try_from(other).unwrap_or_default());
            }
        }
    }
    arranged
}

fn ends_the_response(answer: &ItemAnswer) -> bool {
    let place = MarkerPlace::InsteadOfEndTags;
    matches!(answer, ItemAnswer::Marker { place: p, .. } if *p == place)
}

struct Response<'s> {
    scenario: &'s Scenario,
    mailboxes: &'s Mailboxes,
    answered_id: Option<AnsweredId>,
    writer: Writer,
    pieces: Vec<Piece>,
    /// The number of invented items so far.
    others: u64,
}

impl Response<'_> {
    fn text(&mut self, text: String) {
        self.pieces.push(Piece::Text(text.into()));
    }

    /// Composes the messages of the requested items, in order.
    fn messages(&mut self, uses: &mut Uses, ids: &[RequestedId]) -> Vec<Message> {
        let mut messages = Vec::with_capacity(ids.len());
        let mut stopped = false;
        for (index, asked) in ids.iter().enumerate() {
            let mut ends = false;
            if stopped {
                self.refuse(&ErrorAnswer {
                    class: ResponseClass::Warning,
                    ..ErrorAnswer::of("ErrorBatchProcessingStopped")
                });
            } else {
                let rule = uses.item(self.scenario, index, &asked.id);
                let delay = Duration::from_millis(rule.delay_ms);
                if !delay.is_zero() {
                    self.pieces.push(Piece::Wait(delay));
                }
                match (&rule.answer, self.find(asked)) {
                    (ItemAnswer::Error(error), _) => {
                        self.refuse(error);
                        stopped = STOPS_THE_BATCH.contains(&error.code.as_str());
                    }
                    (_, Err(error)) => self.refuse(&error),
                    (_, Ok(found)) => {
                        self.item(&found, &asked.id, &rule);
                        ends = ends_the_response(&rule.answer);
                    }
                }
            }
            messages.push(self.message(ends));
        }
        messages
    }

    /// Returns the pieces written since the last message.
    fn message(&mut self, ends: bool) -> Message {
        Message {
            pieces: core::mem::take(&mut self.pieces),
            ends,
        }
    }

    /// Composes a message that was not requested. Its item is not one of those whose ids the command prints.
    fn inserted(&mut self, what: Inserted) -> Message {
        let item = Item {
            seed: (1 << 48) - 1 - self.others,
            size: 1_000,
        };
        self.others += 1;
        let id = id::item_id(&self.scenario.mailbox, item.seed, item.size);
        let found = Found {
            guid: self.scenario.mailbox.clone(),
            identity: item,
            content: Data::Generated(item),
            change_key: id::change_key(item.seed),
        };
        match what {
            Inserted::OtherItem => self.item(&found, &id, &ItemRule::default()),
            Inserted::Refusal => self.refuse(&ErrorAnswer::of("ErrorItemNotFound")),
            Inserted::UploadItems => {
                self.text(self.writer.upload(&id, &found.change_key));
            }
        }
        self.message(false)
    }

    /// Returns the requested item, or the reason why it does not exist.
    fn find(&self, asked: &RequestedId) -> Result<Found, ErrorAnswer> {
        let found = self.mailboxes.find(&asked.id);
        let found = found.map_err(|missing| match missing {
            Missing::Refused(code) => ErrorAnswer::of(&code),
            Missing::Id(IdError::Empty) => ErrorAnswer::of("ErrorInvalidIdEmpty"),
            Missing::Id(IdError::Malformed) => ErrorAnswer::of("ErrorInvalidIdMalformed"),
            Missing::Id(IdError::NotFound) => ErrorAnswer::of("ErrorItemNotFound"),
            Missing::Id(IdError::ForeignMailbox(guid)) => ErrorAnswer {
                mailbox_guid: Some(guid),
                ..ErrorAnswer::of("ErrorNonExistentMailbox")
            },
        })?;
        // MS-OXWSBTRF R184: a ChangeKey that is present must be valid, so an empty one is not.
        match &asked.change_key {
            Some(key) if *key != found.change_key => Err(ErrorAnswer::of("ErrorInvalidChangeKey")),
            _ => match &found.content {
                Data::Generated(item) if Payload::new(item.seed, item.size).is_err() => {
                    Err(ErrorAnswer::of("ErrorItemNotFound"))
                }
                _ => Ok(found),
            },
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

    /// Returns the answered form of an item's id.
    fn answered_id(&self, found: &Found, id: &str, rule: &ItemRule) -> Option<String> {
        let by_default = match self.scenario.recode_ids {
            true => AnsweredId::Recoded,
            false => AnsweredId::AsAsked,
        };
        let spelling = rule.answered_id.or(self.answered_id);
        match spelling.unwrap_or(by_default) {
            AnsweredId::AsAsked => Some(id.to_owned()),
            AnsweredId::Recoded => Some(id::recode(&found.guid, id, found.identity)),
            AnsweredId::Unknown => Some(id::disguise(&found.guid, found.identity)),
            AnsweredId::Omitted => None,
        }
    }

    /// Composes a message of class Success. `rule` may change its data.
    fn item(&mut self, found: &Found, id: &str, rule: &ItemRule) {
        let answer = &rule.answer;
        let answered_id = self.answered_id(found, id, rule);
        let (data, change_key) = (&found.content, &found.change_key);
        if *answer == ItemAnswer::UploadItems {
            let id = answered_id.as_deref().unwrap_or(id);
            return self.text(self.writer.upload(id, change_key));
        }
        self.text(self.writer.success(answered_id.as_deref(), change_key));
        if *answer == ItemAnswer::NoData {
            return self.text(self.writer.message_end());
        }
        self.text(self.writer.data_start());
        let end = self.writer.data_end() + &self.writer.message_end();
        let whole = base64_len(data.size());
        match answer {
            ItemAnswer::Marker { place, at } => {
                self.payload(data, data.size());
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
                let bytes = cut(data, *place, at.of(data.size()));
                self.payload(data, bytes);
                self.base64(base64_len(bytes));
                self.text(end);
            }
            ItemAnswer::HangUp { at } => {
                let at = at.of(whole);
                self.payload(data, data.size());
                self.base64(at);
                self.pieces.push(Piece::Cut);
                self.base64(whole - at);
                self.text(end);
            }
            ItemAnswer::Cdata => {
                self.text("<![CDATA[".to_owned());
                self.payload(data, data.size());
                self.base64(whole);
                self.text("]]>".to_owned() + &end);
            }
            ItemAnswer::Comment => {
                let half = whole / 8 * 4;
                self.payload(data, data.size());
                self.base64(half);
                self.text("<!-- half of it -->".to_owned());
                self.base64(whole - half);
                self.text(end);
            }
            ItemAnswer::Placeholder => self.text("AA==".to_owned() + &end),
            ItemAnswer::EmptyData => self.text(end),
            // A refusal has no item, a failed request has no response, and the other cases are written above.
            ItemAnswer::Whole
            | ItemAnswer::NoData
            | ItemAnswer::UploadItems
            | ItemAnswer::FailsRequest(_)
            | ItemAnswer::Error(_) => {
                self.payload(data, data.size());
                self.base64(whole);
                self.text(end);
            }
        }
    }

    fn payload(&mut self, data: &Data, bytes: u64) {
        self.pieces.push(Piece::Payload {
            data: data.clone(),
            bytes,
        });
    }

    fn base64(&mut self, chars: u64) {
        self.pieces.push(Piece::Base64(chars));
    }
}

/// Returns the length of a payload that is cut at `at` or later.
fn cut(data: &Data, place: CutPlace, at: u64) -> u64 {
    let payload = match data {
        Data::Generated(item) => Payload::new(item.seed, item.size).ok(),
        // The records of an uploaded payload are not known.
        Data::Uploaded(_) => return at,
    };
    let Some(payload) = payload else {
        return 0;
    };
    match (place, payload.record_end(at)) {
        (CutPlace::BetweenRecords, end) => end,
        // One byte less than the end of a record is inside the record.
        (CutPlace::InRecord, end) if end == at => at.saturating_sub(1),
        (CutPlace::InRecord, _) => at,
    }
}

/// Returns whether base64 is written in lines.
pub(crate) fn in_lines(style: Style) -> bool {
    style == Style::Docs
}
