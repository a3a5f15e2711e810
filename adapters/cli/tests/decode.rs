//! Tests of `exportitems decode`.

mod common;

use std::path::PathBuf;

use common::{data, files, json, response, run, status, stderr, stdout, FAULT};
use serde_json::{json, Value};

const GOOD: &str = r#"<m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ItemId Id="AAA=" ChangeKey="CK"/><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>"#;
const REFUSED: &str = r#"<m:ExportItemsResponseMessage ResponseClass="Error"><m:MessageText>Gone.</m:MessageText><m:ResponseCode>ErrorItemNotFound</m:ResponseCode></m:ExportItemsResponseMessage>"#;

/// The path of a document from Microsoft's page.
fn published(name: &str) -> Option<String> {
    let file = data::path(&format!("samples/exportitems-page/{name}"))?;
    Some(file.to_str().expect("UTF-8").to_owned())
}

/// Microsoft's documentation shortened all three payloads. The second has 919 symbols, which is not valid base64.
#[test]
fn the_published_success() {
    for name in [
        "02_response_success_http-ns.xml",
        "02_response_success_as-published_https-ns.xml",
    ] {
        let Some(file) = published(name) else {
            return;
        };
        let first = json!({
            "index": 0, "status": "ok", "class": "Success", "code": "NoError",
            "item_id": "AAMkAGYzZjZmRiUsidkC+NAAAAY89GAAA=", "change_key": "FwAAAA==",
            "bytes": 254,
            "sha256": "4d6549d0b3bd38f1cb0b6d08de0290a4347517bce96938e2734527c7afb02073",
            "integrity": "broken", "disposition": "done",
        });
        let second = json!({
            "index": 1, "status": "failed", "class": "Success", "code": "NoError",
            "item_id": "AAMkAGYzZjZmRiUsidkC+NAAAAY89FAAA=", "change_key": "FwAAAA==",
            "bytes": 687, "error": "base64", "disposition": "truncated",
        });
        let third = json!({
            "index": 2, "status": "ok", "class": "Success", "code": "NoError",
            "item_id": "AAMkAGYzZjZmRiUsidkC+NAAAAY87NAAA=", "change_key": "CQAAAA==",
            "bytes": 480,
            "sha256": "14aff3956d2d34c016202f49f3fd87e282d02fc48254813a8cbe8b8aede7c491",
            "integrity": "broken", "disposition": "done",
        });
        let output = run(&["decode", "--json", "--integrity", "report", &file], b"");
        let (items, summary) = json(&output);
        assert_eq!(items, [first.clone(), second.clone(), third.clone()]);
        assert_eq!(
            summary,
            json!({
                "items": 3, "ok": 2, "failed": 1, "suspect": 0, "response": "complete",
                "server_version": "14.1.139.0 Exchange2010_SP1",
            })
        );
        assert_eq!(status(&output), 1);

        let refused = |mut item: Value| {
            item["status"] = "failed".into();
            item["error"] = "payload".into();
            item["disposition"] = "truncated".into();
            item.as_object_mut().unwrap().remove("sha256");
            item
        };
        let output = run(&["decode", "--json", &file], b"");
        assert_eq!(json(&output).0, [refused(first), second, refused(third)]);
        assert_eq!(status(&output), 1);
    }
}

#[test]
fn the_published_errors() {
    for name in [
        "03_response_partial_errors_http-ns.xml",
        "03_response_partial_errors_as-published_https-ns.xml",
    ] {
        let Some(file) = published(name) else {
            return;
        };
        let output = run(&["decode", "--json", "--integrity", "off", &file], b"");
        let (items, summary) = json(&output);
        assert_eq!(
            items,
            [
                json!({
                    "index": 0, "status": "ok", "class": "Success", "code": "NoError",
                    "item_id": "AAMkADhhOGU0oMf0GPIQeAAAAUC8iAABseAAAAUFZ7AAA=",
                    "change_key": "CQAAAA==", "bytes": 254,
                    "sha256": "4d6549d0b3bd38f1cb0b6d08de0290a4347517bce96938e2734527c7afb02073",
                    "disposition": "done",
                }),
                json!({
                    "index": 1, "status": "failed", "class": "Error",
                    "code": "ErrorInvalidChangeKey", "error": "refused",
                    "message": "The change key is invalid.", "disposition": "permanent",
                }),
                json!({
                    "index": 2, "status": "failed", "class": "Error",
                    "code": "ErrorNonExistentMailbox", "error": "refused",
                    "message": "No mailbox with such guid. \
                        (MailboxGuid: f3f6f699-2254-40ce-9994-388d9d98419e)",
                    "disposition": "permanent",
                }),
            ]
        );
        assert_eq!(summary["response"], "complete");
        assert_eq!(status(&output), 1);
    }
}

