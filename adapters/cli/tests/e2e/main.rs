//! Tests of `exportitems export`, `demo` and `emulate` over sockets.

#[path = "../common/mod.rs"]
mod common;

mod demo;
mod files;
mod options;

use exportitems_emulator::{Emulator, Scenario};
use serde_json::json;

use common::server::{http, Scripted, Setup};
use common::{json, status, stderr, stdout};

/// Sizes near the limits of records and buffers.
const SIZES: [u64; 9] = [
    256, 257, 1024, 8_192, 31_742, 31_743, 100_000, 1_000_003, 3_000_000,
];

#[test]
fn every_file_is_what_the_server_has() {
    for scenario in [
        "",
        "style = '2010'\nframing = 'content-length'",
        "style = 'online'",
        "style = 'docs'",
        "tls = true",
    ] {
        let setup = Setup::new(scenario, &SIZES);
        let ca = setup.path("ca.pem");
        let mut args = vec!["--json", "--batch-size", "4", "--connections", "1"];
        if scenario.starts_with("tls") {
            args.extend(["--ca-file", ca.to_str().unwrap()]);
        }
        let output = setup.export(&args);
        assert_eq!(status(&output), 0, "{scenario}: {}", stderr(&output));
        assert_eq!(setup.exported(), (0..SIZES.len()).collect::<Vec<_>>());

        let (items, summary) = json(&output);
        for (position, item) in items.iter().enumerate() {
            assert_eq!(item["index"], position);
            assert_eq!(item["status"], "ok");
            assert_eq!(item["item_id"], setup.id(position));
            assert_eq!(item["bytes"], SIZES[position]);
            assert_eq!(item["integrity"], "whole", "{item}");
            assert_eq!(item["disposition"], "done");
            assert_eq!(item["sha256"].as_str().unwrap().len(), 64);
        }
        assert_eq!(summary["items"], SIZES.len());
        assert_eq!(summary["response"], "complete");
        // Exchange 2010 accepts only its own version, which costs one more request to find out.
        let old = scenario.contains("2010") || scenario.contains("docs");
        let requests = if old { 4 } else { 3 };
        assert_eq!(setup.emulator.requests().len(), requests, "{scenario}");
    }
}

/// The connection is cut in the middle of the third of five items.
const CUT: &str = "[[item]]\nindex = 2\ntimes = 1\nanswer = { hang-up = { at = 0.5 } }";

#[test]
fn a_cut_costs_no_item() {
    for tls in ["", "tls = true\n"] {
        let setup = Setup::new(&[tls, CUT].concat(), &[50_000; 5]);
        let ca = setup.path("ca.pem");
        let mut args = vec!["--json", "--retry-for", "0"];
        if !tls.is_empty() {
            args.extend(["--ca-file", ca.to_str().unwrap()]);
        }
        let output = setup.export(&args);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        assert_eq!(setup.exported(), [0, 1, 2, 3, 4]);
        let (items, summary) = json(&output);
        assert_eq!(items.len(), 5, "{items:?}");
        assert_eq!((&summary["items"], &summary["ok"]), (&json!(5), &json!(5)));
        // The requests are for all items, the item in which the cut was, and the items after it.
        assert_eq!(setup.emulator.requests().len(), 3);

        let output = setup.export(&args);
        assert_eq!(status(&output), 0);
        assert!(stderr(&output).contains("holds 5 of 5 items already"));
        assert_eq!(setup.emulator.requests().len(), 3, "nothing is left");
    }
}

