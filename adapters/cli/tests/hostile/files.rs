//! All files of the fuzzing corpora, and samples of recorded servers and of Microsoft's pages.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{data, response};
use crate::expect::{data, expect, good, DTD, END, MARKUP, NOT_SOAP, OPERATION, TAG, TRUNCATED};

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).expect("a name")
}

/// Returns the files of a folder of `fuzz/`.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz")
        .join(folder);
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Fails unless every file of the folders has a row, and every row a file.
fn expect_files(folders: &[&str], rows: &[(&str, String)], wrap: impl Fn(Vec<u8>) -> Vec<u8>) {
    let mut missing: BTreeSet<_> = rows.iter().map(|(name, _)| *name).collect();
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let row = rows.iter().find(|(of, _)| *of == name(&path));
        let (of, row) = row.unwrap_or_else(|| panic!("no row for {}", path.display()));
        missing.remove(of);
        expect(wrap(fs::read(&path).expect("a file")), &[], row);
    }
    assert!(missing.is_empty(), "no such files: {missing:?}");
}

#[test]
fn the_corpus_of_responses() {
    let rows = [
        ("default-namespace.xml", "0 complete whole".into()),
        ("dressed-data.xml", "0 complete whole".into()),
        ("fault-2007.xml", "3 fault".into()),
        ("fault-2010.xml", "3 fault".into()),
        (
            "marker-behind.xml",
            format!("3 truncated truncated{TRUNCATED}"),
        ),
        (
            "marker-for-end-tags.xml",
            format!("3 truncated whole truncated{TRUNCATED}"),
        ),
        ("marker-in-data.xml", "1 complete truncated whole".into()),
        ("other-operation.xml", format!("3 not-soap{OPERATION}")),
        ("page.html", format!("3 not-soap{DTD}")),
        (
            "refused-between.xml",
            "1 complete whole refused refused refused whole".into(),
        ),
        ("two-items.xml", "0 complete whole whole".into()),
        // Found by the fuzzer.
        ("broken-declaration", format!("3 not-soap{MARKUP}")),
        (
            "declaration-that-is-an-instruction",
            format!("3 not-soap{MARKUP}"),
        ),
        (
            "end-tag-of-a-prefix-that-is-almost-the-same",
            format!("3 malformed malformed{TAG}"),
        ),
        (
            "instruction-without-a-target",
            format!("3 not-soap{MARKUP}"),
        ),
        (
            "long-target-of-an-instruction",
            format!("3 malformed whole refused{MARKUP}"),
        ),
        (
            "question-mark-in-declaration",
            format!("3 not-soap{MARKUP}"),
        ),
        ("two-byte-order-marks", format!("3 not-soap{NOT_SOAP}")),
        (
            "zero-byte-ahead-of-a-code",
            "1 complete contradiction".into(),
        ),
    ];
    // `split` and `differential` share the corpus of `decode`.
    let folders = [
        "corpus/decode",
        "regressions/decode",
        "regressions/split",
        "regressions/differential",
    ];
    expect_files(&folders, &rows, |document| document);
}

#[test]
fn the_corpus_of_data() {
    let rows = [
        ("alphabet", "1 complete base64 whole".into()),
        ("marker", "1 complete truncated whole".into()),
        ("marker-behind-padding", "1 complete truncated whole".into()),
        ("plain", "0 complete unknown whole".into()),
        // Shorter than the first record of a payload.
        ("reference", "1 complete payload whole".into()),
        ("trailing-bits", "1 complete base64 whole".into()),
        ("wrapped", "0 complete unknown whole".into()),
    ];
    expect_files(&["corpus/base64", "regressions/base64"], &rows, |text| {
        let text = String::from_utf8(text).expect("UTF-8");
        response(&(data(&text) + &good())).into_bytes()
    });
}

#[test]
fn the_corpus_of_payloads() {
    let rows = [
        ("cut.fts", "1 complete payload whole".into()),
        ("nested.fts", "0 complete whole whole".into()),
        ("placeholder.fts", "1 complete payload whole".into()),
        ("whole.fts", "0 complete whole whole".into()),
    ];
    expect_files(
        &["corpus/payload", "regressions/payload"],
        &rows,
        |payload| response(&(data(&base64(&payload)) + &good())).into_bytes(),
    );
}

/// Encodes base64 as RFC 4648 §4 defines it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0))
        });
        let symbol = |at: usize| match at <= chunk.len() {
            true => char::from(ALPHABET[bits >> (18 - 6 * at) & 63]),
            false => '=',
        };
        (0..4).map(symbol).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Responses of real servers to other operations.
#[test]
fn recorded_answers() {
    let Some(folder) = data::path("samples/recorded") else {
        return;
    };
    let mut answers = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "http") {
            continue;
        }
        answers += 1;
        let text = fs::read(&path).expect("a file");
        // The file was saved with the HTTP headers, so it is not a body.
        expect(&text, &[], &format!("3 not-soap{NOT_SOAP}"));
        let text = String::from_utf8_lossy(&text);
        let ends = ["\r\n\r\n", "\n\n"];
        let body = ends
            .iter()
            .find_map(|end| text.split_once(end))
            .map_or("", |(_, body)| body);
        let row = match name(&path) {
            "001_None.http" | "002_302.http" => format!("3 cut{END}"),
            "003_200.http" => format!("3 not-soap{NOT_SOAP}"),
            _ => format!("3 not-soap{OPERATION}"),
        };
        expect(body, &[], &row);
    }
    assert_eq!(answers, 17);
}

/// The documents of Microsoft's pages: requests, responses that the documentation shortened, and
/// other operations.
#[test]
fn documents_of_microsofts_pages() {
    for folder in ["samples/exportitems-page", "samples/docs"].map(data::path) {
        let Some(folder) = folder else {
            return;
        };
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let row = match name(&path) {
                "02_response_success_http-ns.xml"
                | "02_response_success_as-published_https-ns.xml"
                | "exportitems-operation_2.xml" => "1 complete payload base64 payload".to_owned(),
                "03_response_partial_errors_http-ns.xml"
                | "03_response_partial_errors_as-published_https-ns.xml"
                | "exportitems-operation_3.xml" => "1 complete payload refused refused".to_owned(),
                // The document begins with the body.
                "how-to-export-items-by-using-ews-in-exchange_2.xml" => {
                    format!("3 not-soap{NOT_SOAP}")
                }
                "INDEX.tsv" => continue,
                _ => format!("3 not-soap{OPERATION}"),
            };
            expect(fs::read(&path).expect("a file"), &[], &row);
        }
    }
}
