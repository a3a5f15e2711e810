//! A simulated server, clock and driver, which check what must hold in every run.

use std::collections::{BTreeMap, BTreeSet};

use exportitems::{
    Decoder, Discard, Event, Fault, ItemError, Options, Outcome, ResponseClass, ResponseCode,
    ResponseOutcome, Summary, Verdict,
};
use exportitems_engine::{
    Action, Confirmation, Decision, Engine, Failure, ItemState, Request, Settings, StopReason,
    Unanswered, Why, Window,
};

/// The answer of the simulated server for one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The item.
    Good,
    /// The item, but the answer cannot be proven to be the requested one.
    Suspect,
    /// An error with this code.
    Refused(ResponseCode),
    /// An error with this code, perhaps of another item.
    Misplaced(ResponseCode),
    /// Half of the item, and the truncation marker.
    Truncated,
    /// The connection breaks in this item.
    Cut,
}

/// The answer of the simulated server to one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Items(Vec<Item>),
    /// A fault with this code, and the wait that it asks for.
    Fault(ResponseCode, u32),
    /// An HTTP status, and `Retry-After` in seconds.
    Http(u16, Option<u32>),
    /// The connection is closed without a response.
    Closed,
    /// No connection can be made.
    Unreachable,
    /// The caller drops the request and does not say why.
    Forgotten,
}

impl Answer {
    pub(crate) fn good(items: usize) -> Self {
        Self::Items(vec![Item::Good; items])
    }

    /// Returns the wait that the answer asks for, in milliseconds.
    fn asks(&self) -> u64 {
        match *self {
            Self::Fault(_, back_off_ms) => back_off_ms.into(),
            Self::Http(_, Some(seconds)) => u64::from(seconds) * 1000,
            _ => 0,
        }
    }
}

/// A request that the server has received.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: u64,
    pub(crate) positions: Vec<usize>,
    /// The number of requests in flight, including this one.
    pub(crate) in_flight: usize,
}

/// The end of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` if every item was decided about.
    pub(crate) stopped: Option<StopReason>,
    /// The positions that were exported.
    pub(crate) exported: BTreeSet<usize>,
    /// The positions that were given up, with the last outcome.
    pub(crate) failed: BTreeMap<usize, Option<ItemError>>,
    /// The positions that are left without a decision.
    pub(crate) left: Vec<usize>,
    pub(crate) log: Vec<Asked>,
    pub(crate) now: u64,
    pub(crate) needed_patience_ms: Option<u64>,
}

/// A run against a simulated server.
pub(crate) struct Sim<S> {
    pub(crate) engine: Engine<usize>,
    server: S,
    pub(crate) now: u64,
    random: u32,
    /// Of a response with items, and of a fault.
    summaries: [Summary; 2],
    unanswered: Outcome,
    items: usize,
    in_flight: Vec<InFlight>,
    log: Vec<Asked>,
    exported: BTreeSet<usize>,
    failed: BTreeMap<usize, Option<ItemError>>,
    /// By position, the time from which an item may be requested. Items in flight and final ones have none.
    ready: Ready,
    /// No request may begin before this time, because the server has asked so.
    asked_until: u64,
    gave_up: bool,
    connections: usize,
    impatient: bool,
    /// The hours in which requests may be sent.
    window: Option<Window>,
}

/// By position, the time from which an item may be requested.
#[derive(Default)]
struct Ready {
    times: BTreeMap<usize, u64>,
    by_time: BTreeSet<(u64, usize)>,
}

impl Ready {
    fn new(items: usize) -> Self {
        let mut ready = Self::default();
        (0..items).for_each(|position| ready.insert(position, 0));
        ready
    }

    fn first_time(&self) -> Option<u64> {
        self.by_time.first().map(|&(time, _)| time)
    }

    fn insert(&mut self, position: usize, time: u64) {
        self.remove(position);
        self.times.insert(position, time);
        self.by_time.insert((time, position));
    }

    fn insert_new(&mut self, position: usize, time: u64) {
        if !self.times.contains_key(&position) {
            self.insert(position, time);
        }
    }

    /// The engine retries an item after a wait that it does not report.
    fn insert_unreported(&mut self, position: usize, time: u64) {
        self.remove(position);
        self.times.insert(position, time);
    }

