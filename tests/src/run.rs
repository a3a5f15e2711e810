//! Runs of the decoder, and their events in a form that does not depend on pieces.

use exportitems::{
    Attribute, Decoder, Error, ErrorKind, Event, Fault, IdMatch, IntegrityPolicy, Options, Outcome,
    ResponseClass, ResponseCode, ResponseOutcome, Summary, Verdict,
};

/// How the decoder is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How many items were requested, if the decoder knows.
    pub items: Option<u32>,
    /// What becomes of payloads that are not whole.
    pub integrity: IntegrityPolicy,
    /// Most bytes of an item.
    pub max_item_bytes: u64,
    /// Most bytes of all items.
    pub max_total_bytes: u64,
    /// Size of the scratch in bytes.
    pub scratch: usize,
    /// Whether ids are compared, by [`compare_id`].
    pub compare_ids: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            items: None,
            integrity: IntegrityPolicy::Accept,
            max_item_bytes: u64::MAX,
            max_total_bytes: u64::MAX,
            scratch: 512,
            compare_ids: false,
        }
    }
}

impl Setup {
    /// For the decoder.
    #[must_use]
    pub fn options(self) -> Options {
        let options = Options::new()
            .integrity(self.integrity)
            .max_item_bytes(self.max_item_bytes)
            .max_total_bytes(self.max_total_bytes);
        match self.items {
            Some(items) => options.items(items),
            None => options,
        }
    }
}

/// How the id at this position compares with an imagined request: any function of both serves.
#[must_use]
pub fn compare_id(index: u32, id: Option<&str>) -> IdMatch {
    let sum = |id: &str| id.bytes().fold(index, |sum, byte| sum + u32::from(byte));
    match id.map(|id| sum(id) % 4) {
        Some(0 | 1) => IdMatch::Same,
        Some(2) => IdMatch::Other,
        _ => IdMatch::Unknown,
    }
}

/// An event without borrows, adjacent pieces joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// [`Event::ServerVersion`]: its numbers and its text.
    ServerVersion([Option<u32>; 4], Value),
    /// [`Event::MessageStart`]
    MessageStart(u32, Option<ResponseClass>),
    /// [`Event::MessageText`]
    MessageText(String),
    /// [`Event::ResponseCode`]
    ResponseCode(ResponseCode, String),
    /// [`Event::DescriptiveLinkKey`]
    DescriptiveLinkKey(i32),
    /// [`Event::MessageXml`]: name, text, and whether the last piece came.
    MessageXml(String, String, bool),
    /// [`Event::ItemId`]: `Id` and `ChangeKey`.
    ItemId(Value, Value),
    /// [`Event::Data`]
    Data(Vec<u8>),
    /// [`Event::Outcome`]
    Outcome(Outcome),
    /// [`Event::FaultCode`]
    FaultCode(String),
    /// [`Event::FaultString`]
    FaultString(String),
    /// [`Event::Fault`]
    Fault(Fault),
    /// [`Event::End`]
    End(Summary),
}

/// An [`Attribute`] without borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It is not there.
    Absent,
    /// Its text.
    Text(String),
    /// It did not fit; its length.
    Omitted(u64),
}

impl From<Attribute<'_>> for Value {
    fn from(attribute: Attribute<'_>) -> Self {
        match attribute {
            Attribute::Absent => Self::Absent,
            Attribute::Value(text) => Self::Text(text.to_owned()),
            Attribute::Omitted { len } => Self::Omitted(len),
        }
    }
}

/// Everything that came of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The events.
    pub reported: Vec<Reported>,
    /// The error, if there was one.
    pub error: Option<Error>,
}

impl Run {
    /// Appends an event, or joins it to the last.
    ///
    /// # Panics
    /// For an event that this crate does not know.
    pub fn note(&mut self, event: &Event<'_>) {
        match (event, self.reported.last_mut()) {
            (Event::Data(piece), Some(Reported::Data(data))) => data.extend_from_slice(piece),
            (Event::MessageText(piece), Some(Reported::MessageText(text)))
            | (Event::FaultString(piece), Some(Reported::FaultString(text))) => *text += piece,
            (
                Event::MessageXml {
                    name,
                    text: piece,
                    last,
                },
                Some(Reported::MessageXml(of, text, whole @ false)),
            ) => {
                assert_eq!(name, of, "a value changed its name");
                *text += piece;
                *whole = *last;
            }
            _ => self.reported.push(reported(event)),
        }
    }

