//! Numbers, names and sizes of the ABI, which must not change.

use exportitems_capi::*;

fn name(text: Text) -> Option<&'static str> {
    if text.ptr.is_null() {
        return None;
    }
    // SAFETY: names are static texts.
    let bytes = unsafe { core::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len) };
    core::str::from_utf8(bytes).ok()
}

/// If this fails, programs that were compiled with an earlier header misread their results.
#[test]
fn numbers_keep_their_names() {
    let errors: Vec<_> = (0..=15)
        .map(|code| name(exportitems_item_error_name(code)))
        .collect();
    let expected = [
        "unrequested",
        "not-answered",
        "refused",
        "truncated",
        "malformed",
        "cut",
        "duplicate",
        "base64",
        "too-large",
        "contradiction",
        "missing-data",
        "empty-data",
        "payload",
        "write",
    ];
    assert_eq!((errors[0], errors[15]), (None, None));
    assert_eq!(errors[1..15], expected.map(Some));

    let responses: Vec<_> = (0..=7)
        .map(|code| name(exportitems_response_name(code)))
        .collect();
    let expected = [
        "complete",
        "truncated",
        "cut",
        "fault",
        "malformed",
        "not-soap",
    ];
    assert_eq!((responses[0], responses[7]), (None, None));
    assert_eq!(responses[1..7], expected.map(Some));

    let verdicts: Vec<_> = (0..=5)
        .map(|code| name(exportitems_verdict_name(code)))
        .collect();
    assert_eq!(
        verdicts,
        [
            None,
            Some("whole"),
            Some("framed"),
            Some("unknown"),
            Some("broken"),
            None
        ]
    );
}

#[test]
fn dispositions_keep_their_names() {
    let dispositions: Vec<_> = (0..=8)
        .map(|code| name(exportitems_disposition_name(code)))
        .collect();
    let expected = [
        "done",
        "permanent",
        "auth",
        "throttled",
        "transient",
        "truncated",
        "version",
    ];
    assert_eq!((dispositions[0], dispositions[8]), (None, None));
    assert_eq!(dispositions[1..8], expected.map(Some));
}

/// Every variant of the enumerations that the core may extend has a number here.
#[test]
fn nothing_of_the_core_is_other() {
    let variants = |source: &str, enumeration: &str| -> Vec<String> {
        let body = source
            .split_once(&format!("pub enum {enumeration} {{"))
            .unwrap()
            .1;
        let lines = body.split_once("\n}").unwrap().0.lines().map(str::trim);
        lines
            .filter(|line| line.starts_with(char::is_uppercase))
            .map(|line| {
                let end = line.find(|c: char| !c.is_alphanumeric());
                line[..end.unwrap_or(line.len())].to_owned()
            })
            .collect()
    };
    let outcome = include_str!("../../../../core/src/ews/response/outcome.rs");
    let error = include_str!("../../../../core/src/ews/response/error.rs");
    let verdict = include_str!("../../../../core/src/payload/verdict.rs");
    let http = include_str!("../../../http1/src/error.rs");
    let disposition = include_str!("../../../../core/src/policy/disposition.rs");
    let codes = include_str!("../../src/codes.rs");
    let status = include_str!("../../src/status.rs");
    for (theirs, ours, prefix) in [
        (
            variants(outcome, "ItemError"),
            variants_with_values(codes, "ItemError"),
            "",
        ),
        (
            variants(outcome, "ResponseOutcome"),
            variants_with_values(codes, "Response"),
            "",
        ),
        (
            variants(outcome, "ResponseClass"),
            variants_with_values(codes, "ResponseClass"),
            "",
        ),
        (
            variants(outcome, "IdMatch"),
            variants_with_values(codes, "IdMatch"),
            "",
        ),
        (
            variants(verdict, "BrokenReason"),
            variants_with_values(codes, "BrokenReason"),
            "",
        ),
        (
            variants(disposition, "Disposition"),
            variants_with_values(codes, "Disposition"),
            "",
        ),
        (
            variants(disposition, "Relief"),
            variants_with_values(codes, "Relief"),
            "",
        ),
        (
            variants(error, "ErrorKind"),
            variants_with_values(status, "Status"),
            "",
        ),
        (
            variants(http, "ErrorKind"),
            variants_with_values(status, "Status"),
            "Http",
        ),
    ] {
        assert!(theirs.len() > 2);
        for variant in theirs {
            assert!(
                ours.contains(&format!("{prefix}{variant}")),
                "{variant} has no number"
            );
        }
    }
}

fn variants_with_values(source: &str, enumeration: &str) -> Vec<String> {
    let body = source
        .split_once(&format!("pub enum {enumeration} {{"))
        .unwrap()
        .1;
    let lines = body.split_once("\n}").unwrap().0.lines();
    lines
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(variant, _)| variant.to_owned())
        .collect()
}

#[test]
fn sizes_are_enough_for_static_memory() {
    assert!(exportitems_decoder_size() <= EXPORTITEMS_DECODER_SIZE);
    assert!(exportitems_http_response_size() <= EXPORTITEMS_HTTP_RESPONSE_SIZE);
    assert!(exportitems_payload_check_size() <= EXPORTITEMS_PAYLOAD_CHECK_SIZE);
    assert!(exportitems_endpoint_size() <= EXPORTITEMS_ENDPOINT_SIZE);
    assert!(exportitems_exchange_size() <= EXPORTITEMS_EXCHANGE_SIZE);
    let aligns = [
        exportitems_decoder_align(),
        exportitems_encoder_align(),
        exportitems_http_request_align(),
        exportitems_http_response_align(),
        exportitems_payload_check_align(),
        exportitems_endpoint_align(),
        exportitems_exchange_align(),
    ];
    assert!(aligns.iter().all(|&align| align <= 8));
    // No memory is that large, so asking for it fails instead of wrapping.
    assert_eq!(exportitems_encoder_size(usize::MAX, 1), usize::MAX);
    assert_eq!(exportitems_http_request_size(usize::MAX), usize::MAX);
}
