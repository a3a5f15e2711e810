//! What the fuzzer starts from and what it found, through the oracles of its targets.

use std::fs;
use std::path::{Path, PathBuf};

use exportitems_testkit::oracle;
use exportitems_testkit::run::Setup;

type Oracle = fn(&[u8]);

/// Each target and its oracle.
const TARGETS: [(&str, Oracle); 13] = [
    ("base64", oracle::base64),
    ("capi", oracle::capi),
    ("convert", oracle::convert),
    ("decode", oracle::decode),
    ("differential", oracle::differential),
    ("encode", oracle::encode),
    ("http", oracle::http),
    ("ntlm", oracle::ntlm),
    ("payload", oracle::payload),
    ("reader", oracle::reader),
    ("split", oracle::split),
    ("structured", oracle::structured_bytes),
    ("upload", oracle::upload),
];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// The files of a folder; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.is_file()).collect()
}

/// Also what a fuzzer has gathered since, in a folder for each target of `EXPORTITEMS_CORPUS`, if that is set.
#[test]
fn corpus_and_regressions() {
    let gathered = std::env::var_os("EXPORTITEMS_CORPUS").map(PathBuf::from);
    for (target, oracle) in TARGETS {
        let corpus = files(&fuzz().join("corpus").join(target));
        assert!(!corpus.is_empty(), "{target} has no corpus");
        let regressions = files(&fuzz().join("regressions").join(target));
        let gathered = gathered
            .iter()
            .flat_map(|folder| files(&folder.join(target)));
        for path in corpus.into_iter().chain(regressions).chain(gathered) {
            println!("{}", path.display());
            oracle(&fs::read(path).expect("a file"));
        }
    }
}

/// A target without an oracle here would not be replayed.
#[test]
fn every_target_is_known() {
    let mut targets: Vec<String> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    assert_eq!(targets, TARGETS.map(|(name, _)| name));
}

#[test]
fn the_corpus_cut_everywhere() {
    for path in files(&fuzz().join("corpus/decode")) {
        println!("{}", path.display());
        let document = fs::read(path).expect("a file");
        let setup = Setup {
            items: Some(3),
            ..Setup::default()
        };
        oracle::cut_everywhere(&document, setup);
    }
}