/// The fields of the items and of the summary, in the order of the interface.
#[test]
fn fields_stand_in_the_order_that_is_documented() {
    let output = run(
        &["decode", "--json"],
        response(&[GOOD, REFUSED].concat()).as_bytes(),
    );
    let lines = stdout(&output);
    // None of the values holds a quote or colon.
    let keys = |line: &str| -> Vec<String> {
        let fields = line.trim_start_matches('{').split(",\"");
        let key = |field: &str| {
            field
                .split(':')
                .next()
                .unwrap()
                .trim_matches('"')
                .to_owned()
        };
        fields.map(key).collect()
    };
    let mut lines = lines.lines();
    let mut next = || keys(lines.next().unwrap()).join(" ");
    assert_eq!(
        next(),
        "index status class code item_id change_key bytes sha256 integrity disposition"
    );
    assert_eq!(next(), "index status class code error message disposition");
}

/// The exit status and the summary show how the response ended.
#[test]
fn every_class_of_failure_has_its_status() {
    let two = response(&[GOOD, GOOD].concat());
    let cut = &two[..two.rfind("AQAAAAgA").unwrap() + 4];
    let truncated = response(&format!("{GOOD}{GOOD}")).replacen(
        "</m:ResponseMessages>",
        "=== Truncated Data ===",
        1,
    );
    let malformed = two.replace("</m:ExportItemsResponse>", "</m:Other>");
    let refused = response(REFUSED);
    let good = response(GOOD);
    for (input, args, code, ended, counts) in [
        (&*two, &[][..], 0, "complete", [2, 2, 0]),
        (&*two, &["--items", "2"], 0, "complete", [2, 2, 0]),
        (&*good, &["--items", "2"], 1, "complete", [2, 1, 1]),
        (&*two, &["--items", "1"], 1, "complete", [2, 1, 1]),
        (&*refused, &[], 1, "complete", [1, 0, 1]),
        (cut, &[], 3, "cut", [2, 1, 1]),
        (cut, &["--items", "3"], 3, "cut", [3, 1, 2]),
        ("", &["--items", "2"], 3, "cut", [2, 0, 2]),
        (&*truncated, &[], 3, "truncated", [2, 1, 1]),
        (&*malformed, &[], 3, "malformed", [2, 1, 1]),
        (FAULT, &["--items", "1"], 3, "fault", [1, 0, 1]),
        ("<html><body/></html>", &[], 3, "not-soap", [0, 0, 0]),
    ] {
        let output = run(&[&["decode", "--json"], args].concat(), input.as_bytes());
        let (items, summary) = json(&output);
        let case = format!("{ended} {args:?}: {summary} {items:?}");
        assert_eq!(summary["response"], ended, "{case}");
        let found = ["items", "ok", "failed"].map(|field| summary[field].as_u64().unwrap());
        assert_eq!(found, counts, "{case}");
        assert_eq!(items.len() as u64, counts[0], "{case}");
        assert_eq!(status(&output), code, "{case}");

        // The text for a person says the same.
        let output = run(&[&["decode"], args].concat(), input.as_bytes());
        assert_eq!(status(&output), code, "{case}");
        let last = stdout(&output).lines().last().unwrap().to_owned();
        assert!(last.starts_with(&format!("{} of {} items exported", counts[1], counts[0])));
    }
}

#[test]
fn a_fault_says_who_and_how_long() {
    let output = run(&["decode", "--json"], FAULT.as_bytes());
    let (_, summary) = json(&output);
    assert_eq!(
        summary,
        json!({
            "items": 0, "ok": 0, "failed": 0, "suspect": 0, "response": "fault", "code": "ErrorServerBusy",
            "message": "The server cannot service this request right now.",
            "back_off_ms": 700, "disposition": "throttled",
        })
    );
}

