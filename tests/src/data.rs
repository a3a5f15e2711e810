//! Programs and test data that are not part of the repository, and what a test does without them.
//!
//! The tests of crates that cannot depend on the test kit include this file by its path.
// None of them uses every function.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Says that the running test is skipped, and why: one line per test, which the test harness does not capture.
pub fn skip(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    let line = format!("skipped: {test}: {}\n", why.lines().next().unwrap_or(""));
    if SAID.lock().is_ok_and(|mut said| said.insert(test)) {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// [`skip`] for lack of a program.
///
/// # Panics
/// With `CI=true`: `.ci/run packages` installs every program, so there no test may be skipped for lack of one.
pub fn skip_without(program: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{program}; `.ci/run packages` installs the programs that tests need"
    );
    skip(program);
}

/// A file or folder below `../shared/data`, beside the checkout; `None`, after a [`skip`], where it is missing.
#[must_use]
pub fn path(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|folder| folder.join(".ci/run").exists())?;
    let path = root.join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("no {name} in ../shared/data"));
    None
}

/// The text of a file below `../shared/data`; `None`, after a [`skip`], where it is missing.
///
/// # Panics
/// If the file is not UTF-8.
#[must_use]
pub fn text(name: &str) -> Option<String> {
    let bytes = std::fs::read(path(name)?).ok()?;
    Some(String::from_utf8(bytes).expect("test data in UTF-8"))
}