    fn remove(&mut self, position: usize) -> Option<u64> {
        let time = self.times.remove(&position)?;
        self.by_time.remove(&(time, position));
        Some(time)
    }
}

struct InFlight {
    ends: u64,
    request: Request<usize>,
    answer: Answer,
}

impl<S: FnMut(&Asked, u32) -> (Answer, u64)> Sim<S> {
    /// Makes a run for so many items. The server returns the answer to a request, and how long it takes.
    pub(crate) fn new(items: usize, settings: Settings, server: S) -> Self {
        let mut engine = Engine::new(settings, 0);
        for position in 0..items {
            engine.add(position, None, ItemState::New, 0);
        }
        Self {
            engine,
            server,
            now: 0,
            random: 1,
            summaries: [
                "<ExportItemsResponse><ResponseMessages/></ExportItemsResponse>",
                "<Fault/>",
            ]
            .map(summary),
            unanswered: unanswered(),
            items,
            in_flight: Vec::new(),
            log: Vec::new(),
            exported: BTreeSet::new(),
            failed: BTreeMap::new(),
            ready: Ready::new(items),
            asked_until: 0,
            gave_up: false,
            connections: settings.limits.connections,
            impatient: settings.patience_ms == 0,
            window: None,
        }
    }

    /// Sends requests only in these hours. The run begins at midnight.
    pub(crate) fn window(mut self, window: &str) -> Self {
        self.window = Some(window.parse().unwrap());
        self
    }

    /// Returns how long the window is closed from now on, in milliseconds.
    fn closed_for(&self) -> u64 {
        let second_of_day = u32::try_from(self.now / 1000 % 86_400).unwrap();
        let seconds = self.window.map_or(0, |it| it.closed_for(second_of_day));
        u64::from(seconds) * 1000
    }

