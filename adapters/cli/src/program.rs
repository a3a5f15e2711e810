//! Programs that print a secret.

use core::time::Duration;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use zeroize::Zeroizing;

type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// The longest time that the program may take.
const LIMIT: Duration = Duration::from_mins(1);
/// The longest output. Tokens have a few thousand bytes.
const LONGEST: usize = 64 * 1024;
/// The pause between two checks whether a program that has closed its output has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Splits a command into words like a shell, but without expansions.
pub(crate) fn words(text: &str) -> Result<Vec<String>, &'static str> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => Err("the command is empty"),
        None => Err("a quotation mark is not closed, or the last character is a backslash"),
    }
}

/// Runs the program, and returns what it prints.
pub(crate) fn run(words: &[String]) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let result = output(&mut child, program, Instant::now() + LIMIT);
    if result.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    result
}

fn output(child: &mut Child, program: &str, end: Instant) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    let late = || format!("{program} has not ended after {} s", LIMIT.as_secs());
    let stdout = child.stdout.take().ok_or("no pipe")?;
    let (send, received) = mpsc::channel();
    // The capacity is large enough, because a vector that grows leaves copies of its content in memory.
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let read = stdout.take(LONGEST as u64).read_to_end(&mut bytes);
        let _ = send.send(read.map(|_| bytes));
    });
    let left = end.saturating_duration_since(Instant::now());
    let bytes = received.recv_timeout(left).map_err(|_| late())??;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() >= end => return Err(late().into()),
            None => thread::sleep(PAUSE),
        }
    };
    if !status.success() {
        return Err(format!("{program} failed ({status})").into());
    }
    Ok(bytes)
}