    /// [`note`](Self::note), and the answer to the decoder about ids.
    pub fn note_and_compare(&mut self, event: &Event<'_>, setup: Setup) -> Option<IdMatch> {
        self.note(event);
        match event {
            Event::ItemId(ids) if setup.compare_ids => {
                Some(compare_id(self.messages() - 1, ids.id.value()))
            }
            _ => None,
        }
    }

    /// The outcomes, in order.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.reported.iter().filter_map(|reported| match reported {
            Reported::Outcome(outcome) => Some(outcome),
            _ => None,
        })
    }

    /// How many messages have begun.
    #[must_use]
    pub fn messages(&self) -> u32 {
        let starts = self
            .reported
            .iter()
            .map(|reported| matches!(reported, Reported::MessageStart(..)));
        starts.map(u32::from).sum()
    }

    /// The summary.
    ///
    /// # Panics
    /// If there was none.
    #[must_use]
    pub fn summary(&self) -> Summary {
        match self.reported.last() {
            Some(Reported::End(summary)) => *summary,
            last => panic!("the last event is no end: {last:?}"),
        }
    }

    /// The data of each message, committed or not.
    #[must_use]
    pub fn data(&self) -> Vec<Vec<u8>> {
        let mut items = Vec::new();
        for reported in &self.reported {
            match reported {
                Reported::MessageStart(..) => items.push(Vec::new()),
                Reported::Data(bytes) => items
                    .last_mut()
                    .expect("data belongs to a message")
                    .extend_from_slice(bytes),
                _ => {}
            }
        }
        items
    }

    /// The items that were committed: index and payload.
    #[must_use]
    pub fn committed(&self) -> Vec<(u32, Vec<u8>)> {
        let data = self.data();
        self.outcomes()
            .filter(|outcome| outcome.error.is_none())
            .map(|outcome| (outcome.index, data[outcome.index as usize].clone()))
            .collect()
    }

    /// What does not depend on the size of the scratch: outcomes, data, summary, error.
    #[must_use]
    pub fn essence(&self) -> (Vec<Outcome>, Vec<Vec<u8>>, Summary, Option<Error>) {
        (
            self.outcomes().copied().collect(),
            self.data(),
            self.summary(),
            self.error,
        )
    }
}

fn reported(event: &Event<'_>) -> Reported {
    match *event {
        Event::ServerVersion(version) => Reported::ServerVersion(
            [
                version.major,
                version.minor,
                version.major_build,
                version.minor_build,
            ],
            version.version.into(),
        ),
        Event::MessageStart { index, class } => Reported::MessageStart(index, class),
        Event::MessageText(text) => Reported::MessageText(text.to_owned()),
        Event::ResponseCode { code, text } => Reported::ResponseCode(code, text.to_owned()),
        Event::DescriptiveLinkKey(key) => Reported::DescriptiveLinkKey(key),
        Event::MessageXml { name, text, last } => {
            Reported::MessageXml(name.to_owned(), text.to_owned(), last)
        }
        Event::ItemId(ids) => Reported::ItemId(ids.id.into(), ids.change_key.into()),
        Event::Data(bytes) => Reported::Data(bytes.to_vec()),
        Event::Outcome(outcome) => Reported::Outcome(outcome),
        Event::FaultCode(code) => Reported::FaultCode(code.to_owned()),
        Event::FaultString(text) => Reported::FaultString(text.to_owned()),
        Event::Fault(fault) => Reported::Fault(fault),
        Event::End(summary) => Reported::End(summary),
        _ => panic!("an event that the testkit does not know: {event:?}"),
    }
}