#[test]
fn with_patience_it_completes_by_itself() {
    let setup = Setup::new(CUT, &[50_000; 5]);
    let output = setup.export(&["--retry-for", "60"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(setup.exported(), [0, 1, 2, 3, 4]);
    let printed = stdout(&output);
    let last = printed.lines().last().unwrap();
    assert!(last.starts_with("5 of 5 items exported"), "{printed}");
    assert!(
        stderr(&output).contains("item 2: cut; requested again"),
        "{}",
        stderr(&output)
    );
}

/// For each way in which an export can fail: the exit status, the end of the response, and the exported items.
#[test]
fn every_class_of_failure_has_its_status() {
    let refused = "[[item]]\nindex = 1\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let foreign = "[[item]]\nindex = 1\nanswer = { error = \
        { code = 'ErrorNonExistentMailbox', mailbox-guid = 'f3f6f699' } }";
    let marker =
        |place| format!("[[item]]\nindex = 1\nanswer = {{ marker = {{ place = '{place}' }} }}");
    let answer = |answer| format!("[[request]]\ntimes = 100\nanswer = {answer}");
    let html =
        "{ http = { status = 200, headers = { Content-Type = 'text/html' }, body = '<p>hi' } }";
    let cases: &[(&str, i32, &str, &[usize])] = &[
        (refused, 1, "complete", &[0, 2]),
        (foreign, 1, "complete", &[0, 2]),
        (
            "[[item]]\nindex = 1\nanswer = 'placeholder'",
            1,
            "complete",
            &[0, 2],
        ),
        (
            "[[item]]\nindex = 1\nanswer = 'no-data'",
            1,
            "complete",
            &[0, 2],
        ),
        (&marker("in-data"), 1, "complete", &[0, 2]),
        // The item after it is requested at once, because the server did not reach it.
        (&marker("instead-of-end-tags"), 3, "truncated", &[0, 2]),
        (
            &answer("{ fault = { code = 'ErrorServerBusy', back-off-ms = 5000 } }"),
            3,
            "fault",
            &[],
        ),
        (
            &answer("{ http = { status = 503, headers = { Retry-After = '3' } } }"),
            3,
            "not-soap",
            &[],
        ),
        (&answer("{ http = { status = 401 } }"), 3, "not-soap", &[]),
        (&answer(html), 3, "not-soap", &[]),
        (&answer("{ page = 'generic-error' }"), 3, "not-soap", &[]),
        (&answer("'hang-up'"), 3, "none", &[]),
    ];
    for &(scenario, code, ended, done) in cases {
        let setup = Setup::new(scenario, &[5_000; 3]);
        let output = setup.export(&["--json", "--retry-for", "0"]);
        let (items, summary) = json(&output);
        let case = format!("{scenario}: {summary} {items:?} {}", stderr(&output));
        assert_eq!(status(&output), code, "{case}");
        assert_eq!(summary["response"], ended, "{case}");
        assert_eq!(summary["ok"], done.len(), "{case}");
        assert_eq!(summary["failed"], 3 - done.len(), "{case}");
        assert_eq!(setup.exported(), done, "{case}");
        let positions: Vec<_> = items
            .iter()
            .map(|item| item["index"].as_u64().unwrap())
            .collect();
        let mut sorted = positions.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2], "{case}");
        if ended == "fault" {
            assert_eq!(summary["code"], "ErrorServerBusy", "{case}");
            assert_eq!(summary["back_off_ms"], 5000, "{case}");
            assert_eq!(summary["disposition"], "throttled", "{case}");
        }
        if scenario == foreign {
            let item = items.iter().find(|item| item["index"] == 1).unwrap();
            let message = item["message"].as_str().unwrap();
            assert!(message.ends_with("(MailboxGuid: f3f6f699)"), "{case}");
        }
        if scenario.contains("Retry-After") {
            assert_eq!(summary["back_off_ms"], 3000, "{case}");
            assert_eq!(summary["disposition"], "throttled", "{case}");
        }
        let said = stderr(&output);
        // A failure that concerns all items is printed once.
        let alike = matches!(ended, "not-soap" | "none" | "fault");
        let says = if alike {
            "nothing was exported: "
        } else {
            "missing: item"
        };
        assert_eq!(said.matches(says).count(), 1, "{case}");
        assert!(!alike || said.lines().count() == 1, "{case}");
        if alike {
            let output = setup.export(&["--retry-for", "0"]);
            assert_eq!(
                (status(&output), stdout(&output).as_str()),
                (3, ""),
                "{case}"
            );
            assert_eq!(stderr(&output).lines().count(), 1, "{case}");
        }
    }
}

#[test]
fn nobody_listens() {
    let mut setup = Setup::new("", &[5_000]);
    let url = setup.emulator.url();
    let other = Scenario::default();
    // The server has stopped, so nothing listens on its port.
    setup.emulator = Emulator::start(other, ([127, 0, 0, 1], 0).into()).unwrap();
    let output = setup.export_from(&url, &["--json"]);
    assert_eq!(status(&output), 3);
    let (items, summary) = json(&output);
    assert_eq!((items.len(), &summary["response"]), (0, &json!("none")));
    assert!(summary["error"]
        .as_str()
        .unwrap()
        .starts_with("cannot connect to 127.0.0.1:"));
    assert!(
        stderr(&output).starts_with("exportitems: nothing was requested: cannot connect to"),
        "{}",
        stderr(&output)
    );
    let output = setup.export_from(&url, &[]);
    assert_eq!((status(&output), stdout(&output).as_str()), (3, ""));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

#[test]
fn an_untrusted_certificate_ends_it_at_once() {
    let setup = Setup::new("tls = true", &[5_000]);
    let output = setup.export(&["--retry-for", "60"]);
    assert_eq!(status(&output), 3);
    assert!(
        stderr(&output).contains("not issued by an authority that is trusted here")
            && stderr(&output).contains("--ca-file"),
        "{}",
        stderr(&output)
    );
    assert!(setup.exported().is_empty());
}

/// An export whose last response is cut after all of its items were refused.
#[test]
fn a_cut_after_refusals_is_status_3() {
    let refused = "[[item]]\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(refused, &[5_000; 3]);
    assert_eq!(status(&setup.export(&["--json"])), 1);
    let cut = Scripted::new(|_, _| {
        let message = "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:ResponseCode>\
            ErrorItemNotFound</m:ResponseCode></m:ExportItemsResponseMessage>";
        let mut bytes = http(&common::response(&message.repeat(3)));
        bytes.truncate(bytes.len() - 10);
        bytes
    });
    // Items that were refused permanently are not requested again, but they are still printed.
    let output = setup.export_from(&cut.url, &["--json"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["response"]),
        (1, &json!("complete"))
    );
    let refused =
        |item: &serde_json::Value| item["error"] == "refused" && item["disposition"] == "permanent";
    assert!(items.len() == 3 && items.iter().all(refused), "{items:?}");
    assert_eq!(setup.emulator.requests().len(), 1);
    let output = setup.export_from(&cut.url, &[]);
    assert_eq!(status(&output), 1);
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("--retry-failed"), "{said}");

    let output = setup.export_from(&cut.url, &["--json", "--retry-failed"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["response"]),
        (3, &json!("cut")),
        "{items:?} {summary}"
    );
}

