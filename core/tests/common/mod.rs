//! What the integration tests share.

use std::path::PathBuf;

/// Reports that a test cannot run for want of `what`: a failure in CI, a printed line elsewhere.
pub(crate) fn skip(what: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{what}");
    println!("skipped: {what}");
}

/// A file of the data that lie beside the project, or `None`, reported, where they are absent.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("no {name} in ../shared/data"));
    None
}
