//! Tests of `exportitems verify`.

mod common;

use common::{data, response, run, status, stderr, stdout};
use exportitems_emulator::payload;
use exportitems_std::archive::display_path;

#[test]
fn each_file_has_its_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let whole = payload(1, 100_000).unwrap();
    let mut foreign = whole.clone();
    foreign.truncate(16);
    let mut flipped = whole.clone();
    flipped[0] ^= 0xFF;
    let twice = [&whole[..], &whole].concat();
    // A record with one property of an unknown type.
    foreign.extend([2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1, 0]);
    for (bytes, integrity, code, says) in [
        (&whole[..], "accept", 0, "whole"),
        (&whole[..], "require", 0, "whole"),
        (&whole[..99_999], "accept", 1, "broken at byte "),
        (&whole[..99_999], "report", 0, "broken at byte "),
        (&whole[..99_999], "off", 0, "payload not checked"),
        (&foreign, "accept", 0, "framed"),
        (&foreign, "require", 1, "framed"),
        (
            b"\xff\xd8\xff\xe0 a picture",
            "accept",
            1,
            "not an exported item; it seems to be a picture",
        ),
        (
            b"\xff\xd8\xff\xe0 a picture",
            "report",
            1,
            "not an exported item",
        ),
        (
            b"\xff\xd8\xff\xe0 a picture",
            "off",
            0,
            "payload not checked",
        ),
        (
            b"\0",
            "accept",
            1,
            "not an exported item; it seems to be a file of zero bytes",
        ),
        (b"", "accept", 1, "not an exported item; the file is empty"),
        (
            &[0; 5000],
            "accept",
            1,
            "not an exported item; it seems to be a file of zero",
        ),
        (
            &flipped,
            "accept",
            1,
            "not an exported item; it seems to be an exported item whose",
        ),
        (
            b"\x02\x03\x04\x05\x06\x07\x08\x09\xF1",
            "accept",
            1,
            "not an exported item, or one in a format",
        ),
        (
            &twice,
            "accept",
            1,
            "broken at byte 100000: a second payload begins",
        ),
        (
            &twice,
            "report",
            0,
            "broken at byte 100000: a second payload begins",
        ),
    ] {
        let file = dir.path().join("item.fts");
        std::fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        let output = run(&["verify", "--integrity", integrity, file], b"");
        let printed = stdout(&output);
        let shown = display_path(file.as_ref());
        assert_eq!(status(&output), code, "{integrity}: {printed}");
        assert!(
            printed.starts_with(&format!("{shown}: {says}")),
            "{printed}"
        );
        let last = printed.lines().last().unwrap();
        assert_eq!(last, format!("{} of 1 files are good", 1 - code));
    }
}

/// The third document of Microsoft's page has the longest part of a genuine payload.
#[test]
fn a_published_payload_is_cut() {
    let Some(file) = data::path("samples/exportitems-page/02_response_success_http-ns.xml") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let file = file.to_str().unwrap();
    run(
        &["decode", file, "--integrity", "report", "--out", out],
        b"",
    );
    let output = run(&["verify", out], b"");
    assert_eq!(status(&output), 1);
    let printed = stdout(&output);
    assert!(
        printed.contains("00000002.fts: broken at byte 62: the payload ends inside a record"),
        "{printed}"
    );
    assert!(printed.ends_with("0 of 2 files are good\n"), "{printed}");
}

#[test]
fn a_directory_is_compared_with_its_manifest() {
    const DATA: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";
    let message = format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
         </m:ResponseCode><m:Data>{DATA}</m:Data></m:ExportItemsResponseMessage>"
    );
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let decode = run(
        &["decode", "--out", out],
        response(&message.repeat(4)).as_bytes(),
    );
    assert_eq!(status(&decode), 0, "{}", stderr(&decode));
    let output = run(&["verify", out], b"");
    assert_eq!(status(&output), 0);
    assert!(stdout(&output).ends_with("4 of 4 files are good\n"));

    let item = |at: u32| dir.path().join(format!("items/{at:08}.fts"));
    let mut bytes = std::fs::read(item(1)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(item(1), &bytes).unwrap();
    bytes.push(0);
    std::fs::write(item(2), &bytes).unwrap();
    std::fs::remove_file(item(3)).unwrap();
    let output = run(&["verify", out], b"");
    assert_eq!(status(&output), 1);
    let printed = stdout(&output);
    for part in [
        "00000000.fts: whole\n",
        "00000001.fts: its SHA-256 differs",
        "00000002.fts: 33 bytes, but the manifest says 32",
        "00000003.fts: missing",
        "1 of 4 files are good\n",
    ] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
}