#[test]
fn what_is_no_body_is_named() {
    for (input, says) in [
        (
            &b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<s:"[..],
            "HTTP headers",
        ),
        (b"\x1f\x8b\x08\0", "compressed"),
        (b"\xff\xfe<\0", "UTF-16"),
        (b"<!DOCTYPE html><html>", "HTML page"),
    ] {
        let output = run(&["decode"], input);
        assert_eq!(status(&output), 3);
        assert!(
            stderr(&output).contains(says),
            "{says}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn items_are_written_by_position() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/out");
    let out_text = out.to_str().unwrap();
    let input = response(&[GOOD, REFUSED, GOOD].concat());
    let args = ["decode", "--json", "--out", out_text];
    let output = run(&args, input.as_bytes());
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    let (items, _) = json(&output);
    let known: Vec<_> = items.iter().map(|item| &item["status"]).collect();
    assert_eq!(known, ["ok", "failed", "ok"]);
    let expected = ["items/00000000.fts", "items/00000002.fts", "manifest.jsonl"];
    assert_eq!(files(&out), expected.map(PathBuf::from));
    let payload = std::fs::read(out.join("items/00000002.fts")).unwrap();
    assert_eq!(payload.len(), 32);
    assert_eq!(payload[..8], [1, 0, 0, 0, 8, 0, 0, 0]);

    // The text for a person includes the offset.
    let output = run(&["decode", "--out", out_text], input.as_bytes());
    assert!(stdout(&output).contains("item 2: ok, 32 bytes, items/00000002.fts"));
}

#[test]
fn a_cut_item_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let input = response(&[GOOD, GOOD].concat());
    let cut = &input[..input.rfind("AAAA").unwrap()];
    let args = ["decode", "--out", dir.path().to_str().unwrap()];
    let output = run(&args, cut.as_bytes());
    assert_eq!(status(&output), 3);
    let expected = ["items/00000000.fts", "manifest.jsonl"].map(PathBuf::from);
    assert_eq!(files(dir.path()), expected);
}