#[test]
fn an_item_above_the_limit_fails_alone() {
    let setup = Setup::new("", &[5_000, 60_000, 10_240]);
    let output = setup.export(&["--json", "--max-item-size", "10k"]);
    let (items, summary) = json(&output);
    assert_eq!(
        (status(&output), &summary["ok"]),
        (1, &json!(2)),
        "{items:?}"
    );
    let large = items.iter().find(|item| item["index"] == 1).unwrap();
    assert_eq!(large["error"], "too-large");
    assert_eq!(setup.exported(), [0, 2]);
    assert_eq!(status(&setup.export(&["--max-item-size", "ten"])), 2);
}

/// A new run requests items that may still succeed, but not those that the server refused permanently.
#[test]
fn what_failed_for_good_is_requested_on_demand() {
    let refused =
        "[[item]]\nindex = 1\ntimes = 1\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(refused, &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 1);
    for json in [false, true] {
        let output = setup.export(if json { &["--json"] } else { &[] });
        assert_eq!(status(&output), 1);
        let said = stdout(&output) + &stderr(&output);
        assert!(
            said.contains("missing: item 1; ") && said.contains("--retry-failed"),
            "{said}"
        );
        assert!(!said.contains("run the same command again"), "{said}");
    }
    assert_eq!(setup.emulator.requests().len(), 1);
    let output = setup.export(&["--retry-failed"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(setup.emulator.requests().len(), 2);
    let last = stdout(&output).lines().last().unwrap().to_owned();
    assert!(last.starts_with("3 of 3 items exported"), "{last}");
}

/// When the server is busy and --retry-for is too short, the run says which value would be enough.
#[test]
fn a_run_that_ends_early_says_what_helps() {
    let busy = "[[request]]\ntimes = 1\nanswer = { fault = { code = 'ErrorServerBusy', back-off-ms = 1500 } }";
    let setup = Setup::new(busy, &[5_000; 3]);
    let output = setup.export(&[]);
    assert_eq!(status(&output), 3);
    let said = stderr(&output);
    let seconds = said
        .split("--retry-for ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let setup = Setup::new(busy, &[5_000; 3]);
    let output = setup.export(&["--retry-for", seconds]);
    assert_eq!(status(&output), 0, "{said} {}", stderr(&output));
    assert!(stderr(&output).contains("waiting "), "{}", stderr(&output));
}

/// If every request with one particular item fails, only that item is lost, and each run explains why.
#[test]
fn an_item_that_breaks_its_requests_is_named_on_each_run() {
    let setup = Setup::new("", &[5_000; 3]);
    let ids = [0, 1, 2].map(|at| setup.id(at));
    let bad = ids[1].clone();
    let server = Scripted::new(move |_, request| {
        if request.contains(&bad) {
            return b"HTTP/1.1 504 Gateway Time-out\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let requested = ids.iter().filter(|id| request.contains(id.as_str()));
        let messages = requested.map(|id| {
            format!(
                "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
                 </m:ResponseCode><m:ItemId Id=\"{id}\"/>\
                 <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>"
            )
        });
        http(&common::response(&messages.collect::<String>()))
    });
    for run in 0..2 {
        let output = setup.export_from(&server.url, &[]);
        assert_eq!(status(&output), 3, "{run}: {}", stderr(&output));
        let printed = stdout(&output);
        assert!(printed.contains("item 1: failed"), "{run}: {printed}");
        assert!(printed.contains("504"), "{run}: {printed}");
        assert!(
            printed.contains("2 of 3 items exported"),
            "{run}: {printed}"
        );
    }
}
