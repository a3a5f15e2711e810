//! Sends the requests of a list, as often as necessary.

use core::fmt;
use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use exportitems::policy::{Advice, Disposition, Policy, Retry};
use exportitems::{RequestError, RequestHeaders, RequestServerVersion};

use super::answer::{Message, Refusal};
use super::folder::SelectError;
use super::read::{read, ReadError};
use super::request::envelope;
use crate::client::{Client, ClientError, StatusError};
use crate::counters::{Counter, Counters};

/// A list failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListError {
    /// A header cannot be put into a request. Nothing was sent.
    Request(RequestError),
    /// There was no SOAP message, or it did not arrive completely.
    Client(ClientError),
    /// The server refused the request with a fault, or the folder with a response message.
    Refused {
        /// The folder, or an empty text for the mailbox.
        folder: String,
        /// The code and text.
        refusal: Refusal,
    },
    /// The answer cannot be read.
    Read(ReadError),
    /// The server does not continue a list: it returns the same place again. The list is not complete.
    Stuck {
        /// The folder, or an empty text for the mailbox.
        folder: String,
    },
    /// Entries of the answer have no id, so the list is not complete.
    WithoutId {
        /// The folder, or an empty text for the mailbox.
        folder: String,
        /// Their number.
        entries: u32,
    },
    /// A folder that was asked for by name is not clear.
    Select(SelectError),
    /// The caller has [interrupted](super::Lister::interrupt) the list.
    Interrupted,
}

impl ListError {
    /// Returns whether a repetition may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Client(error) => matches!(
                error.disposition(),
                Disposition::Transient | Disposition::Throttled
            ),
            Self::Refused { refusal, .. } => refusal.is_transient(),
            Self::Read(_) => true,
            _ => false,
        }
    }

    pub(crate) const fn is_interrupt(&self) -> bool {
        matches!(self, Self::Interrupted)
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |folder: &str| match folder {
            "" => "the mailbox".to_owned(),
            folder => format!("the folder {folder}"),
        };
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
            Self::Refused { folder, refusal } => {
                write!(f, "{} cannot be listed: {refusal}", place(folder))
            }
            Self::Read(error) => error.fmt(f),
            Self::Stuck { folder } => write!(
                f,
                "the list of {} does not continue: the server returns the same place again; run the command again",
                place(folder)
            ),
            Self::WithoutId { folder, entries } => write!(
                f,
                "the list of {} has {entries} entries without an id, so it is not complete",
                place(folder)
            ),
            Self::Select(error) => error.fmt(f),
            Self::Interrupted => f.write_str("the list was interrupted; run the command again"),
        }
    }
}

impl core::error::Error for ListError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within.
        match self {
            Self::Request(error) => error.source(),
            Self::Client(error) => error.source(),
            _ => None,
        }
    }
}

impl From<SelectError> for ListError {
    fn from(error: SelectError) -> Self {
        Self::Select(error)
    }
}

/// The longest time until a wait notices an interrupt.
const INTERRUPT: Duration = Duration::from_millis(200);

/// The caller's function that is called before each wait, with its length and the failure, if it follows one.
type OnWait<'a> = Box<dyn FnMut(Duration, Option<&ListError>) + 'a>;

/// Asks a server, and repeats what may succeed later.
pub(super) struct Asker<'a> {
    pub(super) client: &'a mut Client,
    pub(super) headers: RequestHeaders<'a>,
    pub(super) version: RequestServerVersion,
    policy: Policy,
    pub(super) patience: Duration,
    pub(super) sleep: fn(Duration),
    pub(super) on_wait: OnWait<'a>,
    /// Returns how long no request may begin.
    pub(super) closed_for: Option<&'a (dyn Fn() -> Duration + Sync)>,
    pub(super) interrupt: Option<&'a AtomicBool>,
    pub(super) counters: &'a dyn Counters,
}

