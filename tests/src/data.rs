//! Test data that is not part of the repository.

use std::path::PathBuf;

/// The text of a file below `../shared/data`, or `None` where the data is not at hand.
///
/// # Panics
/// Without the file where the environment says `CI=true`: there a test must not be skipped.
#[must_use]
pub fn text(path: &str) -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    match std::fs::read_to_string(root.join(path)) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "test data {path}: {error}"
            );
            eprintln!("skipped, test data {path}: {error}");
            None
        }
    }
}