#[test]
fn what_cannot_be_read_is_status_4() {
    let dir = tempfile::tempdir().unwrap();
    for path in ["/no/such/file", "/dev/null", dir.path().to_str().unwrap()] {
        let output = run(&["verify", path], b"");
        assert_eq!(status(&output), 4);
        let shown = display_path(path.as_ref());
        assert!(stderr(&output).contains(&shown), "{}", stderr(&output));
    }
    assert_eq!(status(&run(&["verify"], b"")), 2);
}

/// File names and text from a manifest cannot control the terminal or forge a line.
#[test]
#[cfg(unix)]
fn control_characters_stay_visible() {
    let dir = tempfile::tempdir().unwrap();
    let evil = "a\u{1b}[2J\u{9b}\u{202e}\nb: whole\n9 of 9 files are good";
    let file = dir.path().join(evil);
    std::fs::write(&file, payload(1, 1000).unwrap()).unwrap();
    let evil_file = serde_json::to_string(evil).unwrap();
    let line = format!(
        "{{\"status\":\"ok\",\"index\":0,\"id\":{evil_file},\"file\":{evil_file},\"bytes\":1,\"attempts\":1,\
         \"time\":\"\",\"code\":{evil_file}}}\n"
    );
    std::fs::write(dir.path().join("manifest.jsonl"), line).unwrap();
    std::fs::create_dir(dir.path().join("items")).unwrap();
    for path in [
        file.as_path(),
        dir.path(),
        &dir.path().join("no\nsuch\u{7}"),
    ] {
        let output = run(&["verify", path.to_str().unwrap()], b"");
        let said = stdout(&output) + &stderr(&output);
        assert!(said.lines().count() <= 2, "{said:?}");
        assert!(
            !said.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']),
            "{said:?}"
        );
    }
}

/// In a folder from an untrusted source, no file outside of it is opened, and every file in it is reported.
#[test]
#[cfg(unix)]
fn a_foreign_folder_is_judged_from_inside() {
    use common::server::Setup;
    let scenario = "[[item]]\nindex = 4\nanswer = { error = { code = 'ErrorItemNotFound' } }";
    let setup = Setup::new(scenario, &[5_000; 5]);
    assert_eq!(status(&setup.export(&["--json"])), 1);
    let out = setup.path("out");
    let manifest = out.join("manifest.jsonl");
    let lines = std::fs::read_to_string(&manifest).unwrap();
    let file = |at: usize| {
        let line = lines
            .lines()
            .find(|line| line.contains(&setup.id(at)))
            .unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["file"].as_str().unwrap().to_owned()
    };
    let verify = || {
        let output = run(&["verify", out.to_str().unwrap()], b"");
        (status(&output), stdout(&output) + &stderr(&output))
    };

    let (code, printed) = verify();
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.contains(&format!(
            "{}: not in the archive; refused, ErrorItemNotFound",
            setup.id(4)
        )),
        "{printed}"
    );
    assert!(
        printed.ends_with("4 of 4 files are good, 1 failed and not in the archive\n"),
        "{printed}"
    );

    // A file without a line, a link in place of a file, the name of another file, and a path out of the folder.
    let secret = setup.path("secret");
    std::fs::write(&secret, payload(0, 5_000).unwrap()).unwrap();
    std::fs::write(out.join("items/stray.fts"), "x").unwrap();
    std::fs::remove_file(out.join(file(0))).unwrap();
    std::os::unix::fs::symlink(&secret, out.join(file(0))).unwrap();
    let evil = lines
        .replace(&file(1), &file(2))
        .replace(&file(3), "../secret");
    std::fs::write(&manifest, &evil).unwrap();
    let (code, printed) = verify();
    assert_eq!(code, 1, "{printed}");
    for part in [
        "stray.fts: not in the manifest",
        "a link, a directory or a special file",
        "its name in the manifest does not belong to the id",
        "/out/../secret: its name in the manifest",
        "1 of 4 files are good, 1 failed and not in the archive, 1 not in the manifest\n",
    ] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }

    // A suspect item is not good.
    std::fs::remove_file(out.join(file(0))).unwrap();
    std::fs::copy(&secret, out.join(file(0))).unwrap();
    std::fs::write(
        &manifest,
        lines.replacen("\"status\":\"ok\"", "\"status\":\"ok\",\"suspect\":true", 1),
    )
    .unwrap();
    let (code, printed) = verify();
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("1 suspect"), "{printed}");
}
