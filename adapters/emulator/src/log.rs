//! The requests and logins that the emulator has seen.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::mailbox::Call;
use crate::ntlm::LoginResult;
use crate::request::ExportItems;

/// The number of requests that are kept.
const REMEMBERED: usize = 10_000;

/// A request that the emulator has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The number of the connection, from 0.
    pub connection: u64,
    /// The HTTP method, or an empty text if the request line was not valid.
    pub method: String,
    /// The path as it was sent, or an empty text if the request line was not valid.
    pub path: String,
    /// The headers in order. Names are in lower case, and invalid characters of values are replaced by U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The parsed body, if it was a valid `ExportItems` request.
    pub export_items: Option<ExportItems>,
    /// The parsed body, if it was a valid request for another operation.
    pub call: Option<Call>,
    /// Whether the request came before the time that an earlier back-off of `throttling` named for its user.
    pub too_early: bool,
    /// The status of the response, or `None` if the connection was ended without one.
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// Returns the local name of the operation, if the body was a valid request.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        match (&self.export_items, &self.call) {
            (Some(_), _) => Some("ExportItems"),
            (None, Some(call)) => Some(&call.body.name),
            (None, None) => None,
        }
    }

    /// Returns the first header with this name, which must be in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// A login by NTLM. On a real server, refused logins can lock the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedLogin {
    /// The number of the connection, from 0.
    pub connection: u64,
    /// The result of the login.
    pub result: LoginResult,
}

/// A request that the emulated proxy has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedTunnel {
    /// The host and port that a tunnel was requested to.
    pub target: String,
    /// The status answered.
    pub status: u16,
}

/// The last requests, and every login.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<VecDeque<LoggedRequest>>,
    logins: Mutex<Vec<LoggedLogin>>,
    tunnels: Mutex<Vec<LoggedTunnel>>,
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

    pub(crate) fn tunnel(&self, tunnel: LoggedTunnel) {
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.push(tunnel);
    }

    pub(crate) fn tunnels(&self) -> Vec<LoggedTunnel> {
        let tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.clone()
    }

    pub(crate) fn logins(&self) -> Vec<LoggedLogin> {
        let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.clone()
    }
}