/// Pulls a response through a decoder.
///
/// # Panics
/// When the decoder breaks a promise of its documentation: input left over, an error that does not
/// stay, an empty piece of data, events out of order, figures that do not add up.
#[must_use]
pub fn pull(pieces: &[&[u8]], setup: Setup) -> Run {
    let mut scratch = vec![0xA5; setup.scratch];
    let mut decoder =
        Decoder::with_scratch(setup.options(), &mut scratch[..]).expect("scratch enough");
    let mut run = Run::default();
    let mut fed = 0;
    'pieces: for &piece in pieces {
        let mut input = piece;
        loop {
            match decoder.next_event(&mut input) {
                Ok(Some(event)) => {
                    assert_ne!(event, Event::Data(&[]), "empty data");
                    if let Some(answer) = run.note_and_compare(&event, setup) {
                        decoder.compare_id(answer);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    run.error = Some(error);
                    break 'pieces;
                }
            }
        }
        assert!(input.is_empty(), "input left over: {} bytes", input.len());
        fed += piece.len() as u64;
        assert_eq!(decoder.offset(), fed, "the offset is what was fed");
    }
    while run.error.is_none() {
        match decoder.finish() {
            Ok(Some(event)) => run.note(&event),
            Ok(None) => break,
            Err(error) => run.error = Some(error),
        }
    }
    let mut more: &[u8] = b"<more/>";
    match run.error {
        Some(error) => {
            assert_eq!(decoder.finish(), Err(error), "an error stays");
            assert_eq!(
                decoder.next_event(&mut more),
                Err(error),
                "an error is returned again for any input"
            );
        }
        None => {
            assert_eq!(decoder.finish(), Ok(None), "nothing follows the end");
            let finished = decoder.next_event(&mut more).map_err(|error| error.kind);
            assert_eq!(finished, Err(ErrorKind::Finished));
            let finished = decoder.finish().map_err(|error| error.kind);
            assert_eq!(finished, Err(ErrorKind::Finished), "an error stays");
        }
    }
    check(&run, setup);
    run
}

/// The order of events and the sums of the summary.
fn check(run: &Run, setup: Setup) {
    let mut messages = 0;
    let mut open = None;
    let mut outcomes = 0;
    let (mut ok, mut failed) = (0, 0);
    let mut bytes = 0;
    for (at, reported) in run.reported.iter().enumerate() {
        let told_at = || format!("event {at} of {:#?}", run.reported);
        match reported {
            Reported::MessageStart(index, class) => {
                assert_eq!(open, None, "message in message, {}", told_at());
                assert_eq!((*index, outcomes), (messages, messages), "{}", told_at());
                open = Some(*class);
                bytes = 0;
                messages += 1;
            }
            Reported::Data(data) => {
                assert!(open.is_some(), "data of no message, {}", told_at());
                bytes += data.len() as u64;
            }
            Reported::ItemId(..) | Reported::DescriptiveLinkKey(_) => {
                assert!(open.is_some(), "{}", told_at());
            }
            Reported::Outcome(outcome) => {
                assert_eq!(outcome.index, outcomes, "{}", told_at());
                outcomes += 1;
                let was_open = open.take();
                assert_eq!(
                    was_open.is_some(),
                    outcome.index < messages,
                    "{}",
                    told_at()
                );
                if outcome.error.is_some() {
                    failed += 1;
                } else {
                    ok += 1;
                    assert_eq!(
                        was_open,
                        Some(Some(ResponseClass::Success)),
                        "{}",
                        told_at()
                    );
                    assert!(
                        matches!(outcome.code, None | Some(ResponseCode::NoError)),
                        "{}",
                        told_at()
                    );
                    assert!(bytes > 0, "{}", told_at());
                    let broken = matches!(outcome.integrity, Some(Verdict::Broken { .. }));
                    let lenient = matches!(
                        setup.integrity,
                        IntegrityPolicy::Report | IntegrityPolicy::Off
                    );
                    assert!(!broken || lenient, "{}", told_at());
                }
                assert_eq!(outcome.bytes, bytes, "{}", told_at());
                bytes = 0;
            }
            Reported::End(summary) => {
                assert_eq!(at + 1, run.reported.len(), "{}", told_at());
                assert_eq!(open, None, "{}", told_at());
                assert_eq!((summary.ok, summary.failed), (ok, failed));
                assert_eq!(summary.items, ok + failed);
                assert_eq!(summary.messages, messages);
                assert_eq!(summary.expected, setup.items);
                let committed = run.outcomes().filter(|outcome| outcome.error.is_none());
                let suspects = committed.filter(|outcome| !summary.confirms(outcome));
                assert_eq!(summary.suspect as usize, suspects.count(), "{summary:?}");
                assert_eq!(summary.error, run.error);
                let whole = matches!(
                    summary.response,
                    ResponseOutcome::Complete | ResponseOutcome::Fault
                );
                assert_eq!(whole, run.error.is_none(), "{summary:?}");
            }
            _ => {}
        }
    }
    let _ = run.summary();
    let asked = setup.items.unwrap_or(0);
    assert_eq!(outcomes, messages.max(asked), "an outcome for each item");
}
