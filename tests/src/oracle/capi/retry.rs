//! When to ask again.

use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use exportitems::policy as core_api;
use exportitems::RequestServerVersion;
use exportitems_capi as capi;
use exportitems_capi::{Status, Text};

use super::decoder::{Decoding, News};
use super::memory::{Memory, Strange};
use super::same::text;
use super::{Reported, Wrong};

#[derive(Arbitrary, Debug)]
pub(super) enum RetryCall {
    Endpoint {
        limits: Option<(u8, u8, Option<Version>)>,
        policy: Option<[(u32, u32, u8); 3]>,
    },
    Limits,
    Exchange {
        items: u8,
    },
    Http {
        status: u32,
        retry_after_s: i64,
        location: Option<Location>,
    },
    Cut,
    Event {
        item: Option<u8>,
        elapsed_ms: u32,
        random: u32,
    },
    End {
        elapsed_ms: u32,
        random: u32,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Version {
    Known(u8),
    TooOld,
    Unknown,
    NotUtf8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Location {
    Outage,
    Elsewhere,
    NotUtf8,
}

impl Version {
    fn bytes(self) -> &'static [u8] {
        let all = RequestServerVersion::ALL;
        match self {
            Self::Known(at) => all[usize::from(at) % all.len()].as_str().as_bytes(),
            Self::TooOld => b"Exchange2007_SP1",
            Self::Unknown => b"Exchange",
            Self::NotUtf8 => b"\xff",
        }
    }
}

fn lend(bytes: Option<&'static [u8]>) -> Text {
    Text {
        ptr: bytes.map_or(null(), |bytes| bytes.as_ptr().cast()),
        len: bytes.map_or(0, <[u8]>::len),
    }
}

/// An endpoint and an exchange of each side, and what some items have cost.
pub(super) struct Retrying<'a> {
    strange: &'a Strange,
    memory: [Memory; 2],
    endpoint: *mut capi::Endpoint,
    exchange: *mut capi::Exchange,
    policy: core_api::Policy,
    core: Option<core_api::Endpoint>,
    core_exchange: Option<(core_api::Attempt, core_api::Policy)>,
    retries: [capi::Retry; 4],
}

impl<'a> Retrying<'a> {
    pub(super) fn new(strange: &'a Strange) -> Self {
        Self {
            strange,
            memory: [
                Memory::new(capi::exportitems_endpoint_size()),
                Memory::new(capi::exportitems_exchange_size()),
            ],
            endpoint: null_mut(),
            exchange: null_mut(),
            policy: core_api::Policy::DEFAULT,
            core: None,
            core_exchange: None,
            retries: [capi::Retry { spent: [0; 4] }; 4],
        }
    }

    pub(super) fn call(
        &mut self,
        call: &RetryCall,
        decoding: &mut Decoding<'_>,
        wrong: Wrong,
        reported: &mut Reported,
    ) {
        let exchange = self.strange.object(self.exchange, wrong);
        let endpoint_misuse = wrong.object(self.core.is_some());
        let misuse = wrong.object(self.core_exchange.is_some());
        match *call {
            RetryCall::Endpoint { limits, policy } => self.make(limits, policy, wrong, reported),
            RetryCall::Limits => self.limits(endpoint_misuse, wrong, reported),
            RetryCall::Exchange { items } => self.start(items.into(), wrong, reported),
            RetryCall::Http {
                status: number,
                retry_after_s,
                location,
            } => {
                let page = location.map(|location| match location {
                    Location::Outage => b"/ews/GenericErrorPage.htm".as_slice(),
                    Location::Elsewhere => b"https://example.com/",
                    Location::NotUtf8 => b"/\xff",
                });
                // SAFETY: every pointer is null or valid.
                let status = unsafe {
                    capi::exportitems_exchange_http(
                        exchange,
                        number,
                        retry_after_s,
                        lend(page),
                        reported.place(),
                    )
                };
                let Ok(number) = u16::try_from(number) else {
                    return reported.expect(status, misuse.unwrap_or(Status::InvalidValue));
                };
                let page = page.map(core::str::from_utf8);
                if let Some(Err(_)) = page {
                    return reported.expect(status, misuse.unwrap_or(Status::NotUtf8));
                }
                reported.expect(status, misuse.unwrap_or(Status::Ok));
                if let (None, Some((core, _))) = (misuse, &mut self.core_exchange) {
                    let retry_after_s = match retry_after_s {
                        i64::MIN..0 => None,
                        seconds => Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
                    };
                    core.http(number, retry_after_s, page.and_then(Result::ok));
                }
            }
            RetryCall::Cut => {
                // SAFETY: every pointer is null or valid.
                let status = unsafe { capi::exportitems_exchange_cut(exchange, reported.place()) };
                reported.expect(status, misuse.unwrap_or(Status::Ok));
                if let (None, Some((core, _))) = (misuse, &mut self.core_exchange) {
                    core.cut();
                }
            }
            RetryCall::Event {
                item,
                elapsed_ms,
                random,
            } => self.event(item, (elapsed_ms.into(), random), decoding, wrong, reported),
            RetryCall::End { elapsed_ms, random } => {
                self.end((elapsed_ms.into(), random), wrong, reported);
            }
        }
    }

