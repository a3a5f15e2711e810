//! `REQUIREMENTS.md`: nothing is missing in it, and nothing in it is made up.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use exportitems_testkit::data;

fn requirements() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REQUIREMENTS.md");
    fs::read_to_string(path).expect("REQUIREMENTS.md")
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = requirements();
    let table = text.split_once("| requirement |").expect("a table").1;
    let mut file = String::new();
    let mut tests = 0;
    for name in table.split('`').skip(1).step_by(2) {
        if name.contains(".rs") {
            file = fs::read_to_string(root.join(name))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        } else if name
            .chars()
            .all(|char| matches!(char, 'a'..='z' | '0'..='9' | '_'))
        {
            assert!(file.contains(&format!("fn {name}(")), "no test {name}");
            tests += 1;
        }
    }
    assert!(tests > 40, "only {tests} tests are named");
}

#[test]
fn every_requirement_of_export_items_is_listed() {
    let Some(table) = data::text("spec/MS-OXWSBTRF_requirements.tsv") else {
        return;
    };
    let listed: BTreeSet<String> = requirements()
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .split('|')
                .next()
                .map(str::to_owned)
        })
        .flat_map(|cell| {
            cell.split(',')
                .map(|id| id.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let mut missing = Vec::new();
    for row in table.lines() {
        let cells: Vec<&str> = row.split('\t').collect();
        let [id, _, kind, _, text, ..] = cells[..] else {
            continue;
        };
        let section = text.split(']').next().unwrap_or_default();
        let of_upload = ["UploadItem", "CreateAction"]
            .iter()
            .any(|name| section.contains(name))
            || text.contains("element [UploadItems");
        if kind != "Normative" || of_upload {
            continue;
        }
        let id = id
            .replace("MS-OXWSBTRF_", "")
            .replace("MS-OXWSCDATA_", "C ");
        if !listed.contains(&id) {
            missing.push(format!("{id} {text}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
