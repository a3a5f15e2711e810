//! Sends the requests of a list, as often as necessary.

use core::fmt;
use core::time::Duration;
use std::thread;

use exportitems::policy::{Advice, Disposition, Policy, Retry};
use exportitems::{RequestError, RequestHeaders, RequestServerVersion};

use super::answer::{Message, Refusal};
use super::folder::SelectError;
use super::read::{read, ReadError};
use super::request::envelope;
use crate::client::{Client, ClientError, StatusError};

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

/// The caller's function that is called before each wait, with its length and the failure.
type OnWait<'a> = Box<dyn FnMut(Duration, &ListError) + 'a>;

/// Asks a server, and repeats what may succeed later.
pub(super) struct Asker<'a> {
    pub(super) client: &'a mut Client,
    pub(super) headers: RequestHeaders<'a>,
    pub(super) version: RequestServerVersion,
    policy: Policy,
    pub(super) patience: Duration,
    pub(super) sleep: fn(Duration),
    pub(super) on_wait: OnWait<'a>,
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
        }
    }

    /// Sends a request until it is answered. A message of the answer may be a refusal, but none that may pass.
    pub(super) fn ask(&mut self, operation: &str, body: &str) -> Result<Vec<Message>, ListError> {
        let mut retry = Retry::new();
        let mut waited = Duration::ZERO;
        loop {
            let (advice, error) = match self.attempt(operation, body) {
                Ok(messages) => return Ok(messages),
                Err(failed) => failed,
            };
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
            (self.on_wait)(wait, &error);
            (self.sleep)(wait);
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

fn of_status(error: &StatusError) -> Advice {
    let location = error.location.as_deref();
    Advice::of_http(error.policy_status(), error.policy_seconds(), location)
}
