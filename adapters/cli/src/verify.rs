//! `exportitems verify`: reads exported items and checks them.

use core::fmt::{self, Write as _};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use exportitems::{BrokenReason, IntegrityPolicy, PayloadCheck, Verdict};
use exportitems_std::archive::{self, Entry, FileState, Finding, SealState};
use exportitems_std::error_chain;

use crate::filekind;
use crate::integrity::IntegrityOption;
use crate::output::{say, Output};
use crate::status::{Failure, Status};

/// Checks exported items.
///
/// Each payload must be whole. In a directory with a manifest, each file must also have the size and SHA-256 of its
/// manifest line, and each line must contain the SHA-256 of the line before it.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// Exported files, and directories that `export` or `decode --out` has written.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    integrity: IntegrityOption,
    /// Compare each directory with its seal too. An item that was altered, removed or added since then is reported,
    /// even if the manifest was edited to fit.
    #[arg(long)]
    seal: bool,
}

/// The results so far.
struct Verifier<'a> {
    integrity: IntegrityPolicy,
    with_seal: bool,
    output: &'a mut Output,
    files: u64,
    bad: u64,
    suspect: u64,
    /// The number of items that failed and have no file.
    failed: u64,
    /// The number of files that the manifest does not list.
    without_entry: u64,
    /// The number of faults of manifests and seals.
    faults: u64,
    /// Whether a file or a manifest could not be read.
    unreadable: bool,
}

pub(crate) fn run(args: &Verify, output: &mut Output) -> Result<Status, Failure> {
    let mut verifier = Verifier {
        integrity: args.integrity.get(),
        with_seal: args.seal,
        output,
        files: 0,
        bad: 0,
        suspect: 0,
        failed: 0,
        without_entry: 0,
        faults: 0,
        unreadable: false,
    };
    for path in &args.paths {
        if path.is_dir() {
            verifier.directory(path);
        } else if args.seal {
            let path = archive::display_path(path);
            return Err(Failure::Usage(format!(
                "{path} is not a directory, so it has no seal"
            )));
        } else {
            verifier.file(path);
        }
        verifier.output.check()?;
    }
    let Verifier {
        files,
        bad,
        faults,
        unreadable,
        ..
    } = verifier;
    if files > 0 || !unreadable {
        let mut text = format!("{} of {files} files are good", files - bad);
        for (count, what) in [
            (verifier.suspect, "suspect"),
            (verifier.failed, "failed and not in the archive"),
            (verifier.without_entry, "not in the manifest"),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, ", {count} {what}");
            }
        }
        verifier.output.line(&text);
        verifier.output.check()?;
    }
    Ok(match bad + faults {
        _ if unreadable => Status::Local,
        0 => Status::Exported,
        _ => Status::ItemsFailed,
    })
}

