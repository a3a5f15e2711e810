//! What the emulator was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::ntlm::LoginResult;
use crate::request::ExportItems;

/// How many requests are remembered.
const REMEMBERED: usize = 1_000;

/// A request that the emulator has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The number of its connection, counted from 0.
    pub connection: u64,
    /// The HTTP method; empty when the request line could not be read.
    pub method: String,
    /// The path, as sent; empty when the request line could not be read.
    pub path: String,
    /// The headers in order, their names in lower case, values that are no text with U+FFFD.
    pub headers: Vec<(String, String)>,
    /// What the body says, when it was read and is a valid `ExportItems` request.
    pub export_items: Option<ExportItems>,
    /// The status answered; `None` when the connection was ended instead.
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// The first header of that name, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// A login by NTLM that the emulator has judged. A refused one counts where accounts are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedLogin {
    /// The number of its connection, counted from 0.
    pub connection: u64,
    /// What came of it.
    pub result: LoginResult,
}

/// The last requests, and every login.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<VecDeque<LoggedRequest>>,
    logins: Mutex<Vec<LoggedLogin>>,
}

impl Log {
    pub(crate) fn push(&self, request: LoggedRequest) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REMEMBERED {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }

    pub(crate) fn login(&self, login: LoggedLogin) {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.push(login);
    }

    pub(crate) fn logins(&self) -> Vec<LoggedLogin> {
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.clone()
    }
}
