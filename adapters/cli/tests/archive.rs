//! What people see of an archive: seals, states, lists and reports.

mod common;

use std::path::Path;

use common::server::Setup;
use common::{run, status, stderr, stdout};
use serde_json::Value;

/// Runs a command on the archive of a setup.
fn on(setup: &Setup, args: &[&str]) -> (i32, String, String) {
    let out = setup.path("out");
    let mut all = vec![args[0], out.to_str().unwrap()];
    all.extend(&args[1..]);
    let output = run(&all, b"");
    (status(&output), stdout(&output), stderr(&output))
}

fn edit(path: &Path, change: impl Fn(String) -> String) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

/// An archive is sealed, and every later change fails.
#[test]
fn a_seal_is_written_and_compared() {
    let setup = Setup::new("", &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 0);
    let (code, _, error) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 4);
    assert!(error.contains("exportitems seal"), "{error}");

    let (code, printed, _) = on(&setup, &["seal"]);
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains("3 items") && printed.contains("gpg"),
        "{printed}"
    );
    let (code, printed, _) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("unchanged since then"), "{printed}");
    let (_, json, _) = on(&setup, &["seal", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["totals"]["bytes"], 15_000);

    // A stray file fails only with the seal.
    let stray = setup.path("out/items/stray.fts");
    std::fs::write(&stray, "x").unwrap();
    assert_eq!(on(&setup, &["verify"]).0, 0);
    assert_eq!(on(&setup, &["verify", "--seal"]).0, 1);
    let (code, _, error) = on(&setup, &["seal"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("stray.fts is not in the manifest"),
        "{error}"
    );
    std::fs::remove_file(stray).unwrap();

    let manifest = setup.path("out/manifest.jsonl");
    let before = std::fs::read_to_string(&manifest).unwrap();
    edit(&manifest, |text| text.replacen("NoError", "NoErrors", 1));
    let (code, printed, _) = on(&setup, &["verify"]);
    assert_eq!(code, 1);
    assert!(printed.contains("the manifest was edited"), "{printed}");
    assert_eq!(on(&setup, &["seal"]).0, 1);
    // The last line has no successor, so only the seal shows that it is missing.
    edit(&manifest, |_| {
        let end = before[..before.len() - 1].rfind('\n').unwrap();
        before[..=end].to_owned()
    });
    assert_eq!(on(&setup, &["verify"]).0, 0);
    let (code, printed, _) = on(&setup, &["verify", "--seal"]);
    assert_eq!(code, 1);
    assert!(printed.contains("differs from the one"), "{printed}");
}

/// A run says who exported what, when and from where.
#[test]
fn a_run_is_recorded() {
    let setup = Setup::new("", &[5_000; 3]);
    let output = setup.export(&["--header", "X-Key: hidden"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let manifest = std::fs::read_to_string(setup.path("out/manifest.jsonl")).unwrap();
    let lines: Vec<Value> = manifest
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_type = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    let run = of_type("run");
    assert!(run["user"].is_string() && run["host"].is_string(), "{run}");
    assert!(run["program"].as_str().unwrap().starts_with("exportitems "));
    assert_eq!(run["arguments"][0], "export");
    assert!(!manifest.contains("hidden"), "{manifest}");
    assert_eq!(of_type("server")["url"], setup.emulator.url());
    let end = of_type("end");
    assert_eq!((&end["exported"], &end["missing"]), (&3.into(), &0.into()));
}

/// What a list says about an item: the archive is written with the library, because `export --ids` has only ids.
fn listed_archive(dir: &Path) {
    use exportitems::{Decoder, ItemId, Options};
    use exportitems_std::archive::{folder_path, ItemInfo};
    use exportitems_std::Archive;

    let payload = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";
    let message = |id: &str| {
        format!(
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:ItemId Id=\"{id}\" ChangeKey=\"key\"/><m:Data>{payload}</m:Data></m:ExportItemsResponseMessage>"
        )
    };
    let refused = "<m:ExportItemsResponseMessage ResponseClass=\"Error\"><m:MessageText>gone</m:MessageText>\
                   <m:ResponseCode>ErrorItemNotFound</m:ResponseCode></m:ExportItemsResponseMessage>";
    let response = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <m:ExportItemsResponse xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
         <m:ResponseMessages>{}{}{refused}</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>",
        message("one"),
        message("two"),
    );
    let archive = Archive::open(dir).unwrap();
    let items = ["one", "two", "three"].map(ItemId::new);
    let infos = [
        ("<script>alert(1)</script>", "2026-01-31T12:00:00Z"),
        ("Quarterly R\u{c9}SUM\u{c9}", "2026-02-28T00:00:00Z"),
        ("Forged\nline \u{1b}[2J", "2025-12-31T23:59:59Z"),
    ];
    let infos = infos.map(|(subject, received)| {
        let mut info = ItemInfo::default();
        info.folder = Some(folder_path(["Inbox", "2025/26"]));
        info.folder_class = Some("IPF.Note".to_owned());
        info.item_class = Some("IPM.Note.Custom".to_owned());
        info.subject = Some(subject.to_owned());
        info.received = Some(received.to_owned());
        info
    });
    let mut sink = archive.sink(&items).describe(infos.to_vec());
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(3));
    decoder.feed(&mut response.as_bytes(), &mut sink).unwrap();
    decoder.finish_into(&mut sink).unwrap();
    while archive.wait_published().unwrap().is_some() {}
}

fn listed() -> Setup {
    let setup = Setup::new("", &[5_000; 1]);
    listed_archive(&setup.path("out"));
    setup
}

#[test]
fn status_counts_by_folder_and_reason() {
    let setup = listed();
    let (code, printed, _) = on(&setup, &["status"]);
    assert_eq!(code, 1, "{printed}");
    for part in [
        "done             2",
        "1  ErrorItemNotFound; not requested again",
        r"Inbox/2025\/26",
    ] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    let (_, json, _) = on(&setup, &["status", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["done"], &json["failed"], &json["waiting"]),
        (&2.into(), &1.into(), &0.into())
    );
    assert_eq!(json["folders"][0]["done"], 2);
    assert_eq!(json["folders"][0]["folder"], r"Inbox/2025\/26");

    // A file that is gone is lost, and waits for the next run.
    let (_, found, _) = on(&setup, &["find", "r\u{e9}sum\u{e9}", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    std::fs::remove_file(found["path"].as_str().unwrap()).unwrap();
    let (_, json, _) = on(&setup, &["status", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["done"], &json["lost"], &json["waiting"]),
        (&1.into(), &1.into(), &1.into())
    );

    let empty = setup.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = run(&["status", empty.to_str().unwrap()], b"");
    assert_eq!(status(&output), 4);
    assert!(stderr(&output).contains("no manifest.jsonl"));
}

#[test]
fn status_of_a_complete_archive_is_0() {
    let setup = Setup::new("", &[5_000; 3]);
    assert_eq!(status(&setup.export(&[])), 0);
    let (code, printed, _) = on(&setup, &["status"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("3 exported, 0 missing"), "{printed}");
}

#[test]
fn find_looks_everywhere_and_prints_what_show_accepts() {
    let setup = listed();
    let count = |args: &[&str]| {
        let mut all = vec!["find"];
        all.extend(args);
        on(&setup, &all).1.lines().count()
    };
    for (args, expected) in [
        (&[][..], 3),
        (&["SCRIPT"], 1),
        (&["r\u{e9}sum\u{e9}"], 1),
        (&["2025"], 3),
        (&["ipm.note"], 3),
        (&["two"], 1),
        (&["nothing"], 0),
        (&["--folder", "Inbox"], 3),
        (&["--folder", r"Inbox/2025\/26"], 3),
        (&["--folder", "Inb"], 0),
        (&["--class", "IPM.Note"], 3),
        (&["--class", "IPM.Not"], 0),
        (&["--since", "2026-01-31"], 2),
        (&["--since", "2026-01-31T12:00:01Z"], 1),
        (&["--until", "2026-01-31"], 1),
        (
            &["--since", "2026-01-01", "--until", "2026-02-01", "script"],
            1,
        ),
    ] {
        assert_eq!(count(args), expected, "{args:?}");
    }
    assert_eq!(on(&setup, &["find", "nothing"]).0, 1);
    assert_eq!(on(&setup, &["find", "--since", "yesterday"]).0, 2);

    let (_, printed, _) = on(&setup, &["find"]);
    assert!(
        printed.contains(r"Forged\nline \u{1b}[2J (ErrorItemNotFound)"),
        "{printed}"
    );
    for line in printed.lines().take(2) {
        let path = line.split("  ").next().unwrap();
        let output = run(&["show", path], b"");
        assert_eq!(status(&output), 0, "{path}: {}", stderr(&output));
    }
}

/// The page has no script, and shows texts of the mailbox as they are. A browser opens it.
#[test]
fn the_report_is_a_page_for_people() {
    let setup = listed();
    let (code, printed, _) = on(&setup, &["report"]);
    assert_eq!(code, 0, "{printed}");
    let path = setup.path("out/report.html");
    let page = std::fs::read_to_string(&path).unwrap();
    for part in [
        "2 items are archived; 1 are not",
        r"Inbox/2025\/26",
        "ErrorItemNotFound",
        "Forged\\nline",
        "default-src 'none'",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    for part in ["<script", "http://", "https://", "src=\"", "href="] {
        assert!(!page.contains(part), "{part} is in the page");
    }

    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            std::process::Command::new(name)
                .arg("--version")
                .output()
                .is_ok()
        })
    else {
        common::data::skip_without("no chromium");
        return;
    };
    let profile = setup.path("profile");
    let output = std::process::Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(
        dom.contains("<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>")
            || dom.contains("ErrorItemNotFound</td>"),
        "{dom}"
    );
    assert_eq!(dom.matches("<table>").count(), 4, "{dom}");
}

/// With TLS, the record of the server has the SHA-256 of its certificate.
#[test]
fn the_certificate_of_the_server_is_recorded() {
    let setup = Setup::new("tls = true", &[5_000; 1]);
    let ca = setup.path("ca.pem");
    let output = setup.export(&["--ca-file", ca.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let (_, json, _) = on(&setup, &["status", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let recorded = json["runs"][0]["certificate"].as_str().unwrap();
    // It is the hash that another run can trust.
    std::fs::remove_dir_all(setup.path("out")).unwrap();
    let output = setup.export(&["--trust-certificate", recorded]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
}

/// Every command has a page, and every shell a script.
#[test]
fn completions_and_manual_pages_are_made_from_the_options() {
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef exportitems"),
        ("fish", "complete -c exportitems"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = run(&["completions", shell], b"");
        assert_eq!(status(&output), 0);
        let script = stdout(&output);
        for part in [part, "verify", "seal"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let output = run(&["man", dir.path().to_str().unwrap()], b"");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let page = std::fs::read_to_string(dir.path().join("exportitems-verify.1")).unwrap();
    assert!(
        page.contains(".TH exportitems-verify 1") && page.contains("seal"),
        "{page}"
    );
    assert!(dir.path().join("exportitems.1").exists());
}

/// The log has a line per response, and ids only on request.
#[test]
fn a_log_has_ids_only_on_request() {
    let setup = Setup::new("", &[5_000; 3]);
    let log = setup.path("log");
    let name = log.to_str().unwrap();
    assert_eq!(
        status(&setup.export(&["--log", name, "--log-level", "debug"])),
        0
    );
    let text = std::fs::read_to_string(&log).unwrap();
    for part in [
        "response status=200",
        "client_request_id=",
        " items=3}",
        "is_done=true",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains(&setup.id(0)), "{text}");
    std::fs::remove_dir_all(setup.path("out")).unwrap();
    assert_eq!(
        status(&setup.export(&["--log", name, "--log-level", "trace"])),
        0
    );
    let more = std::fs::read_to_string(&log).unwrap();
    assert!(more.starts_with(&text), "the file is appended to");
    assert!(more.contains(&setup.id(0)));
    assert_eq!(status(&setup.export(&["--log", "/nonexistent/log"])), 4);
}