#[test]
fn local_files_that_do_not_work_are_status_4() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("out");
    for args in [
        &["decode", "/no/such/file"][..],
        &["decode", dir.path().to_str().unwrap()],
        &["decode", "--out", below.to_str().unwrap()],
    ] {
        let output = run(args, b"");
        assert_eq!(status(&output), 4, "{args:?}: {}", stderr(&output));
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn wrong_usage_is_status_2() {
    for args in [
        &["decode", "--items", "-1"][..],
        &["decode", "--items", "many"],
        &["decode", "a", "b"],
        &["decode", "--no-such-option"],
        &["no-such-command"],
        &[],
    ] {
        let output = run(args, b"");
        assert_eq!(status(&output), 2, "{args:?}: {}", stderr(&output));
    }
}

/// When the reader closes the output, the command neither panics nor prints an error.
#[test]
fn a_closed_output_ends_it_quietly() {
    use std::process::Stdio;
    let input = response(&GOOD.repeat(10_000));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("response.xml");
    std::fs::write(&file, input).unwrap();
    let mut child = common::command(&["decode", "--json", file.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(status(&output), 4);
    assert_eq!(stderr(&output), "");
}

#[test]
fn text_of_any_kind_makes_good_json() {
    let text = "a\"b\\c\u{1f}&#x1;\u{ff}\u{20ac}&lt;";
    let message = REFUSED.replace("Gone.", text);
    let output = run(&["decode", "--json"], response(&message).as_bytes());
    let (items, _) = json(&output);
    assert_eq!(
        items[0]["message"],
        Value::from("a\"b\\c\u{FFFD}\u{FFFD}\u{ff}\u{20ac}<")
    );
}

/// Files are named by position, so a directory with items of another response is refused.
#[test]
fn a_directory_takes_the_items_of_one_response() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let decode = |input: &str| run(&["decode", "--out", out], input.as_bytes());
    let first = response(&[GOOD, GOOD].concat());
    assert_eq!(status(&decode(&first)), 0);
    let held = || std::fs::read(dir.path().join("items/00000001.fts")).unwrap();
    let before = held();

    // The same response may be decoded again, for example after a kill.
    std::fs::write(dir.path().join("items/00000001.7.tmp"), "cut").unwrap();
    assert_eq!(status(&decode(&first)), 0);
    // Another payload at the same position, and fewer items.
    let other = GOOD.replace(
        "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=",
        "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAIAAAA=",
    );
    assert_ne!(other, GOOD);
    for input in [
        response(&[GOOD, &other].concat()),
        response(GOOD),
        "no response".to_owned(),
    ] {
        let output = decode(&input);
        assert_eq!(status(&output), 2, "{}", stderr(&output));
        let said = stderr(&output);
        assert!(
            said.contains("items/00000001.fts") || said.contains("items/00000000.fts"),
            "{said}"
        );
        assert!(said.contains("another directory"), "{said}");
        assert_eq!(held(), before);
    }
    // The items of an export are in subdirectories.
    let export = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(export.path().join("items/0a")).unwrap();
    let args = ["decode", "--out", export.path().to_str().unwrap()];
    assert_eq!(status(&run(&args, first.as_bytes())), 2);
}

#[test]
fn a_closed_output_does_not_end_it_where_items_are_written() {
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("response.xml");
    std::fs::write(&file, response(&GOOD.repeat(2_000))).unwrap();
    let out = dir.path().join("out");
    let mut child = common::command(&["decode", file.to_str().unwrap()])
        .args([std::path::Path::new("--out"), &out])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(files(&out).len(), 2_001);
}

/// Text from a server, a file or a file name cannot control the terminal or forge a line.
#[test]
fn control_characters_stay_visible() {
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}&#10;item 9: ok";
    let messages = [
        REFUSED.replace("Gone.", evil),
        REFUSED.replace("ErrorItemNotFound", &format!("Error{evil}")),
        GOOD.replace("Id=\"", &format!("Id=\"{evil}")),
    ];
    let input = response(&messages.concat());
    for args in [&["decode"][..], &["decode", "--json"]] {
        let output = run(args, input.as_bytes());
        let said = stdout(&output) + &stderr(&output);
        assert!(
            said.lines().count() <= 4 + stderr(&output).lines().count(),
            "{said}"
        );
        let steers =
            |c: char| c.is_control() && c != '\n' || ('\u{200B}'..='\u{206F}').contains(&c);
        assert!(!said.contains(steers), "{said:?}");
    }
}

#[test]
fn a_cut_response_is_status_3_whatever_became_of_its_items() {
    let whole = response(&[REFUSED, REFUSED].concat());
    let end = whole.find("</m:ResponseMessages>").unwrap();
    for len in [end, end + 10, whole.len() - 1] {
        let output = run(
            &["decode", "--items", "2", "--json"],
            &whole.as_bytes()[..len],
        );
        assert_eq!(status(&output), 3, "{}", stdout(&output));
    }
    assert_eq!(
        status(&run(&["decode", "--items", "2"], whole.as_bytes())),
        1
    );
}

/// If the response has another number of messages than the request has items, every position may be wrong.
#[test]
fn a_wrong_number_of_messages_makes_items_suspect() {
    let dir = tempfile::tempdir().unwrap();
    let input = response(&[GOOD, GOOD].concat());
    for out in [None, Some(dir.path().to_str().unwrap())] {
        let mut args = vec!["decode", "--json", "--items", "3"];
        args.extend(out.iter().flat_map(|out| ["--out", out]));
        let output = run(&args, input.as_bytes());
        assert_eq!(status(&output), 1, "{}", stdout(&output));
        let (items, summary) = json(&output);
        let last = |index: u64| items.iter().rfind(|item| item["index"] == index).unwrap();
        for index in [0, 1] {
            assert_eq!(last(index)["suspect"], true, "{items:?}");
            assert_eq!(last(index)["file"].is_string(), out.is_some());
        }
        assert_eq!(last(2)["error"], "not-answered");
        let counts = ["ok", "suspect", "failed"].map(|name| summary[name].as_u64().unwrap());
        assert_eq!(counts, [2, 2, 1], "{summary}");
    }
    let output = run(&["decode", "--items", "2", "--json"], input.as_bytes());
    assert_eq!(status(&output), 0);
    assert!(!stdout(&output).contains("\"suspect\":true"));
}

#[test]
fn bytes_after_the_document_are_counted() {
    let input = response(GOOD) + "\0\0<html>";
    let output = run(&["decode", "--json"], input.as_bytes());
    let (_, summary) = json(&output);
    assert_eq!(
        (&summary["trailing"], &summary["response"]),
        (&Value::from(8), &Value::from("complete"))
    );
    assert_eq!(status(&output), 0);
    let text = stdout(&run(&["decode"], input.as_bytes()));
    assert!(text.contains("8 bytes follow"), "{text}");
}
