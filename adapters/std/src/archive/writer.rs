//! A payload on its way into its file: hashed and written beside the thread that decodes.
//!
//! Of an export's time over a fast network, SHA-256 takes two fifths and writing as much as receiving does; so a
//! payload that is worth it gets a thread of its own for both.

use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

/// Bytes that are hashed and written at a time; a payload of no more than that gets no thread.
///
/// Memory: four of these while an item of any size arrives.
const BUFFER: usize = 256 * 1024;

/// Hashes and writes one file.
#[derive(Debug)]
pub(super) struct Writer {
    buffer: Vec<u8>,
    place: Place,
}

/// Where the file is.
#[derive(Debug)]
enum Place {
    Here(Hashed),
    Beside(Beside),
    /// An error, reported then, has ended the file.
    Lost,
}

/// A file and the digest of what is in it.
#[derive(Debug)]
struct Hashed {
    file: File,
    digest: Sha256,
}

/// A thread that has the file.
#[derive(Debug)]
struct Beside {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<Hashed>>,
}

impl Writer {
    pub(super) fn new(file: File) -> Self {
        let digest = Sha256::new();
        Self {
            buffer: Vec::new(),
            place: Place::Here(Hashed { file, digest }),
        }
    }

    /// Takes the next bytes; an error may be that of earlier ones.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.hand_over()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Gives the file, of which the system has all, and its SHA-256.
    pub(super) fn finish(mut self) -> io::Result<(File, [u8; 32])> {
        let rest = mem::take(&mut self.buffer);
        let mut hashed = self.end()?;
        hashed.append(&rest)?;
        Ok((hashed.file, hashed.digest.finalize().into()))
    }

    /// Closes the file as it is.
    pub(super) fn abandon(self) {
        drop(self.end());
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let beside = match mem::replace(&mut self.place, Place::Lost) {
            Place::Here(hashed) => Beside::start(hashed)?,
            Place::Beside(beside) => beside,
            Place::Lost => return Err(lost()),
        };
        let spare = beside.empty.try_recv().unwrap_or_default();
        match beside.full.send(mem::replace(&mut self.buffer, spare)) {
            Ok(()) => {
                self.place = Place::Beside(beside);
                Ok(())
            }
            // It ends early for one reason only.
            Err(_) => beside.end().and(Err(lost())),
        }
    }

    fn end(self) -> io::Result<Hashed> {
        match self.place {
            Place::Here(hashed) => Ok(hashed),
            Place::Beside(beside) => beside.end(),
            Place::Lost => Err(lost()),
        }
    }
}

impl Beside {
    fn start(mut hashed: Hashed) -> io::Result<Self> {
        // One buffer waits while another is worked on.
        let (full, work) = mpsc::sync_channel::<Vec<u8>>(1);
        let (done, empty) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("exportitems-writer".to_owned())
            .spawn(move || {
                for mut buffer in work {
                    hashed.append(&buffer)?;
                    buffer.clear();
                    // Nobody wants it back at the end.
                    let _ = done.send(buffer);
                }
                Ok(hashed)
            })?;
        Ok(Self {
            full,
            empty,
            thread,
        })
    }

    /// Waits until everything that was handed over is written.
    fn end(self) -> io::Result<Hashed> {
        drop(self.full);
        // A panic of that thread has printed itself.
        self.thread.join().unwrap_or_else(|_| Err(lost()))
    }
}

impl Hashed {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.file.write_all(bytes)
    }
}

fn lost() -> io::Error {
    io::Error::other("an earlier error ended this file")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_is_hashed_whatever_its_size() {
        let dir = tempfile::tempdir().unwrap();
        for (number, len) in [0, 1, BUFFER, BUFFER + 1, 9 * BUFFER + 7]
            .into_iter()
            .enumerate()
        {
            let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
            for piece in [1000, 48 * 1024, 2 * BUFFER] {
                let path = dir.path().join(format!("{number}-{piece}"));
                let mut writer = Writer::new(File::create_new(&path).unwrap());
                for piece in bytes.chunks(piece) {
                    writer.write(piece).unwrap();
                }
                let (_, digest) = writer.finish().unwrap();
                assert!(fs::read(&path).unwrap() == bytes, "{len} by {piece}");
                assert_eq!(digest[..], Sha256::digest(&bytes)[..]);
            }
        }
    }

    /// A full disk is reported while there is something left to write, or at the end.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_reported() {
        for len in [1, BUFFER, 100 * BUFFER] {
            let full = File::options().write(true).open("/dev/full").unwrap();
            let mut writer = Writer::new(full);
            let written = vec![0; len]
                .chunks(1000)
                .try_for_each(|piece| writer.write(piece));
            let error = written.and_then(|()| writer.finish().map(drop));
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
    }
}
