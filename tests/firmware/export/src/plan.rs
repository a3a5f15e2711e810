//! What to export: files of the host, read by semihosting.

use core::ffi::CStr;

use semihosting::fs::File;
use semihosting::io::Read;

/// The most items in a plan.
const ITEMS: usize = 64;
/// The most characters in a line.
pub const LINE: usize = 160;

/// The file `plan`, read a byte at a time: the server's port, the user's password, and the ids, one per line.
pub struct Plan {
    file: File,
    next: u32,
}

/// A line, followed by zeros.
pub struct Line([u8; LINE]);

impl Line {
    pub const EMPTY: Self = Self([0; LINE]);

    pub fn text(&self) -> &str {
        let text = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl Plan {
    /// Opens the plan, and returns it with the port and the password.
    pub fn open() -> Option<(Self, u16, Line)> {
        let file = File::open(c"plan").ok()?;
        let mut plan = Self { file, next: 0 };
        let port = plan.line()?.text().parse().ok()?;
        let password = plan.line()?;
        Some((plan, port, password))
    }

    /// Returns the next id, with its number from 0.
    pub fn next(&mut self) -> Option<(u32, Line)> {
        let line = self.line().filter(|_| (self.next as usize) < ITEMS)?;
        self.next += 1;
        Some((self.next - 1, line))
    }

    fn line(&mut self) -> Option<Line> {
        let (mut line, mut len, mut byte) = (Line::EMPTY, 0, [0]);
        while let Ok(1) = self.file.read(&mut byte) {
            match (byte, line.0.get_mut(len)) {
                ([b'\n'], _) => return Some(line),
                ([byte], Some(slot)) => *slot = byte,
                (_, None) => return None,
            }
            len += 1;
        }
        None
    }
}

/// Reads a file of the host to `buffer`, and returns what it contains.
pub fn file<'b>(name: &CStr, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut file = File::open(name).ok()?;
    let mut len = 0;
    while let Some(free) = buffer.get_mut(len..).filter(|free| !free.is_empty()) {
        match file.read(free).ok()? {
            0 => break,
            read => len += read,
        }
    }
    buffer.get(..len)
}
