//! protocol.md §6, "Policy layer": a test for each of its lines, in their order, from documents to waits.
//!
//! Each `ResponseCode` and each HTTP status has its row in the tables of `core/src/policy/advice.rs`.
//! The last line, "Diagnostics", is about HTTP: `diagnostics_without_ids` in `adapters/std/tests/it/http.rs`.

use exportitems::policy::{Advice, Attempt, Disposition, Endpoint, Limits, Policy, Relief, Retry};
use exportitems::{Decoder, Event, Options, RequestServerVersion as V, ResponseOutcome};

use crate::support::{data, envelope, good, message, refused, response, run};

/// Reports a document to an attempt. Returns the advice for each item.
fn answer(attempt: &mut Attempt, items: u32, document: &str) -> Vec<Advice> {
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(items));
    let mut input = document.as_bytes();
    let mut advice = Vec::new();
    loop {
        let event = match decoder.next_event(&mut input) {
            Ok(None) => decoder.finish(),
            event => event,
        };
        match event {
            Ok(Some(Event::Fault(fault))) => attempt.fault(&fault),
            Ok(Some(Event::Outcome(outcome))) => advice.push(attempt.item(&outcome)),
            Ok(Some(Event::End(summary))) if summary.response == ResponseOutcome::Cut => {
                attempt.cut();
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return advice,
        }
    }
}

fn new() -> Endpoint {
    Endpoint::new(Limits::default())
}

/// What a fresh endpoint makes of an answer to so many items: the items' dispositions, the wait, and the limits then.
fn after(
    items: u32,
    report: impl Fn(&mut Attempt),
    document: &str,
) -> (Vec<Disposition>, Option<u32>, Limits) {
    let mut endpoint = new();
    let mut attempt = endpoint.attempt(items as usize);
    report(&mut attempt);
    let advice = answer(&mut attempt, items, document);
    let wait = endpoint.end(&Policy::DEFAULT, attempt, 0, u32::MAX);
    let dispositions = advice.iter().map(|advice| advice.disposition).collect();
    (dispositions, wait, endpoint.limits())
}

/// An element with a code, and other values of the server.
fn code(code: &str, values: &[(&str, &str)]) -> String {
    let value = |(name, text): &(&str, &str)| format!("<t:Value Name='{name}'>{text}</t:Value>");
    let values: String = values.iter().map(value).collect();
    format!("<m:ResponseCode>{code}</m:ResponseCode><m:MessageXml>{values}</m:MessageXml>")
}

fn fault(name: &str, values: &[(&str, &str)]) -> String {
    let detail = code(name, values);
    envelope(&format!("<s:Fault><detail>{detail}</detail></s:Fault>"))
}

fn error(name: &str, values: &[(&str, &str)]) -> String {
    message("Error", &code(name, values))
}

/// "Classify: ok / permanent item / auth / throttle(delay) / transient / version / truncated / protocol error; from
/// fault, item error, inner error, HTTP status + Retry-After, transport cut."
#[test]
fn classes() {
    use Disposition::{Auth, Done, Permanent, Throttled, Transient, Truncated, UnsupportedVersion};
    let inner = [("InnerErrorResponseCode", "ErrorServerBusy")];
    // Items.
    for (item, disposition) in [
        (good(), Done),
        (refused(""), Permanent),
        (error("ErrorAccessDenied", &[]), Auth),
        (error("ErrorServerBusy", &[]), Throttled),
        (error("ErrorInternalServerError", &inner), Throttled),
        (error("ErrorMailboxFailover", &[]), Transient),
        (error("ErrorOfTomorrow", &[]), Transient),
        (error("ErrorInvalidServerVersion", &[]), UnsupportedVersion),
        (data("QUJD=== Truncated Data ==="), Truncated),
        (data("AA=="), Truncated),
        // The peer broke the protocol.
        (good() + "</y>", Transient),
        (good() + "text", Transient),
    ] {
        let (dispositions, ..) = after(1, |_| (), &response(&item));
        assert_eq!(dispositions, [disposition], "{item}");
    }
    // Faults: the items after it fail with it.
    for (name, values, disposition) in [
        ("ErrorCorruptData", &[][..], Permanent),
        ("ErrorImpersonationDenied", &[], Auth),
        ("ErrorServerBusy", &[], Throttled),
        ("ErrorInternalServerError", &inner, Throttled),
        ("ErrorADUnavailable", &[], Transient),
        ("ErrorSchemaValidation", &[], UnsupportedVersion),
    ] {
        let (dispositions, ..) = after(2, |_| (), &fault(name, values));
        assert_eq!(dispositions, [disposition; 2], "{name}");
    }
    // HTTP, with a page instead of SOAP; a connection that is cut.
    for (status, retry_after_s, disposition) in [
        (403, None, Auth),
        (503, Some(7), Throttled),
        (429, None, Throttled),
        (400, None, Permanent),
        (500, None, Transient),
        (507, None, UnsupportedVersion),
    ] {
        let http = |attempt: &mut Attempt| attempt.http(status, retry_after_s, None);
        let (dispositions, ..) = after(2, http, "<html/>");
        assert_eq!(dispositions, [disposition; 2], "{status}");
    }
    let whole = response(&(good() + &good()));
    let (dispositions, ..) = after(3, |_| (), &whole[..whole.len() - 200]);
    assert_eq!(dispositions, [Done, Transient, Transient]);
}