impl Verifier<'_> {
    fn directory(&mut self, dir: &Path) {
        if !dir.join("manifest.jsonl").exists() {
            self.unreadable = true;
            return say(&format!(
                "{} has no manifest.jsonl, so it is not a directory of `export` or `decode --out`; \
                 to check files without a manifest, give their names",
                archive::display_path(dir)
            ));
        }
        let verified = archive::verify(dir, |finding| {
            match finding {
            Finding::Payload { entry, state } | Finding::Older { entry, state } => {
                self.payload(dir, entry, &state);
            }
            Finding::Failed { entry } => {
                self.failed += 1;
                let id = entry.id.as_deref().unwrap_or("an item");
                let error = entry.error.as_deref().unwrap_or("failed");
                let code = entry.code.as_deref().filter(|&code| code != "NoError");
                let code = code.map_or(String::new(), |code| format!(", {code}"));
                self.output
                    .line(&format!("{id}: not in the archive; {error}{code}"));
            }
            Finding::Unchained { line } => self.fault(dir, &format!(
                "line {line}: it does not contain the SHA-256 of the line before it, so the manifest was edited"
            )),
            Finding::WithoutEntry { path } => {
                self.without_entry += 1;
                self.faults += u64::from(self.with_seal);
                let path = dir.join(path);
                self.output.line(&format!(
                    "{}: not in the manifest, and not checked",
                    archive::display_path(&path)
                ));
            }
            _ => {}
        }
        });
        if let Err(error) = verified {
            self.unreadable = true;
            say(&error_chain(&error));
        } else if self.with_seal {
            self.seal(dir);
        }
    }

    /// Compares the manifest with its seal.
    fn seal(&mut self, dir: &Path) {
        let (seal, state) = match archive::verify_seal(dir) {
            Ok(compared) => compared,
            Err(error) => {
                self.unreadable = true;
                return say(&error_chain(&error));
            }
        };
        let time = seal.time;
        match state {
            SealState::Intact => self.manifest(
                dir,
                &format!("sealed at {time}, and unchanged since then; the head is {}", seal.head),
            ),
            SealState::Continued { lines } => self.fault(
                dir,
                &format!("{lines} lines were added after it was sealed at {time}; the sealed lines are unchanged"),
            ),
            _ => self.fault(
                dir,
                &format!("it differs from the one that was sealed at {time}; restore it from a copy"),
            ),
        }
    }

    /// Counts and prints a fault of a manifest.
    fn fault(&mut self, dir: &Path, what: &str) {
        self.faults += 1;
        self.manifest(dir, what);
    }

    fn manifest(&mut self, dir: &Path, what: &str) {
        let path = dir.join("manifest.jsonl");
        self.output
            .line(&format!("{}: {what}", archive::display_path(&path)));
    }

    /// Checks a file that the manifest lists.
    fn payload(&mut self, dir: &Path, entry: &Entry, state: &FileState) {
        let path = dir.join(entry.file.as_deref().unwrap_or_default());
        let what: Cow<'_, str> = match state {
            FileState::Intact if entry.suspect => {
                self.suspect += 1;
                "suspect: no response confirms that it is whole and of this item; export it again".into()
            }
            FileState::Intact => return self.file(&path),
            FileState::Missing => "missing; export it again".into(),
            FileState::Resized { found } => format!(
                "{found} bytes, but the manifest says {}; export it again",
                entry.bytes
            )
            .into(),
            FileState::Altered => "its SHA-256 differs from the manifest; export it again".into(),
            FileState::Misnamed => {
                "its name in the manifest does not belong to the id, so it was not opened; export the item again".into()
            }
            FileState::NotAFile => {
                "a link, a directory or a special file, so it was not opened; remove it, and export the item again"
                    .into()
            }
            FileState::Unreadable(error) => return self.fail(&path, error),
            _ => "it differs from the manifest; export it again".into(),
        };
        self.report(&path, false, &what);
    }

    fn file(&mut self, path: &Path) {
        if self.integrity == IntegrityPolicy::Off {
            return self.report(path, true, &"payload not checked");
        }
        match check(path) {
            Ok((
                Verdict::Unknown
                | Verdict::Broken {
                    reason: BrokenReason::TooShort,
                    ..
                },
                head,
            )) => {
                self.report(path, false, &NotAnItem(filekind::seems(&head)));
            }
            Ok((verdict, _)) => {
                let good = match self.integrity {
                    IntegrityPolicy::Require => verdict == Verdict::Whole,
                    IntegrityPolicy::Accept => !matches!(verdict, Verdict::Broken { .. }),
                    IntegrityPolicy::Report | IntegrityPolicy::Off => true,
                };
                self.report(path, good, &verdict);
            }
            Err(error) => self.fail(path, &error),
        }
    }

    /// Counts a file, and prints its result.
    fn report(&mut self, path: &Path, good: bool, what: &dyn fmt::Display) {
        self.files += 1;
        self.bad += u64::from(!good);
        self.output
            .line(&format!("{}: {what}", archive::display_path(path)));
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        self.files += 1;
        self.bad += 1;
        self.unreadable = true;
        say(&format!("{}: {error}", archive::display_path(path)));
    }
}

/// The result for a file that is not an exported item, with the kind of file that it seems to be.
struct NotAnItem(Option<&'static str>);

impl fmt::Display for NotAnItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an exported item")?;
        match self.0 {
            Some("empty") => f.write_str("; the file is empty"),
            Some(kind) => write!(f, "; it seems to be {kind}"),
            None => f.write_str(", or one in a format that this version does not know"),
        }
    }
}

/// Checks a file's payload. Returns the verdict, and the first bytes of the file.
fn check(path: &Path) -> io::Result<(Verdict, Vec<u8>)> {
    // Reading a pipe or a device might never end.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut file = File::open(path)?;
    let mut check = PayloadCheck::new();
    let (mut head, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok((check.verdict(), head)),
            Ok(len) => {
                let wanted = filekind::HEAD - head.len();
                head.extend_from_slice(&chunk[..len.min(wanted)]);
                check.update(&chunk[..len]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