impl fmt::Debug for Asker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").finish_non_exhaustive()
    }
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        client: &'a mut Client,
        headers: RequestHeaders<'a>,
        version: RequestServerVersion,
    ) -> Self {
        Self {
            client,
            headers,
            version,
            policy: Policy::DEFAULT,
            patience: Duration::from_mins(30),
            sleep: thread::sleep,
            on_wait: Box::new(|_, _| ()),
            closed_for: None,
            interrupt: None,
            counters: &(),
        }
    }

    /// Sends a request until it is answered. A message of the answer may be a refusal, but none that may pass.
    pub(super) fn ask(&mut self, operation: &str, body: &str) -> Result<Vec<Message>, ListError> {
        let mut retry = Retry::new();
        let mut waited = Duration::ZERO;
        loop {
            self.wait_until_open()?;
            self.counters.add(Counter::ListRequests, 1);
            let (advice, error) = match self.attempt(operation, body) {
                Ok(messages) => return Ok(messages),
                Err(failed) => failed,
            };
            self.counters.add(Counter::FailedListRequests, 1);
            if advice.disposition == Disposition::UnsupportedVersion {
                if let Some(older) = self.version.older() {
                    self.version = older;
                    continue;
                }
            }
            let elapsed = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            // Without random numbers, the middle of the range.
            let random = getrandom::u32().unwrap_or(1 << 31);
            let Some(wait) = self.policy.next(&mut retry, advice, elapsed, random) else {
                return Err(error);
            };
            let wait = Duration::from_millis(wait.into());
            if waited + wait > self.patience {
                return Err(error);
            }
            waited += wait;
            (self.on_wait)(wait, Some(&error));
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.counters.add(Counter::Waits, 1);
            self.counters.add(Counter::WaitMilliseconds, milliseconds);
            self.wait(wait)?;
        }
    }

    /// Waits until requests may begin.
    fn wait_until_open(&mut self) -> Result<(), ListError> {
        let mut is_reported = false;
        loop {
            let closed = self.closed_for.map_or(Duration::ZERO, |closed| closed());
            self.check_interrupt()?;
            if closed.is_zero() {
                return Ok(());
            }
            if !is_reported {
                (self.on_wait)(closed, None);
                is_reported = true;
            }
            (self.sleep)(closed.min(INTERRUPT));
        }
    }

    /// Waits, in steps if the wait can be interrupted.
    fn wait(&self, mut wait: Duration) -> Result<(), ListError> {
        let step = self.interrupt.map_or(wait, |_| INTERRUPT);
        while !wait.is_zero() {
            self.check_interrupt()?;
            (self.sleep)(wait.min(step));
            wait = wait.saturating_sub(step);
        }
        Ok(())
    }

    fn check_interrupt(&self) -> Result<(), ListError> {
        let flag = self.interrupt.map(|flag| flag.load(Ordering::Relaxed));
        match flag {
            Some(true) => Err(ListError::Interrupted),
            _ => Ok(()),
        }
    }

    fn attempt(
        &mut self,
        operation: &str,
        body: &str,
    ) -> Result<Vec<Message>, (Advice, ListError)> {
        let never = |error| (Advice::CUT, ListError::Request(error));
        let headers = self.headers.server_version(self.version);
        let envelope = envelope(&headers, body).map_err(never)?;
        let answer = match self.client.call(operation, &envelope) {
            Ok(answer) => answer,
            Err(error) => return Err((advice(&error), ListError::Client(error))),
        };
        let refused = |mut refusal: Refusal| {
            let asked = answer.retry_after.map(|wait| wait.as_millis());
            let asked = asked.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
            refusal.back_off_ms = refusal.back_off_ms.max(asked);
            let folder = String::new();
            (refusal.advice(), ListError::Refused { folder, refusal })
        };
        let read = read(operation, &answer.body);
        let read = read.map_err(|error| (Advice::CUT, ListError::Read(error)))?;
        if let Some(fault) = read.fault {
            return Err(refused(fault));
        }
        let mut results = read.messages.iter().filter(|it| !it.is_success);
        if let Some(busy) = results.find(|it| it.result.is_transient()) {
            return Err(refused(busy.result.clone()));
        }
        Ok(read.messages)
    }
}

/// Returns what to make of a request without an answer.
fn advice(error: &ClientError) -> Advice {
    match error {
        ClientError::Status(error) => of_status(error),
        error if error.disposition() == Disposition::Transient => Advice::CUT,
        // The policy grants no attempt after a refusal for lack of rights.
        _ => Advice::of_http(403, None, None),
    }
}

impl ListError {
    /// Returns how long to wait, at least, before the list is requested again, if it failed because the server is busy.
    #[must_use]
    pub fn busy_for(&self) -> Option<Duration> {
        let advice = match self {
            Self::Client(error) => advice(error),
            Self::Refused { refusal, .. } => refusal.advice(),
            _ => return None,
        };
        let is_busy = advice.disposition == Disposition::Throttled;
        is_busy.then(|| Duration::from_millis(advice.back_off_ms.into()))
    }
}

fn of_status(error: &StatusError) -> Advice {
    let location = error.location.as_deref();
    Advice::of_http(error.policy_status(), error.policy_seconds(), location)
}
