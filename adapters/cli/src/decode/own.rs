//! Checks whether the items of a response may be written into a directory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _};
use std::path::Path;

use exportitems::{Decoder, FeedError, Options, Outcome, ResponseItemId, Sink};
use exportitems_std::archive::display_path;
use sha2::{Digest as _, Sha256};

use super::{Input, CHUNK};
use crate::status::Failure;

/// Fails if `dir` holds items of another response, and returns the input from its beginning.
///
/// The files are named by the position of their item, so items of another response would be overwritten.
/// If the directory holds items, the response is read twice, from a temporary copy.
pub(super) fn check(
    dir: &Path,
    name: &str,
    input: Input,
    options: Options,
) -> Result<Input, Failure> {
    let items = dir.join("items");
    let mut found = match fs::read_dir(&items) {
        Ok(found) => found.peekable(),
        // The directory does not exist yet, or `Archive::open` will report the error.
        Err(_) => return Ok(input),
    };
    if found.peek().is_none() {
        return Ok(input);
    }

    let failed = |error| Failure::local(name, &error);
    let mut copy =
        tempfile::tempfile().map_err(|error| Failure::local("a temporary file", &error))?;
    io::copy(&mut { input }, &mut copy).map_err(failed)?;
    copy.rewind().map_err(failed)?;
    let digests = digests(&mut copy, options).map_err(failed)?;
    copy.rewind().map_err(failed)?;

    for entry in found {
        let path = entry
            .map_err(|error| Failure::local(&display_path(&items), &error))?
            .path();
        if !is_own(&path, &digests) {
            return Err(Failure::Usage(format!(
                "{} holds {}, which is not an item of this response and could be overwritten; \
                 give another directory",
                display_path(dir),
                display_path(path.strip_prefix(dir).unwrap_or(&path))
            )));
        }
    }
    Ok(Box::new(copy))
}

/// Returns whether a file is an item of the response, or the temporary file of a run that was killed.
fn is_own(path: &Path, digests: &HashMap<u32, [u8; 32]>) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|_| path.is_file()) else {
        return false;
    };
    // `Archive::open` removes temporary files.
    let Some(position) = name.strip_suffix(".fts") else {
        return path.extension().is_some_and(|extension| extension == "tmp");
    };
    let expected = position
        .parse()
        .ok()
        .and_then(|index: u32| digests.get(&index));
    expected.is_some_and(|expected| digest(path).is_ok_and(|found| found == *expected))
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut digest, mut chunk) = (File::open(path)?, Sha256::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(digest.finalize().into()),
            Ok(len) => digest.update(&chunk[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns the SHA-256 of each item in the response, by position.
fn digests(response: &mut File, options: Options) -> io::Result<HashMap<u32, [u8; 32]>> {
    let mut decoder = Decoder::<[u8; 4096]>::new(options);
    let (mut digests, mut chunk) = (Digests::default(), vec![0; CHUNK]);
    loop {
        let len = match response.read(&mut chunk) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let fed = match len {
            0 => decoder.finish_into(&mut digests).map(drop),
            _ => decoder.feed(&mut &chunk[..len], &mut digests),
        };
        match fed {
            Ok(()) if len > 0 => {}
            Ok(()) | Err(FeedError::Response(_)) => return Ok(digests.items),
        }
    }
}

#[derive(Default)]
struct Digests {
    current: Sha256,
    items: HashMap<u32, [u8; 32]>,
}

impl Sink for Digests {
    type Error = core::convert::Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        self.current = Sha256::new();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.current.update(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
        let digest = self.current.finalize_reset().into();
        self.items.insert(outcome.index, digest);
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {}

    fn failed(&mut self, _: &Outcome) {}
}
