//! Checks an output against a row of a table, and against README.md.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::common::{json, response, run, status, stderr};

/// A whole payload in base64: two records with one property.
pub(crate) const PAYLOAD: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==";
pub(crate) const MARKER: &str = "=== Truncated Data ===";

// Errors in the summary.
pub(crate) const DTD: &str = "; document type declarations are refused";
pub(crate) const ENCODING: &str = "; not UTF-8";
pub(crate) const END: &str = "; the response ended before the document did";
pub(crate) const ENTITY: &str = "; unknown or unterminated entity reference";
pub(crate) const MARKUP: &str = "; malformed XML";
pub(crate) const NAME: &str = "; the name of an element or attribute is too long";
pub(crate) const NOT_SOAP: &str = "; not a SOAP envelope";
pub(crate) const OPERATION: &str = "; not a response to ExportItems";
pub(crate) const TAG: &str = "; end tag does not match the open element";
pub(crate) const TEXT: &str = "; text where only elements belong";
pub(crate) const TOO_DEEP: &str = "; elements are nested too deep";
pub(crate) const TRUNCATED: &str = "; the server truncated the response (`=== Truncated Data ===`)";

pub(crate) fn message(class: &str, content: &str) -> String {
    format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"{class}\">{content}</m:ExportItemsResponseMessage>"
    )
}

/// A successful response message with this content of `Data`.
pub(crate) fn data(content: &str) -> String {
    message(
        "Success",
        &format!(
            "<m:ResponseCode>NoError</m:ResponseCode><t:ItemId Id=\"AAMk\" ChangeKey=\"CQ\"/><m:Data>{content}</m:Data>"
        ),
    )
}

pub(crate) fn good() -> String {
    data(PAYLOAD)
}

/// A response message that refuses an item, with this content in addition to its code.
pub(crate) fn refused(content: &str) -> String {
    message(
        "Error",
        &format!("{content}<m:ResponseCode>ErrorItemNotFound</m:ResponseCode>"),
    )
}

/// A response with this content of its body.
pub(crate) fn body(content: &str) -> String {
    let whole = response("");
    let (before, rest) = whole.split_once("<m:ExportItemsResponse ").expect("a body");
    let (_, after) = rest
        .split_once("</m:ExportItemsResponse>")
        .expect("its end");
    format!("{before}{content}{after}")
}

/// Decodes a document, and compares the output with README.md and with the row of its table.
pub(crate) fn expect(document: impl AsRef<[u8]>, args: &[&str], row: &str) {
    let document = document.as_ref();
    let output = run(&[&["decode", "--json"], args].concat(), document);
    let shown = String::from_utf8_lossy(&document[..document.len().min(600)]);
    let case = format!("{args:?} {shown}\n{}", stderr(&output));
    assert_eq!(found(&output, &case), row, "{case}");
}

/// Returns the row that describes an output, after the checks that apply to every output.
pub(crate) fn found(output: &Output, case: &str) -> String {
    let (items, summary) = json(output);
    let fields = Documented::read();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let count = |ok: &str| items.iter().filter(|item| item["status"] == ok).count() as u64;
    let mut row = format!(
        "{} {}",
        status(output),
        summary["response"].as_str().expect(case)
    );
    for (at, item) in items.iter().enumerate() {
        fields.hold(item, "item", case);
        assert_eq!(item["index"], at, "{case}");
        let ok = item["status"] == "ok";
        assert_eq!(item.get("error").is_none(), ok, "{case}");
        assert_eq!(item.get("sha256").is_some(), ok, "{case}");
        let suspect = item["suspect"] == true;
        assert_eq!(item["disposition"] == "done", ok && !suspect, "{case}");
        let word = text(&item["error"]).or_else(|| text(&item["integrity"]));
        row = row + " " + word.as_deref().unwrap_or("unchecked");
    }
    fields.hold(&summary, "summary", case);
    assert_eq!(summary["items"], items.len(), "{case}");
    assert_eq!(summary["ok"], count("ok"), "{case}");
    assert_eq!(summary["failed"], count("failed"), "{case}");
    let complete = summary["response"] == "complete";
    assert_eq!(summary.get("disposition").is_none(), complete, "{case}");
    assert_eq!(
        summary.get("error").is_some(),
        summary.get("offset").is_some(),
        "{case}"
    );
    let suspect = items.iter().filter(|item| item["suspect"] == true).count() as u64;
    assert_eq!(summary["suspect"], suspect, "{case}");
    let exit = match complete {
        true => i32::from(summary["failed"] != 0 || suspect > 0),
        false => 3,
    };
    assert_eq!(status(output), exit, "{case}");
    match text(&summary["error"]) {
        Some(error) => row + "; " + &error,
        None => row,
    }
}

/// The table of the fields in README.md.
struct Documented {
    /// The name of each field, "item", "summary" or "both", and its description.
    rows: Vec<(String, String, String)>,
}

impl Documented {
    fn read() -> Self {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
        let readme = fs::read_to_string(readme).expect("README.md");
        let (_, table) = readme.split_once("| field | of | what |").expect("a table");
        let lines = table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        let cell = |line: &str, at| line.split('|').nth(at).expect("a cell").trim().to_owned();
        let rows = lines.map(|line| (cell(line, 1), cell(line, 2), cell(line, 3)));
        let rows: Vec<_> = rows.collect();
        assert!(rows.len() > 10);
        Self { rows }
    }

    /// Fails if the table lacks a field of the output, or a word that a field may have as its value.
    fn hold(&self, object: &Value, of: &str, case: &str) {
        for (field, value) in object.as_object().expect("an object") {
            let name = format!("`{field}`");
            let row = (self.rows.iter()).find(|(names, which, _)| {
                (which == of || which == "both") && names.split(", ").any(|known| known == name)
            });
            let (_, _, says) = row.unwrap_or_else(|| panic!("{of} field {name}: {case}"));
            let listed = ["status", "integrity", "disposition", "response"].contains(&&**field)
                || (of == "item" && field == "error");
            if let (true, Some(word)) = (listed, value.as_str()) {
                assert!(
                    says.contains(&format!("`{word}`")),
                    "{field} `{word}`: {case}"
                );
            }
        }
    }
}
