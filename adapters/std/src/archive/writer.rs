//! Hashes a payload and writes it to its file.
//!
//! Over a fast network, SHA-256 takes two fifths of an export's time, and writing takes as long as receiving. So a large
//! payload gets a thread of its own for both.

use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use sha2::{Digest as _, Sha256};

/// The number of bytes that are hashed and written at a time. A payload up to this size gets no thread.
///
/// At most four buffers of this size are in memory while an item arrives.
const BUFFER: usize = 256 * 1024;

/// Hashes and writes one file.
#[derive(Debug)]
pub(super) struct Writer {
    buffer: Vec<u8>,
    place: Place,
}

/// The thread that writes the file.
#[derive(Debug)]
enum Place {
    /// The thread that calls the writer.
    Caller(Hashed),
    /// A thread of its own.
    Background(Background),
    /// An error, which was returned at that time, has ended the file.
    Lost,
}

/// A file, and the digest of its contents.
#[derive(Debug)]
struct Hashed {
    file: File,
    digest: Sha256,
}

/// A thread that owns the file.
#[derive(Debug)]
struct Background {
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<Hashed>>,
}

impl Writer {
    pub(super) fn new(file: File) -> Self {
        let digest = Sha256::new();
        Self {
            buffer: Vec::new(),
            place: Place::Caller(Hashed { file, digest }),
        }
    }

    /// Writes the next bytes. The error may be that of earlier bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.hand_over()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the remaining bytes, and returns the file and its SHA-256.
    pub(super) fn finish(mut self) -> io::Result<(File, [u8; 32])> {
        let rest = mem::take(&mut self.buffer);
        let mut hashed = self.end()?;
        hashed.append(&rest)?;
        Ok((hashed.file, hashed.digest.finalize().into()))
    }

    /// Closes the file without writing the remaining bytes.
    pub(super) fn abandon(self) {
        drop(self.end());
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let thread = match mem::replace(&mut self.place, Place::Lost) {
            Place::Caller(hashed) => Background::start(hashed)?,
            Place::Background(thread) => thread,
            Place::Lost => return Err(lost()),
        };
        let spare = thread.empty.try_recv().unwrap_or_default();
        match thread.full.send(mem::replace(&mut self.buffer, spare)) {
            Ok(()) => {
                self.place = Place::Background(thread);
                Ok(())
            }
            // The thread ends early only after an error, which this returns.
            Err(_) => thread.end().and(Err(lost())),
        }
    }

    fn end(self) -> io::Result<Hashed> {
        match self.place {
            Place::Caller(hashed) => Ok(hashed),
            Place::Background(thread) => thread.end(),
            Place::Lost => Err(lost()),
        }
    }
}

impl Background {
    fn start(mut hashed: Hashed) -> io::Result<Self> {
        // One buffer waits while another one is being written.
        let (full, work) = mpsc::sync_channel::<Vec<u8>>(1);
        let (done, empty) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("exportitems-writer".to_owned())
            .spawn(move || {
                for mut buffer in work {
                    hashed.append(&buffer)?;
                    buffer.clear();
                    // Sending fails after the last buffer, when it is not needed any more.
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

    /// Waits until all buffers are written.
    fn end(self) -> io::Result<Hashed> {
        drop(self.full);
        // If the thread panicked, the message has already been printed.
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
    fn payloads_of_all_sizes_are_hashed() {
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

    /// A full disk is reported by a later write, or at the end.
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