/// "Honour BackOffMilliseconds and Retry-After (max of both), clamp 0 and huge values, jittered exponential otherwise;
/// truncated data: long horizon (hours), other items of the batch unaffected; stop after budget."
#[test]
fn waits() {
    for (retry_after_s, back_off_ms, wait) in [
        (Some(10), "297749", 297_749),
        (Some(600), "5000", 600_000),
        (None, "0", 1_999), // the schedule's own
        (None, "99999999999999", Policy::MAX_WAIT_MS),
        (Some(u32::MAX), "0", Policy::MAX_WAIT_MS),
    ] {
        let busy = fault("ErrorServerBusy", &[("BackOffMilliseconds", back_off_ms)]);
        let http = |attempt: &mut Attempt| attempt.http(503, retry_after_s, None);
        assert_eq!(after(2, http, &busy).1, Some(wait), "{busy}");
    }
    // In an item's error too.
    let busy = error("ErrorServerBusy", &[("BackOffMilliseconds", "5000")]);
    assert_eq!(after(2, |_| (), &response(&(good() + &busy))).1, Some(5000));

    // The bounds of what chance makes of each wait, until the budget is used up.
    let waits = |advice, random, step_ms| -> Vec<u32> {
        let (mut retry, mut elapsed_ms) = (Retry::new(), 0);
        std::iter::from_fn(|| {
            let wait = Policy::DEFAULT.next(&mut retry, advice, elapsed_ms, random)?;
            elapsed_ms += u64::from(wait) + step_ms;
            Some(wait)
        })
        .collect()
    };
    let mut attempt = new().attempt(1);
    let transient = answer(
        &mut attempt,
        1,
        &response(&error("ErrorADUnavailable", &[])),
    )[0];
    assert_eq!(
        waits(transient, 0, 0),
        [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
    );
    assert_eq!(
        waits(transient, u32::MAX, 0),
        [999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999, 59_999]
    );
    let truncated = response(&(good() + &data("QUJD=== Truncated Data ===") + &good()));
    let advice = answer(&mut new().attempt(3), 3, &truncated);
    let dispositions: Vec<_> = advice.iter().map(|advice| advice.disposition).collect();
    let of_three = [Disposition::Done, Disposition::Truncated, Disposition::Done];
    assert_eq!(dispositions, of_three);
    assert_eq!(waits(advice[0], 0, 0), [0_u32; 0]);
    let long = waits(advice[1], u32::MAX, 0);
    let hours = long.iter().sum::<u32>() / 3_600_000;
    assert!((8..=9).contains(&hours), "{hours} hours: {long:?}");
}

/// "Re-request only failed/unprocessed items (ErrorBatchProcessingStopped, after a cut, throttled); resumable state the
/// caller can persist": a [`Retry`] of a few bytes an item, and the archive's manifest, for which see
/// `a_kill_loses_nothing_that_is_archived` in `adapters/std/tests/it/export.rs`.
#[test]
fn what_is_asked_for_again() {
    let stopped = message(
        "Warning",
        "<m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode>",
    );
    let busy = error("ErrorServerBusy", &[]);
    let denied = error("ErrorAccessDenied", &[]);
    let whole = response(&[good(), refused(""), busy, denied, stopped, good(), good()].concat());
    // Inside the last item; the next was never reached.
    let cut = &whole[..whole.len() - 200];
    let mut attempt = new().attempt(8);
    let again: Vec<bool> = answer(&mut attempt, 8, cut)
        .into_iter()
        .map(|advice| {
            Policy::DEFAULT
                .next(&mut Retry::new(), advice, 0, 0)
                .is_some()
        })
        .collect();
    assert_eq!(again, [false, false, true, false, true, false, true, true]);
    // What was in the way of something else costs no attempt.
    let mut endpoint = new();
    let mut attempt = endpoint.attempt(2);
    let advice = answer(&mut attempt, 2, &fault("ErrorServerBusy", &[]));
    let mut retry = Retry::new();
    assert_eq!(Policy::DEFAULT.next(&mut retry, advice[0], 0, 0), Some(0));
    assert_eq!(retry, Retry::new());
    assert!(endpoint.end(&Policy::DEFAULT, attempt, 0, 0) > Some(0));
    assert_eq!(size_of::<Retry>(), 4);
}

/// "reduce concurrency on ErrorExceededConnectionCount/ErrorTooManyObjectsOpened; version downgrade ladder once per
/// endpoint; 302 genericerrorpage retry; 456/403/OAuth diagnostics surfaced"
#[test]
fn what_is_asked_differently() {
    let most = Limits::default();
    for name in ["ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened"] {
        for document in [fault(name, &[]), response(&error(name, &[]))] {
            let (.., limits) = after(1, |_| (), &document);
            let connections = most.connections / 2;
            assert_eq!(
                limits,
                Limits {
                    connections,
                    ..most
                },
                "{name}"
            );
        }
    }
    // A request that took too long, and one that was too large.
    for document in [
        fault("ErrorTimeoutExpired", &[]),
        response(&error("ErrorTimeoutExpired", &[]).repeat(20)),
        fault("ErrorRequestStreamTooBig", &[]),
        response(&good())[..400].to_owned(),
    ] {
        let (.., limits) = after(20, |_| (), &document);
        assert_eq!(limits, Limits { items: 10, ..most }, "{document}");
    }
    // One step for each request that is refused, and not back up when the next one is answered.
    let mut endpoint = new();
    let mut versions = vec![endpoint.limits().version];
    let old = fault("ErrorInvalidServerVersion", &[]);
    let mut step = |document: &str| {
        let mut attempt = endpoint.attempt(1);
        answer(&mut attempt, 1, document);
        let wait = endpoint.end(&Policy::DEFAULT, attempt, 0, 0);
        versions.push(endpoint.limits().version);
        wait
    };
    assert_eq!(step(&old), Some(0));
    assert_eq!(step(&response(&good())), Some(0));
    assert_eq!(step(&old), Some(0));
    assert_eq!(step(&old), None, "there is none older");
    let lowest = V::Exchange2010_SP1;
    let ladder = [
        V::Exchange2013_SP1,
        V::Exchange2010_SP2,
        V::Exchange2010_SP2,
        lowest,
        lowest,
    ];
    assert_eq!(versions, ladder);

    let page = Some("/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx");
    let (dispositions, wait, _) = after(1, |attempt| attempt.http(302, None, page), "");
    assert_eq!(dispositions, [Disposition::Transient]);
    assert!(wait.is_some());
    let (.., wait, _) = after(
        1,
        |attempt| attempt.http(302, None, Some("/internalsite/x")),
        "",
    );
    assert_eq!(wait, None);
    for status in [401, 403, 456] {
        let (dispositions, wait, _) = after(1, |attempt| attempt.http(status, None, None), "");
        assert_eq!((dispositions, wait), (vec![Disposition::Auth], None));
    }
    let too_big = Advice::of_http(413, None, None);
    assert_eq!(too_big.relief, Some(Relief::FewerItems));
}

/// "Faultcodes that no repetition cures, without a ResponseCode, are permanent."
#[test]
fn fault_codes_that_blame_the_request_are_permanent() {
    let advice = |fault: &str| {
        let run = run(envelope(&format!("<s:Fault>{fault}</s:Fault>")));
        Advice::of_fault(&run.summary().fault.expect("a fault"))
    };
    let code = |code: &str| format!("<faultcode>{code}</faultcode>");
    for permanent in [
        "s:Client",
        "Client",
        " soap11:Client\n",
        "s:Client.Authentication",
        "s:MustUnderstand",
        "s:VersionMismatch",
        "a:ActionNotSupported",
        "a:DeserializationFailed",
    ] {
        let advice = advice(&code(permanent));
        assert_eq!(advice.disposition, Disposition::Permanent, "{permanent}");
    }
    for value in [
        "env:Sender",
        "env:DataEncodingUnknown",
        "env:MustUnderstand",
    ] {
        let fault = format!("<env:Code><env:Value>{value}</env:Value></env:Code>");
        assert_eq!(advice(&fault).disposition, Disposition::Permanent);
    }
    for transient in [
        "s:Server",
        "a:InternalServiceFault",
        "s:Server.Client",
        "s:client",
        "s:Clients",
        "",
        &"Client".repeat(40),
    ] {
        let advice = advice(&code(transient));
        assert_eq!(advice.disposition, Disposition::Transient, "{transient}");
    }
    // A ResponseCode says more, and a back-off asks to come back.
    let with = |detail: &str| code("s:Client") + "<detail>" + detail + "</detail>";
    let busy = "<e:ResponseCode>ErrorServerBusy</e:ResponseCode>";
    assert_eq!(advice(&with(busy)).disposition, Disposition::Throttled);
    let newer = "<e:ResponseCode>ErrorOfTomorrow</e:ResponseCode>";
    assert_eq!(advice(&with(newer)).disposition, Disposition::Transient);
    let back_off = "<t:MessageXml><t:Value Name='BackOffMilliseconds'>9</t:Value></t:MessageXml>";
    let found = advice(&with(back_off));
    assert_eq!(
        (found.disposition, found.back_off_ms),
        (Disposition::Transient, 9)
    );
    let detail_first = "<detail>".to_owned() + busy + "</detail>" + &code("s:Client");
    assert_eq!(advice(&detail_first).disposition, Disposition::Throttled);
}
