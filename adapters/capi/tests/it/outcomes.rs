//! The Rust API, the C program and the WebAssembly module decode every document to the same outcomes, and give the
//! same advice on them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exportitems::policy::{Endpoint, Limits, Policy, Retry};
use exportitems::{Decoder, Event, Options, ResponseCode, ResponseOutcome, Verdict};

use crate::documents;
use crate::tools::{self, Folder};

const CHUNKS: [usize; 3] = [1, 7, 16 * 1024];

#[test]
fn rust_c_and_wasm_agree() {
    let folder = Folder::new("outcomes");
    let c = tools::compile(&folder, "read");
    let wasm = tools::wasm();
    let documents = documents::all();
    let files: Vec<PathBuf> = (0..documents.len())
        .map(|number| folder.path().join(format!("{number}.response")))
        .collect();
    for ((_, document), file) in documents.iter().zip(&files) {
        std::fs::write(file, document).unwrap();
    }
    for chunk in CHUNKS {
        let expected: Vec<String> = documents
            .iter()
            .map(|(_, document)| by_rust(document, chunk))
            .collect();
        if let Some(program) = &c {
            for ((name, document), expected) in documents.iter().zip(&expected) {
                assert_eq!(
                    &by_c(program, document, chunk),
                    expected,
                    "C, {name}, by {chunk}"
                );
            }
        }
        if let Some(module) = &wasm {
            let transcript = by_wasm(module, chunk, &files);
            assert_eq!(transcript.len(), documents.len());
            for (((name, _), expected), transcript) in
                documents.iter().zip(&expected).zip(&transcript)
            {
                assert_eq!(transcript, expected, "WebAssembly, {name}, by {chunk}");
            }
        }
    }
    eprintln!("{} documents", documents.len());
}

fn by_rust(document: &[u8], chunk: usize) -> String {
    let mut decoder: Decoder<[u8; 2048]> = Decoder::new(Options::new());
    let mut transcript = String::new();
    let mut data = Vec::new();
    let mut endpoint = Endpoint::new(Limits::default());
    let mut exchange = endpoint.attempt(20);
    let mut take = |event: Event<'_>| match event {
        Event::Data(piece) => data.extend_from_slice(piece),
        Event::Outcome(outcome) => {
            let status = outcome.error.map_or("ok", exportitems::ItemError::as_str);
            let code = outcome.code.and_then(ResponseCode::as_str).unwrap_or("-");
            let verdict = outcome.integrity.map_or("-", Verdict::as_str);
            let (index, bytes, offset) = (outcome.index, outcome.bytes, outcome.offset);
            writeln!(
                transcript,
                "item {index}: {status} {code} {verdict}, {bytes} bytes, offset {offset}{}",
                advice(exchange.item(&outcome))
            )
            .unwrap();
            let data = std::mem::take(&mut data);
            if outcome.error.is_none() {
                writeln!(transcript, "data {index}: {}", tools::hex(&data)).unwrap();
            }
        }
        Event::Fault(fault) => exchange.fault(&fault),
        Event::End(summary) => {
            writeln!(
                transcript,
                "response {}: {} items, {} ok, {} failed, {} suspect",
                summary.response, summary.items, summary.ok, summary.failed, summary.suspect
            )
            .unwrap();
            if summary.response == ResponseOutcome::Cut {
                exchange.cut();
            }
        }
        _ => {}
    };
    let mut decode = || {
        for mut piece in document.chunks(chunk) {
            while let Some(event) = decoder.next_event(&mut piece)? {
                take(event);
            }
        }
        while let Some(event) = decoder.finish()? {
            take(event);
        }
        Ok::<(), exportitems::Error>(())
    };
    let result = decode();
    let wait = endpoint.end(&Policy::DEFAULT, exchange, 0, 0);
    let Limits {
        items,
        connections,
        version,
    } = endpoint.limits();
    match wait {
        None => writeln!(transcript, "next request: never"),
        Some(wait) => writeln!(
            transcript,
            "next request: in {wait} ms, {items} items, {connections} connections, {}",
            version.as_str()
        ),
    }
    .unwrap();
    if let Err(error) = result {
        writeln!(transcript, "error: {error}").unwrap();
    }
    transcript
}

/// The text of the advice on an item that has not failed before.
fn advice(advice: exportitems::policy::Advice) -> String {
    let again = Policy::DEFAULT
        .next(&mut Retry::new(), advice, 0, 0)
        .map(|wait| format!(", again in {wait} ms"));
    format!(", {}{}", advice.disposition, again.unwrap_or_default())
}

/// Returns the output of the program, with the data of the files that it wrote.
fn by_c(program: &Path, document: &[u8], chunk: usize) -> String {
    let folder = Folder::new("read");
    let mut child = Command::new(program)
        .arg(chunk.to_string())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The program does not read an unusable response to its end.
    let _ = child.stdin.take().unwrap().write_all(document);
    let printed = child.wait_with_output().unwrap().stdout;
    let mut transcript = String::new();
    let mut files = 0;
    for line in String::from_utf8(printed).unwrap().lines() {
        writeln!(transcript, "{line}").unwrap();
        if let Some((index, _)) = line
            .strip_prefix("item ")
            .and_then(|rest| rest.split_once(": ok "))
        {
            let data = std::fs::read(folder.path().join(format!("item-{index}.fts"))).unwrap();
            writeln!(transcript, "data {index}: {}", tools::hex(&data)).unwrap();
            files += 1;
        }
    }
    let written = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(
        written, files,
        "files are left of items that are not complete"
    );
    transcript
}

fn by_wasm(module: &Path, chunk: usize, files: &[PathBuf]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/test/transcript.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(module)
        .arg(chunk.to_string())
        .args(files)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut transcripts: Vec<String> = Vec::new();
    for line in printed.lines() {
        if line.starts_with("file ") {
            transcripts.push(String::new());
        } else {
            writeln!(transcripts.last_mut().unwrap(), "{line}").unwrap();
        }
    }
    transcripts
}