    /// Runs to the end, and checks at each step what must hold.
    pub(crate) fn run(mut self) -> Ended {
        for _ in 0..2_000_000 {
            if let closed @ 1.. = self.closed_for() {
                self.engine.hold(self.now + closed);
            }
            let is_ready = self.engine.is_ready(self.now);
            let action = self.engine.poll(self.now);
            assert_eq!(is_ready, matches!(action, Action::Ask(_)), "{action:?}");
            match action {
                Action::Ask(request) => self.ask(request),
                Action::Wait { until_ms, why } => self.wait(until_ms, why),
                Action::Stop(reason) if self.in_flight.is_empty() => return self.end(Some(reason)),
                Action::Stop(_) => self.finish_next(),
                Action::Done => {
                    assert!(self.in_flight.is_empty(), "done with requests in flight");
                    return self.end(None);
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("the run does not end");
    }

    fn end(self, stopped: Option<StopReason>) -> Ended {
        let left: Vec<_> = self
            .engine
            .remaining()
            .map(|(position, _)| position)
            .collect();
        // Every position is exported, given up or left for a reason, and only one of them.
        let mut all: Vec<_> = left.clone();
        all.extend(self.exported.iter().chain(self.failed.keys()));
        all.sort_unstable();
        assert_eq!(all, (0..self.items).collect::<Vec<_>>());
        assert!(left.is_empty() || stopped.is_some() || self.gave_up);
        Ended {
            stopped,
            exported: self.exported,
            failed: self.failed,
            left,
            log: self.log,
            now: self.now,
            needed_patience_ms: self.engine.needed_patience_ms(),
        }
    }

    fn ask(&mut self, mut request: Request<usize>) {
        assert!(
            self.now >= self.asked_until,
            "a request before the server allows one"
        );
        assert_eq!(self.closed_for(), 0, "a request while the window is closed");
        let positions: Vec<_> = request
            .items()
            .map(|(position, &value)| {
                assert_eq!(position, value, "the value of another item");
                position
            })
            .collect();
        for position in &positions {
            let ready = self.ready.remove(*position);
            assert!(
                ready.is_some_and(|ready| ready <= self.now),
                "item {position} is not ready"
            );
        }
        let asked = Asked {
            at: self.now,
            positions,
            in_flight: self.in_flight.len() + 1,
        };
        assert!(asked.in_flight <= self.engine.connections().min(self.connections));
        let random = self.random();
        let (answer, takes) = (self.server)(&asked, random);
        self.log.push(asked);
        if matches!(answer, Answer::Items(_)) {
            // The first bytes arrive at once, so other requests may begin.
            self.engine.receive(&mut request);
        }
        self.in_flight.push(InFlight {
            ends: self.now + takes,
            request,
            answer,
        });
    }

    fn wait(&mut self, until: Option<u64>, why: Why) {
        let has_place = self.in_flight.len() < self.engine.connections();
        let is_ready = self
            .ready
            .first_time()
            .is_some_and(|ready| ready <= self.now);
        let is_held = matches!(why, Why::Server | Why::Held);
        assert!(
            !has_place || !is_ready || is_held,
            "{why:?} with a free place and a ready item"
        );
        assert!(
            until.is_none_or(|until| until > self.now),
            "a wait that is over"
        );
        let ends = self.in_flight.iter().map(|request| request.ends).min();
        match (until, ends) {
            (Some(until), Some(ends)) if until < ends => self.now = until,
            (_, Some(_)) => self.finish_next(),
            (Some(until), None) => self.now = until,
            (None, None) => panic!("a wait for nothing: {why:?}"),
        }
    }

    /// Ends the request that ends first.
    fn finish_next(&mut self) {
        let numbered = self.in_flight.iter().enumerate();
        let (at, _) = numbered.min_by_key(|(_, request)| request.ends).unwrap();
        let InFlight {
            ends,
            request,
            answer,
        } = self.in_flight.remove(at);
        self.now = self.now.max(ends);
        self.answer(request, &answer);
    }

    fn answer(&mut self, mut request: Request<usize>, answer: &Answer) {
        let positions: Vec<_> = request.items().map(|(position, _)| position).collect();
        let random = self.random();
        match answer {
            Answer::Items(items) => self.items(&mut request, items),
            Answer::Fault(code, back_off_ms) => {
                let mut summary = self.summaries[1];
                let mut fault = summary.fault.unwrap();
                fault.code = Some(*code);
                fault.back_off_ms = Some(*back_off_ms);
                summary.fault = Some(fault);
                self.fault(&mut request, &fault, &summary);
            }
            Answer::Http(status, retry_after_s) => {
                let failure = Failure::Http {
                    status: *status,
                    retry_after_s: *retry_after_s,
                    location: None,
                };
                self.fail(&mut request, failure);
            }
            Answer::Closed => self.fail(&mut request, Failure::Lost),
            Answer::Unreachable => self.fail(&mut request, Failure::Unreachable),
            Answer::Forgotten => {}
        }
        let finished = self.engine.finish(request, self.now, random);
        self.gave_up |= finished.gave_up;
        // A wait for one item alone, or longer than the patience, does not hold up the others.
        let is_everyones = matches!(
            answer,
            Answer::Http(429 | 503, _)
                | Answer::Fault(
                    ResponseCode::ErrorServerBusy | ResponseCode::ErrorExceededConnectionCount,
                    _
                )
        );
        if !finished.stops && is_everyones && !self.impatient {
            self.asked_until = self.asked_until.max(self.now + answer.asks());
        }
        // What is not decided about may be requested at once.
        let final_ones = |position: &usize| {
            self.exported.contains(position) || self.failed.contains_key(position)
        };
        let undecided = positions.iter().filter(|position| !final_ones(position));
        for &position in undecided.collect::<Vec<_>>() {
            self.ready.insert_new(position, self.now);
        }
    }

    fn items(&mut self, request: &mut Request<usize>, items: &[Item]) {
        let mut summary = self.summaries[0];
        let cut = items.iter().position(|&item| item == Item::Cut);
        for (index, &item) in (0..).zip(items) {
            let outcome = outcome(self.unanswered, index, item);
            match item {
                _ if cut.is_some_and(|cut| index as usize > cut) => self.leave(request, index),
                Item::Good | Item::Suspect => {
                    request.commit(&outcome);
                }
                _ => {
                    let random = self.random();
                    let (_, decision) = self.engine.abort(request, &outcome, self.now, random);
                    self.note(decision, outcome.error);
                }
            }
        }
        if cut.is_some() {
            summary.response = ResponseOutcome::Cut;
        }
        let random = self.random();
        self.engine_end(request, &summary, random);
        for (index, item) in (0..).zip(items.iter().take(cut.unwrap_or(usize::MAX))) {
            let confirmation = match item {
                Item::Good | Item::Refused(_) => Confirmation::Confirmed,
                Item::Suspect | Item::Misplaced(_) => Confirmation::Doubtful,
                Item::Truncated | Item::Cut => continue,
            };
            let random = self.random();
            let decision = self
                .engine
                .confirm(request, index, confirmation, self.now, random);
            let error = match item {
                Item::Good => None,
                Item::Suspect => Some(ItemError::Contradiction),
                _ => Some(ItemError::Refused),
            };
            self.note(decision, error);
        }
    }

    fn fault(&mut self, request: &mut Request<usize>, fault: &Fault, summary: &Summary) {
        request.fault(fault);
        for index in 0..u32::try_from(request.len()).unwrap() {
            self.leave(request, index);
        }
        let random = self.random();
        self.engine_end(request, summary, random);
    }

    fn leave(&self, request: &mut Request<usize>, index: u32) {
        let mut outcome = self.unanswered;
        outcome.index = index;
        request.not_answered(&outcome);
    }

    fn engine_end(&mut self, request: &mut Request<usize>, summary: &Summary, random: u32) {
        let unanswered = self.engine.end(request, summary, self.now, random);
        self.note_unanswered(request, unanswered);
    }

    fn fail(&mut self, request: &mut Request<usize>, failure: Failure<'_>) {
        let random = self.random();
        let unanswered = self.engine.fail(request, failure, self.now, random);
        self.note_unanswered(request, unanswered);
    }

    fn note_unanswered(&mut self, request: &Request<usize>, unanswered: Option<Unanswered>) {
        match unanswered {
            Some(Unanswered { decision: None, .. }) => {
                let (position, _) = request.items().next().unwrap();
                self.ready.insert_unreported(position, self.now);
            }
            Some(Unanswered { decision, .. }) => self.note(decision, Some(ItemError::NotAnswered)),
            None => {}
        }
    }

    fn note(&mut self, decision: Option<Decision>, error: Option<ItemError>) {
        let Some(Decision { position, again_ms }) = decision else {
            return;
        };
        assert!(!self.exported.contains(&position) && !self.failed.contains_key(&position));
        match (again_ms, error) {
            (Some(wait), _) => self.ready.insert(position, self.now + wait),
            (None, None) => drop(self.exported.insert(position)),
            (None, error) => drop(self.failed.insert(position, error)),
        }
    }

    fn random(&mut self) -> u32 {
        // Numerical Recipes' linear congruential generator
        self.random = self
            .random
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.random
    }
}

/// Returns the outcome of an item without an answer. The fields of others are set by the simulation.
fn unanswered() -> Outcome {
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(1));
    loop {
        if let Some(Event::Outcome(outcome)) = decoder.finish().unwrap() {
            return outcome;
        }
    }
}

fn outcome(unanswered: Outcome, index: u32, item: Item) -> Outcome {
    let mut outcome = unanswered;
    outcome.index = index;
    outcome.class = Some(ResponseClass::Success);
    outcome.code = Some(ResponseCode::NoError);
    outcome.integrity = Some(Verdict::Whole);
    outcome.error = None;
    match item {
        Item::Good | Item::Suspect => {}
        Item::Truncated => outcome.error = Some(ItemError::Truncated),
        Item::Cut => outcome.error = Some(ItemError::Cut),
        Item::Refused(code) | Item::Misplaced(code) => {
            outcome.class = Some(ResponseClass::Error);
            outcome.code = Some(code);
            outcome.error = Some(ItemError::Refused);
        }
    }
    outcome
}

fn summary(body: &str) -> Summary {
    let document = format!("<Envelope><Body>{body}</Body></Envelope>");
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new());
    decoder
        .feed(&mut document.as_bytes(), &mut Discard)
        .unwrap();
    decoder.finish_into(&mut Discard).unwrap()
}
