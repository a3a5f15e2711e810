//! The policy gives the same advice in C as in Rust, and misuse returns a status.

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use exportitems::policy as core_api;
use exportitems_capi::*;

/// Objects in memory of their own, as C has them.
struct Objects {
    memory: Box<[[u64; 128]; 3]>,
    scratch: Box<[u8; 512]>,
    endpoint: *mut Endpoint,
    exchange: *mut Exchange,
    decoder: *mut Decoder,
}

impl Objects {
    fn new(items: usize) -> Self {
        let mut objects = Self {
            memory: Box::new([[0; 128]; 3]),
            scratch: Box::new([0; 512]),
            endpoint: null_mut(),
            exchange: null_mut(),
            decoder: null_mut(),
        };
        let [endpoint, exchange, decoder] = objects
            .memory
            .each_mut()
            .map(|memory| memory.as_mut_ptr().cast::<c_void>());
        // SAFETY: the memory has the given size, and lives as long as the objects.
        unsafe {
            assert_eq!(
                exportitems_endpoint_init(
                    endpoint,
                    1024,
                    null(),
                    null(),
                    &raw mut objects.endpoint,
                    null_mut()
                ),
                Status::Ok
            );
            assert_eq!(
                exportitems_exchange_init(
                    exchange,
                    1024,
                    objects.endpoint,
                    items,
                    &raw mut objects.exchange,
                    null_mut()
                ),
                Status::Ok
            );
            let options = Options {
                items: u32::try_from(items).unwrap(),
                integrity: 0,
                max_item_bytes: 0,
                max_total_bytes: 0,
            };
            assert_eq!(
                exportitems_decoder_init(
                    decoder,
                    1024,
                    objects.scratch.as_mut_ptr(),
                    512,
                    &raw const options,
                    &raw mut objects.decoder,
                    null_mut()
                ),
                Status::Ok
            );
        }
        objects
    }

    /// Decodes a document, passes every event to the exchange, and returns the advice on each item.
    fn decode(&mut self, document: &str, retries: &mut [Retry]) -> Vec<(Disposition, Relief, i64)> {
        let mut input = Bytes {
            ptr: document.as_ptr(),
            len: document.len(),
        };
        let mut advices = Vec::new();
        let mut event = core::mem::MaybeUninit::uninit();
        loop {
            // SAFETY: the objects were made; the event is written before it is read.
            unsafe {
                let mut status = exportitems_decoder_next(
                    self.decoder,
                    &raw mut input,
                    event.as_mut_ptr(),
                    null_mut(),
                );
                if status != Status::Event {
                    status =
                        exportitems_decoder_finish(self.decoder, event.as_mut_ptr(), null_mut());
                }
                if status != Status::Event {
                    return advices;
                }
                let event = event.assume_init();
                let retry = match event.kind {
                    EventKind::Outcome => retries.get_mut(event.body.outcome.index as usize),
                    _ => None,
                };
                let retry = retry.map_or(null_mut(), core::ptr::from_mut);
                let mut advice = Advice {
                    disposition: Disposition::Other,
                    relief: Relief::Other,
                    wait_ms: -2,
                };
                let status = exportitems_exchange_event(
                    self.exchange,
                    self.decoder,
                    retry,
                    0,
                    u32::MAX,
                    &raw mut advice,
                    null_mut(),
                );
                assert_eq!(status == Status::Event, event.kind == EventKind::Outcome);
                if status == Status::Event {
                    advices.push((advice.disposition, advice.relief, advice.wait_ms));
                }
                // An event is reported once.
                let again = exportitems_exchange_event(
                    self.exchange,
                    self.decoder,
                    retry,
                    0,
                    0,
                    &raw mut advice,
                    null_mut(),
                );
                assert_eq!(again, Status::Ok);
            }
        }
    }

    fn end(&mut self) -> (i64, u32, u32, String) {
        let mut wait_ms = -2;
        let mut limits = Limits {
            items: 0,
            connections: 0,
            server_version: NO_TEXT,
        };
        // SAFETY: the objects were made, and the names of versions are static.
        unsafe {
            let status = exportitems_endpoint_end(
                self.endpoint,
                self.exchange,
                0,
                u32::MAX,
                &raw mut wait_ms,
                null_mut(),
            );
            assert_eq!(status, Status::Ok);
            assert_eq!(
                exportitems_endpoint_limits(self.endpoint, &raw mut limits, null_mut()),
                Status::Ok
            );
            let version = limits.server_version;
            let version = core::slice::from_raw_parts(version.ptr.cast::<u8>(), version.len);
            (
                wait_ms,
                limits.items,
                limits.connections,
                String::from_utf8(version.to_vec()).unwrap(),
            )
        }
    }
}

const NO_TEXT: Text = Text {
    ptr: null(),
    len: 0,
};