    pub(super) fn end(
        &mut self,
        (elapsed_ms, random): (u64, u32),
        wrong: Wrong,
        reported: &mut Reported,
    ) {
        let mut wait_ms = -2;
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_endpoint_end(
                self.strange.object(self.endpoint, wrong),
                self.strange.object(self.exchange, Wrong::Nothing),
                elapsed_ms,
                random,
                wrong.place(&raw mut wait_ms),
                reported.place(),
            )
        };
        let is_live = self.core_exchange.is_some();
        let misuse = wrong
            .object(self.core.is_some())
            .or(Wrong::Nothing.object(is_live))
            .or(wrong.out());
        reported.expect(status, misuse.unwrap_or(Status::Ok));
        if misuse.is_none() {
            let (core, (exchange, _)) = self
                .core
                .as_mut()
                .zip(self.core_exchange.take())
                .expect("both");
            let wait = core.end(&self.policy, exchange, elapsed_ms, random);
            assert_eq!(wait_ms, wait.map_or(-1, i64::from));
            self.limits(None, Wrong::Nothing, reported); // what was learnt shows in them
        }
    }

    fn limits(&self, misuse: Option<Status>, wrong: Wrong, reported: &mut Reported) {
        let mut limits = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_endpoint_limits(
                self.strange.object(self.endpoint, wrong),
                wrong.place(limits.as_mut_ptr()),
                reported.place(),
            )
        };
        let misuse = misuse.or(wrong.out());
        reported.expect(status, misuse.unwrap_or(Status::Ok));
        if let (None, Some(core)) = (misuse, &self.core) {
            // SAFETY: the status says that it was written.
            let found = unsafe { limits.assume_init() };
            let expected = core.limits();
            assert_eq!(found.items as usize, expected.items);
            assert_eq!(found.connections as usize, expected.connections);
            assert_eq!(text(found.server_version), Some(expected.version.as_str()));
        }
    }

    fn make(
        &mut self,
        limits: Option<(u8, u8, Option<Version>)>,
        policy: Option<[(u32, u32, u8); 3]>,
        wrong: Wrong,
        reported: &mut Reported,
    ) {
        let mut expected = core_api::Limits::default();
        let for_c = limits.map(|(items, connections, version)| {
            if items > 0 {
                expected.items = items.into();
            }
            if connections > 0 {
                expected.connections = connections.into();
            }
            capi::Limits {
                items: items.into(),
                connections: connections.into(),
                server_version: lend(version.map(Version::bytes)),
            }
        });
        let schedules = policy.map(|schedules| {
            schedules.map(|(first_ms, max_ms, attempts)| capi::Schedule {
                first_ms,
                max_ms,
                attempts,
            })
        });
        let policy_for_c = schedules.map(|[throttled, transient, truncated]| capi::Policy {
            throttled,
            transient,
            truncated,
            give_up_after_ms: 1_000_000_000,
        });
        let (at, size) = self.memory[0].lend(wrong);
        let mut made = null_mut();
        // SAFETY: null, or as large as its size says; it lives as long as the endpoint.
        let status = unsafe {
            capi::exportitems_endpoint_init(
                at,
                size,
                for_c.as_ref().map_or(null(), core::ptr::from_ref),
                policy_for_c.as_ref().map_or(null(), core::ptr::from_ref),
                wrong.place(&raw mut made),
                reported.place(),
            )
        };
        if let Some(misuse) = wrong.memory() {
            return reported.expect(status, misuse);
        }
        self.core = None;
        match limits.and_then(|(.., version)| version) {
            None => {}
            Some(Version::TooOld) => return reported.expect(status, Status::RequestVersionTooOld),
            Some(Version::Unknown) => {
                return reported.expect(status, Status::RequestVersionUnknown)
            }
            Some(Version::NotUtf8) => return reported.expect(status, Status::NotUtf8),
            Some(known @ Version::Known(_)) => {
                let name = core::str::from_utf8(known.bytes()).expect("ASCII");
                expected.version = name.parse().expect("a version");
            }
        }
        if let Some(misuse) = wrong.out() {
            return reported.expect(status, misuse);
        }
        reported.expect(status, Status::Ok);
        self.endpoint = made;
        self.core = Some(core_api::Endpoint::new(expected));
        self.policy = core_api::Policy::DEFAULT;
        if let Some(schedules) = policy {
            let [throttled, transient, truncated] =
                schedules.map(|(first_ms, max_ms, attempts)| core_api::Schedule {
                    first_ms,
                    max_ms,
                    attempts,
                });
            self.policy = core_api::Policy {
                throttled,
                transient,
                truncated,
                give_up_after_ms: 1_000_000_000,
            };
        }
    }

    fn start(&mut self, items: usize, wrong: Wrong, reported: &mut Reported) {
        let (at, size) = self.memory[1].lend(wrong);
        let mut made = null_mut();
        let endpoint_wrong = match wrong {
            Wrong::ForeignObject => wrong,
            _ => Wrong::Nothing,
        };
        // SAFETY: null, or as large as its size says; it lives as long as the exchange.
        let status = unsafe {
            capi::exportitems_exchange_init(
                at,
                size,
                self.strange.object(self.endpoint, endpoint_wrong),
                items,
                wrong.place(&raw mut made),
                reported.place(),
            )
        };
        if let Some(misuse) = wrong.memory() {
            return reported.expect(status, misuse);
        }
        self.core_exchange = None;
        let misuse = endpoint_wrong.object(self.core.is_some()).or(wrong.out());
        reported.expect(status, misuse.unwrap_or(Status::Ok));
        if let (None, Some(core)) = (misuse, &self.core) {
            self.exchange = made;
            self.core_exchange = Some((core.attempt(items), self.policy));
        }
    }

    pub(super) fn event(
        &mut self,
        item: Option<u8>,
        (elapsed_ms, random): (u64, u32),
        decoding: &mut Decoding<'_>,
        wrong: Wrong,
        reported: &mut Reported,
    ) {
        let item = item.map(|item| usize::from(item) % self.retries.len());
        let before = item.map(|item| self.retries[item].spent);
        let mut advice = MaybeUninit::uninit();
        // SAFETY: every pointer is null or valid.
        let status = unsafe {
            capi::exportitems_exchange_event(
                self.strange.object(self.exchange, wrong),
                decoding.object(Wrong::Nothing),
                item.map_or(null_mut(), |item| &raw mut self.retries[item]),
                elapsed_ms,
                random,
                wrong.place(advice.as_mut_ptr()),
                reported.place(),
            )
        };
        let misuse = (wrong.object(self.core_exchange.is_some()))
            .or(Wrong::Nothing.object(decoding.is_live()))
            .or(wrong.out());
        let (None, Some((core, policy))) = (misuse, &mut self.core_exchange) else {
            return reported.expect(status, misuse.expect("no exchange"));
        };
        let expected = match decoding.take_news() {
            None => None,
            Some(News::Fault(fault)) => {
                core.fault(&fault);
                None
            }
            Some(News::Cut) => {
                core.cut();
                None
            }
            Some(News::Outcome(outcome)) => Some(core.item(&outcome)),
        };
        let Some(expected) = expected else {
            assert_eq!(item.map(|item| self.retries[item].spent), before);
            return reported.expect(status, Status::Ok);
        };
        reported.expect(status, Status::Event);
        // SAFETY: the status says that it was written.
        let found = unsafe { advice.assume_init() };
        let wait = before.and_then(|spent| {
            let mut retry = core_api::Retry::from_bytes(spent);
            let wait = policy.next(&mut retry, expected, elapsed_ms, random);
            let now = item.map(|item| self.retries[item].spent);
            assert_eq!(now, Some(retry.to_bytes()));
            wait
        });
        assert_eq!(found.wait_ms, wait.map_or(-1, i64::from));
        let disposition = format!("{:?}", found.disposition);
        assert_eq!(disposition, format!("{:?}", expected.disposition));
        let relief = expected.relief.map(|relief| format!("{relief:?}"));
        assert_eq!(
            format!("{:?}", found.relief),
            relief.unwrap_or_else(|| "None".to_owned())
        );
    }
}
