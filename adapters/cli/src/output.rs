//! The standard output: lines for a person or a program.

use core::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::status::Failure;

/// For whom the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A person.
    Text,
    /// A program: one JSON object a line.
    Json,
}

impl Format {
    pub(crate) const fn new(json: bool) -> Self {
        if json {
            Self::Json
        } else {
            Self::Text
        }
    }
}

/// Writes lines until that fails, and remembers the failure.
///
/// What a response or an export does next does not depend on it: it is asked for with
/// [`check`](Self::check) where stopping loses nothing.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: io::Stdout,
    failed: Option<io::Error>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self {
            stdout: io::stdout(),
            failed: None,
        }
    }

    /// Writes a line, and flushes it so that a program at the other end can act on it.
    pub(crate) fn line(&mut self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Writes a value as one line of its text or of JSON.
    pub(crate) fn value(&mut self, value: &(impl Serialize + fmt::Display), format: Format) {
        match format {
            Format::Text => self.line(&value.to_string()),
            Format::Json => match serde_json::to_string(value) {
                Ok(text) => self.line(&text),
                Err(error) => self.failed = self.failed.take().or(Some(error.into())),
            },
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            let mut stdout = self.stdout.lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            self.failed = written.err();
        }
    }

    /// Whether everything could be written.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.failed {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            Some(error) => Err(Failure::local("standard output", error)),
        }
    }
}

/// For code that writes by itself; it is told of failures.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}
