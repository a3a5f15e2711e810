//! A server that does to responses and connections, at random, what servers and proxies were seen to do.
//!
//! Two properties hold in all cases:
//! - no file holds another id's bytes while its entry in the manifest says `ok` and not `suspect`;
//! - every item that the server delivers when it is asked for alone is delivered in the end.
//!
//! A few seconds of it run with the other tests. For more, or for one case again:
//! ```sh
//! EXPORTITEMS_ADVERSARY_CASES=2000 cargo test --release -p exportitems-std --test adversary
//! EXPORTITEMS_ADVERSARY_SEED=17 EXPORTITEMS_ADVERSARY_CASES=1 cargo test -p exportitems-std --test adversary
//! ```
//!
//! What no client can see is left out, and nothing else: a message in the place of another one, without an id
//! or with one that cannot be traced to the request, where neither the number of messages nor the id of any
//! other message shows it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use exportitems::policy::{Limits, Policy, Schedule};
use exportitems::{ItemId, RequestHeaders};
use exportitems_emulator::{
    item_id, payload, AfterRoot, Answer, AnsweredId, Coding, CutPlace, Echo, Emulator, ErrorAnswer,
    FaultAnswer, Framing, HttpAnswer, Insert, Inserted, ItemAnswer, ItemRule, ItemsAnswer,
    MarkerPlace, Order, Page, Position, Push, RequestRule, ResponseClass, Scenario, Style,
    DEFAULT_MAILBOX,
};
use exportitems_std::{Archive, Client, Exporter};

/// Waits of a millisecond or two, so that no test sleeps.
const QUICK: Policy = {
    let schedule = Schedule {
        first_ms: 1,
        max_ms: 2,
        attempts: 6,
    };
    Policy {
        throttled: schedule,
        transient: schedule,
        truncated: schedule,
        give_up_after_ms: 60_000,
    }
};

/// How often the exporter is run until everything must be there, where requests for one item are disturbed too;
/// otherwise once is enough.
const RUNS: usize = 4;
/// So long without progress is for good.
const PATIENCE: Duration = Duration::from_secs(20);
/// Disturbed requests; after them everything is as usual.
const DISTURBED: usize = 400;

#[test]
fn no_file_holds_the_bytes_of_another_id_and_everything_arrives() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let first: u64 = number("EXPORTITEMS_ADVERSARY_SEED").unwrap_or(0);
    let cases = number("EXPORTITEMS_ADVERSARY_CASES").unwrap_or(24);
    for seed in first..first + cases {
        Case::new(seed).run();
    }
}

/// One server, one archive, and what must come of them.
struct Case {
    seed: u64,
    rng: Rng,
    /// By position: seed and size of the item.
    items: Vec<(u64, u64)>,
    ids: Vec<String>,
    /// Items that the server does not deliver, not even alone.
    withheld: HashSet<String>,
    /// Whether requests for one item are disturbed too.
    disturbs_single_items: bool,
    /// What is done to whole responses.
    manner: Manner,
}