fn text(text: &str) -> Text {
    Text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

#[test]
fn http_answers_count_as_they_do_in_rust() {
    let page = "/ews/genericerrorpage.htm";
    for (status, retry_after_s, location) in [
        (200_u16, None, None),
        (302, None, Some(page)),
        (302, None, Some("https://example.com/")),
        (401, None, None),
        (401, Some(3), None),
        (408, None, None),
        (413, None, None),
        (429, Some(30), None),
        (500, None, None),
        (501, None, None),
        (503, Some(u32::MAX), None),
        (999, None, None),
    ] {
        let mut endpoint = core_api::Endpoint::new(core_api::Limits::default());
        let mut exchange = endpoint.attempt(20);
        exchange.http(status, retry_after_s, location);
        let wait = endpoint.end(&core_api::Policy::DEFAULT, exchange, 0, u32::MAX);
        let limits = endpoint.limits();

        let mut objects = Objects::new(20);
        let (seconds, place) = (
            retry_after_s.map_or(-1, i64::from),
            location.map_or(NO_TEXT, text),
        );
        // SAFETY: the exchange was made.
        let answer = unsafe {
            exportitems_exchange_http(objects.exchange, status.into(), seconds, place, null_mut())
        };
        assert_eq!(answer, Status::Ok);
        let (wait_ms, items, connections, version) = objects.end();
        assert_eq!(wait_ms, wait.map_or(-1, i64::from), "{status}");
        assert_eq!(
            (items as usize, connections as usize),
            (limits.items, limits.connections),
            "{status}"
        );
        assert_eq!(version, limits.version.as_str(), "{status}");
    }
}

#[test]
fn attempts_are_spent_and_limits_learnt() {
    let busy = "<Envelope><Body><Fault><detail><ResponseCode>ErrorInvalidServerVersion</ResponseCode></detail></Fault></Body></Envelope>";
    let mut retries = [Retry { spent: [0; 4] }; 2];
    let mut objects = Objects::new(2);
    let advices = objects.decode(busy, &mut retries);
    // The fault concerns the whole request, so the items are not charged with an attempt.
    assert_eq!(
        advices,
        [(Disposition::UnsupportedVersion, Relief::None, 0); 2]
    );
    assert_eq!(retries[0].spent, [0; 4]);
    assert_eq!(objects.end(), (0, 20, 4, "Exchange2010_SP2".to_owned()));

    let timeout = "<Envelope><Body><ExportItemsResponse><ResponseMessages><ExportItemsResponseMessage ResponseClass='Error'>\
         <ResponseCode>ErrorTimeoutExpired</ResponseCode></ExportItemsResponseMessage>";
    let mut waits = Vec::new();
    let mut retries = [Retry { spent: [0; 4] }; 2];
    loop {
        let mut objects = Objects::new(2);
        let advices = objects.decode(timeout, &mut retries);
        assert_eq!(advices[1].0, Disposition::Transient);
        assert_eq!(advices[0].1, Relief::FewerItems);
        if advices[0].2 < 0 {
            break;
        }
        waits.push(advices[0].2);
        assert_eq!(objects.end().1, 1);
    }
    assert_eq!(waits, [999, 1999, 3999, 7999, 15999, 31999, 59999, 59999]);
    assert_eq!(retries[0].spent, [0, 8, 0, 0]);
}

#[test]
fn what_the_caller_wants_counts() {
    let mut memory = [0_u64; 64];
    let memory = memory.as_mut_ptr().cast::<c_void>();
    let mut policy = exportitems_policy_default();
    assert_eq!(
        (
            policy.transient.first_ms,
            policy.transient.max_ms,
            policy.transient.attempts
        ),
        (1_000, 60_000, 8)
    );
    policy.transient.first_ms = 50;
    policy.transient.attempts = 1;
    let limits = Limits {
        items: 3,
        connections: 1,
        server_version: text("Exchange2016"),
    };
    let mut endpoint = null_mut();
    let mut wait_ms = 0;
    // SAFETY: the memory has the given size, and lives as long as the objects in it.
    unsafe {
        let status = exportitems_endpoint_init(
            memory,
            256,
            &raw const limits,
            &raw const policy,
            &raw mut endpoint,
            null_mut(),
        );
        assert_eq!(status, Status::Ok);
        for expected in [49, -1] {
            let mut exchange = null_mut();
            let after = memory.cast::<u8>().add(256).cast();
            assert_eq!(
                exportitems_exchange_init(after, 256, endpoint, 3, &raw mut exchange, null_mut()),
                Status::Ok
            );
            assert_eq!(exportitems_exchange_cut(exchange, null_mut()), Status::Ok);
            let status = exportitems_endpoint_end(
                endpoint,
                exchange,
                0,
                u32::MAX,
                &raw mut wait_ms,
                null_mut(),
            );
            assert_eq!((status, wait_ms), (Status::Ok, expected));
            // The exchange has ended.
            assert_eq!(
                exportitems_exchange_cut(exchange, null_mut()),
                Status::NotInitialized
            );
            let status =
                exportitems_endpoint_end(endpoint, exchange, 0, 0, &raw mut wait_ms, null_mut());
            assert_eq!((status, wait_ms), (Status::NotInitialized, expected));
        }
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn misuse_is_answered() {
    let mut objects = Objects::new(1);
    let Objects {
        endpoint,
        exchange,
        decoder,
        ..
    } = objects;
    let mut spare = [0_u64; 128];
    let memory = spare.as_mut_ptr().cast::<c_void>();
    let mut advice = Advice {
        disposition: Disposition::Other,
        relief: Relief::Other,
        wait_ms: -2,
    };
    let mut limits = Limits {
        items: 1,
        connections: 1,
        server_version: text("Exchange2007"),
    };
    let latin = Limits {
        server_version: Text {
            ptr: b"\xff".as_ptr().cast(),
            len: 1,
        },
        ..limits
    };
    let mut out = null_mut();
    let mut other = null_mut();
    let none = null_mut();
    // SAFETY: every pointer is null or valid; nothing else uses the spare memory.
    unsafe {
        let cases = [
            (
                exportitems_endpoint_init(null_mut(), 1024, null(), null(), &raw mut out, none),
                Status::Null,
            ),
            (
                exportitems_endpoint_init(
                    memory.byte_add(1),
                    1000,
                    null(),
                    null(),
                    &raw mut out,
                    none,
                ),
                Status::Misaligned,
            ),
            (
                exportitems_endpoint_init(memory, 8, null(), null(), &raw mut out, none),
                Status::MemoryTooSmall,
            ),
            (
                exportitems_endpoint_init(memory, 1024, null(), null(), null_mut(), none),
                Status::Null,
            ),
            (
                exportitems_endpoint_init(
                    memory,
                    1024,
                    &raw const limits,
                    null(),
                    &raw mut out,
                    none,
                ),
                Status::RequestVersionTooOld,
            ),
            (
                exportitems_endpoint_init(
                    memory,
                    1024,
                    &raw const latin,
                    null(),
                    &raw mut out,
                    none,
                ),
                Status::NotUtf8,
            ),
            (
                exportitems_endpoint_limits(null_mut(), &raw mut limits, none),
                Status::Null,
            ),
            (
                exportitems_endpoint_limits(endpoint, null_mut(), none),
                Status::Null,
            ),
            (
                exportitems_endpoint_limits(exchange.cast(), &raw mut limits, none),
                Status::NotInitialized,
            ),
            (
                exportitems_exchange_init(memory, 1024, null_mut(), 1, &raw mut other, none),
                Status::Null,
            ),
            (
                exportitems_exchange_init(memory, 1024, decoder.cast(), 1, &raw mut other, none),
                Status::NotInitialized,
            ),
            (
                exportitems_exchange_init(memory, 8, endpoint, 1, &raw mut other, none),
                Status::MemoryTooSmall,
            ),
            (
                exportitems_exchange_http(exchange, 65_536, -1, NO_TEXT, none),
                Status::InvalidValue,
            ),
            (
                exportitems_exchange_http(exchange, 302, -1, latin.server_version, none),
                Status::NotUtf8,
            ),
            (
                exportitems_exchange_http(endpoint.cast(), 200, -1, NO_TEXT, none),
                Status::NotInitialized,
            ),
            (exportitems_exchange_cut(null_mut(), none), Status::Null),
            (
                exportitems_exchange_event(
                    exchange,
                    null_mut(),
                    null_mut(),
                    0,
                    0,
                    &raw mut advice,
                    none,
                ),
                Status::Null,
            ),
            (
                exportitems_exchange_event(exchange, decoder, null_mut(), 0, 0, null_mut(), none),
                Status::Null,
            ),
            (
                exportitems_exchange_event(
                    decoder.cast(),
                    decoder,
                    null_mut(),
                    0,
                    0,
                    &raw mut advice,
                    none,
                ),
                Status::NotInitialized,
            ),
            (
                exportitems_exchange_event(
                    exchange,
                    decoder,
                    null_mut(),
                    0,
                    0,
                    &raw mut advice,
                    none,
                ),
                Status::Ok,
            ),
            (
                exportitems_endpoint_end(endpoint, exchange, 0, 0, null_mut(), none),
                Status::Null,
            ),
        ];
        for (number, (status, expected)) in cases.into_iter().enumerate() {
            assert_eq!(status, expected, "{number}");
        }
    }
    assert!(out.is_null() && other.is_null());
    assert_eq!(advice.wait_ms, -2);
    // The wrong calls have not changed the exchange.
    assert_eq!(objects.end().1, 20);
}