/// What a server does to whole responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It ends them early, by a marker or a cut. Their number of messages says nothing, so all ids are
    /// traceable, and no item is among them that was not requested.
    EndsEarly,
    /// It sends too many messages or too few.
    Miscounts,
    /// It puts an item that was not requested in the place of one that was, but not of all.
    SwapsItems,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let count = 1 + rng.below(30);
        let items: Vec<_> = (0..count)
            .map(|number| {
                let size = match rng.below(8) {
                    0 => 20_000 + rng.below(40_000),
                    1 => 300_000,
                    _ => 256 + rng.below(3_000),
                };
                (number, size)
            })
            .collect();
        let manner = rng.pick([
            Manner::EndsEarly,
            Manner::EndsEarly,
            Manner::Miscounts,
            Manner::Miscounts,
            Manner::SwapsItems,
        ]);
        let ids = items
            .iter()
            .map(|&(seed, size)| item_id(DEFAULT_MAILBOX, seed, size))
            .collect();
        Self {
            seed,
            disturbs_single_items: manner != Manner::SwapsItems && rng.one_in(4),
            manner,
            rng,
            items,
            ids,
            withheld: HashSet::new(),
        }
    }

    fn run(mut self) {
        let scenario = self.scenario();
        let limit = 1 + self.rng.below(12);
        let tls = scenario.tls;
        let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let items: Vec<_> = self.ids.iter().map(|id| ItemId::new(id)).collect();
        let limits = Limits {
            items: usize::try_from(limit).unwrap(),
            connections: 1 + usize::try_from(self.seed % 4).unwrap(),
            ..Limits::default()
        };
        let keys = tempfile::tempdir().unwrap();
        let ca = keys.path().join("ca.pem");
        fs::write(&ca, emulator.ca_pem().unwrap_or_default()).unwrap();
        let mut missing = HashSet::new();
        let runs = if self.disturbs_single_items { RUNS } else { 1 };
        for _ in 0..runs {
            let mut builder = Client::builder(&emulator.url());
            if tls {
                builder = builder.ca_file(&ca);
            }
            let mut client = builder.build().unwrap();
            let archive = Archive::open(dir.path()).unwrap();
            let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
                .policy(QUICK)
                .patience(PATIENCE)
                .limits(limits)
                .run(&items, &mut |_| {})
                .unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
            missing = report
                .missing
                .iter()
                .map(|&position| self.ids[position].clone())
                .collect();
            drop(archive);
            self.check(dir.path(), &missing);
            if missing == self.withheld {
                return;
            }
        }
        let lost: Vec<_> = missing.difference(&self.withheld).collect();
        let lost: Vec<_> = lost.iter().map(|id| self.position(id)).collect();
        panic!(
            "seed {}: {lost:?} of {} never arrived; the manifest:\n{}",
            self.seed,
            self.ids.len(),
            fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap()
        );
    }

    fn position(&self, id: &str) -> usize {
        self.ids.iter().position(|known| known == id).unwrap()
    }

    /// What the manifest calls done is what the server has under that id; the rest is what is reported
    /// missing.
    fn check(&self, dir: &Path, missing: &HashSet<String>) {
        let manifest = fs::read_to_string(dir.join("manifest.jsonl")).unwrap();
        let mut last = HashMap::new();
        for line in manifest.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(id) = entry["id"].as_str() {
                last.insert(id.to_owned(), entry);
            }
        }
        for (id, &(seed, size)) in self.ids.iter().zip(&self.items) {
            let entry = &last.get(id).cloned().unwrap_or_default();
            let done = entry["status"] == "ok" && entry["suspect"] != true;
            assert_eq!(
                done,
                !missing.contains(id),
                "seed {}: item {seed} is reported and recorded differently: {entry}",
                self.seed
            );
            if done {
                let file = dir.join(entry["file"].as_str().unwrap());
                assert!(
                    fs::read(file).unwrap() == payload(seed, size).unwrap(),
                    "seed {}: item {seed} has other bytes: {entry}",
                    self.seed
                );
            }
        }
    }

    fn scenario(&mut self) -> Scenario {
        let mut requests = Vec::new();
        for _ in 0..DISTURBED {
            // For requests of several items, and then for all.
            let mut rule = self.request();
            rule.more_than = usize::from(!self.disturbs_single_items);
            requests.push(rule);
            if self.rng.one_in(3) {
                requests.push(self.connection());
            }
        }
        let mut items = Vec::new();
        for id in self.ids.clone() {
            if self.rng.one_in(6) {
                let answer = self.item();
                let times = match answer {
                    // For good.
                    ItemAnswer::Error(_) | ItemAnswer::FailsRequest(_) => {
                        self.withheld.insert(id.clone());
                        None
                    }
                    _ => Some(1 + u32::try_from(self.rng.below(2)).unwrap()),
                };
                items.push(ItemRule {
                    id: Some(id),
                    times,
                    answer,
                    ..ItemRule::default()
                });
            }
        }
        let rng = &mut self.rng;
        Scenario {
            style: rng.pick([
                Style::Exchange2010,
                Style::Exchange2016,
                Style::Online,
                Style::Docs,
            ]),
            framing: rng.pick([Framing::Chunked, Framing::ContentLength]),
            recode_ids: rng.one_in(2),
            tls: rng.one_in(6),
            requests,
            items,
            ..Scenario::default()
        }
    }

    /// What happens to one response.
    fn request(&mut self) -> RequestRule {
        let answer = match self.rng.below(8) {
            0 => self.failure(),
            1 => Answer::Normal,
            2 | 3 if self.manner == Manner::Miscounts => Answer::Items(self.untraceable()),
            _ if self.manner == Manner::SwapsItems => Answer::Items(self.swapped()),
            _ => Answer::Items(self.traceable()),
        };
        let mut rule = RequestRule {
            answer,
            client_request_id: match self.rng.below(12) {
                0 => Echo::Wrong,
                1 => Echo::Never,
                2 => Echo::Always,
                _ => Echo::AsAsked,
            },
            ..self.connection()
        };
        if rule.client_request_id == Echo::Never {
            // A response that crosses the next request and does not say whose it is passes for its answer.
            rule.push_after_ms = 0;
        }
        rule
    }

    /// What happens on a connection after a good response, and to what no item depends on.
    fn connection(&mut self) -> RequestRule {
        let rng = &mut self.rng;
        RequestRule {
            operation: None,
            times: 1,
            more_than: 0,
            answer: Answer::Items(ItemsAnswer {
                after_root: rng.one_in(3).then(|| {
                    rng.pick([
                        AfterRoot::HtmlPage,
                        AfterRoot::Nuls,
                        AfterRoot::CtrlZ,
                        AfterRoot::SecondResponse,
                    ])
                }),
                content_type: rng.one_in(4).then(|| {
                    let kinds = ["text/plain", "application/octet-stream", "text/html", ""];
                    rng.pick(kinds).to_owned()
                }),
                coding: rng.one_in(8).then_some(Coding::Identity),
                ..ItemsAnswer::default()
            }),
            push: rng.one_in(3).then(|| {
                rng.pick([
                    Push::SecondResponse,
                    Push::Late408,
                    Push::Text("\r\n".to_owned()),
                    Push::Text("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()),
                    Push::Text("stray".to_owned()),
                ])
            }),
            push_after_ms: rng.pick([0, 0, 0, 1, 3]),
            close: rng.one_in(5),
            client_request_id: Echo::AsAsked,
        }
    }

    /// A response whose ids identify its payloads, even if its messages are permuted.
    fn traceable(&mut self) -> ItemsAnswer {
        let rng = &mut self.rng;
        let mut answer = ItemsAnswer {
            answered_id: Some(rng.pick([AnsweredId::AsAsked, AnsweredId::Recoded])),
            repeat: rng.positions(3),
            order: rng.order(),
            ..ItemsAnswer::default()
        };
        if self.manner == Manner::EndsEarly {
            answer.marker_after_root = rng.one_in(6);
            answer.cut_after = rng.one_in(4).then(|| rng.below(20_000));
        } else if rng.one_in(2) {
            // An item that takes another's place is found out by the count alone.
            answer.insert = rng.inserts(&[Inserted::OtherItem, Inserted::Refusal]);
            return answer;
        }
        answer.drop = rng.positions(3);
        // A refusal has no id: one in the place of another message is that item's.
        answer.insert = rng.inserts(&[Inserted::UploadItems]);
        answer
    }

    /// A response with the right number of messages, one of them of an item that was not requested.
    fn swapped(&mut self) -> ItemsAnswer {
        let rng = &mut self.rng;
        let [drop, before] = [2, 8].map(|below| usize::try_from(rng.below(below)).unwrap());
        ItemsAnswer {
            answered_id: Some(rng.pick([AnsweredId::AsAsked, AnsweredId::Recoded])),
            order: rng.order(),
            drop: vec![drop],
            insert: vec![Insert {
                before,
                message: Inserted::OtherItem,
            }],
            ..ItemsAnswer::default()
        }
    }

    /// A response whose ids say nothing, so that only the number of messages shows what was done.
    fn untraceable(&mut self) -> ItemsAnswer {
        let rng = &mut self.rng;
        let mut answer = ItemsAnswer {
            answered_id: Some(rng.pick([AnsweredId::Unknown, AnsweredId::Omitted])),
            order: rng.order(),
            ..ItemsAnswer::default()
        };
        let place = usize::try_from(rng.below(2)).unwrap();
        match rng.below(4) {
            0 => answer.drop = vec![place],
            1 => answer.repeat = vec![place],
            2 => answer.extra = 1 + place,
            _ => {
                answer.insert = vec![Insert {
                    before: place,
                    message: rng.pick([
                        Inserted::OtherItem,
                        Inserted::Refusal,
                        Inserted::UploadItems,
                    ]),
                }];
            }
        }
        answer
    }

    /// No item at all.
    fn failure(&mut self) -> Answer {
        let rng = &mut self.rng;
        match rng.below(5) {
            0 => Answer::HangUp,
            1 => Answer::Http(HttpAnswer {
                status: rng.pick([502, 503, 504, 408]),
                headers: [].into(),
                body: "<h1>Gateway</h1>".to_owned(),
            }),
            2 => Answer::Page(rng.pick([Page::ServerError, Page::GenericError])),
            _ => Answer::Fault(fault(rng.pick([
                "ErrorServerBusy",
                "ErrorInternalServerError",
                "ErrorTimeoutExpired",
            ]))),
        }
    }

    /// What is wrong with an item, once or for good.
    fn item(&mut self) -> ItemAnswer {
        let rng = &mut self.rng;
        let at = Position::Fraction(0.6);
        let kinds = match self.manner {
            // A refusal that is repeated before the end passes for the next item's.
            Manner::EndsEarly => 1..10,
            Manner::Miscounts => 0..6,
            // Those whose messages have the item's id.
            Manner::SwapsItems => 2..5,
        };
        match rng.below(kinds.end - kinds.start) + kinds.start {
            0 => ItemAnswer::Error(ErrorAnswer {
                code: rng
                    .pick(["ErrorItemNotFound", "ErrorItemCorrupt"])
                    .to_owned(),
                class: ResponseClass::Error,
                message: None,
                back_off_ms: None,
                inner_code: None,
                mailbox_guid: None,
            }),
            1 => ItemAnswer::FailsRequest(Box::new(self.failure_of_an_item())),
            2 => ItemAnswer::Placeholder,
            3 => ItemAnswer::EmptyData,
            4 => ItemAnswer::SilentCut {
                place: CutPlace::InRecord,
                at,
            },
            5 => ItemAnswer::UploadItems,
            6 => ItemAnswer::HangUp { at },
            _ => ItemAnswer::Marker {
                place: rng.pick([
                    MarkerPlace::InData,
                    MarkerPlace::InsteadOfEndTags,
                    MarkerPlace::BetweenMessages,
                ]),
                at,
            },
        }
    }

    /// What a server does at an item that it cannot read: never throttling, which is waited for.
    fn failure_of_an_item(&mut self) -> Answer {
        let gateway = HttpAnswer {
            status: 504,
            headers: [].into(),
            body: "<h1>Gateway Time-out</h1>".to_owned(),
        };
        self.rng.pick([
            Answer::HangUp,
            Answer::Http(gateway),
            Answer::Page(Page::ServerError),
            Answer::Fault(fault("ErrorInternalServerError")),
        ])
    }
}

fn fault(code: &str) -> FaultAnswer {
    FaultAnswer {
        code: code.to_owned(),
        status: 500,
        message: None,
        back_off_ms: None,
        inner_code: None,
        headers: [].into(),
    }
}

/// A small generator (`SplitMix64`).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T, const N: usize>(&mut self, from: [T; N]) -> T {
        let chosen = usize::try_from(self.below(N as u64)).unwrap();
        from.into_iter().nth(chosen).unwrap()
    }

    /// Fewer than `most` positions near the front.
    fn positions(&mut self, most: u64) -> Vec<usize> {
        let count = self.below(most);
        (0..count)
            .map(|_| usize::try_from(self.below(8)).unwrap())
            .collect()
    }

    fn order(&mut self) -> Order {
        match self.below(6) {
            0 => Order::Reversed,
            1 => Order::Rotated,
            2 => Order::Shuffled(self.next()),
            _ => Order::AsAsked,
        }
    }

    fn inserts(&mut self, from: &[Inserted]) -> Vec<Insert> {
        let places = self.positions(3);
        places
            .into_iter()
            .map(|before| Insert {
                before,
                message: from[usize::try_from(self.below(from.len() as u64)).unwrap()],
            })
            .collect()
    }
}
