//! The error of the queue.

use core::fmt;

type Source = Box<dyn core::error::Error + Send + Sync>;

/// The queue cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum FleetError {
    /// A request to the queue failed.
    Queue {
        /// What was to be done, as an infinitive.
        what: &'static str,
        /// The error of the client.
        source: Source,
    },
    /// A message of the queue is of another program or version.
    Message {
        /// The subject of the message.
        subject: String,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
}

impl FleetError {
    /// Returns a function that makes the error of a request.
    pub(crate) fn queue<E: Into<Source>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Queue {
            what,
            source: source.into(),
        }
    }
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue { what, .. } => write!(
                f,
                "cannot {what}; check that nats-server runs with JetStream, its URL, and the rights of this user"
            ),
            Self::Message { subject, .. } => write!(
                f,
                "the message {subject} cannot be read; another program or version has written it"
            ),
        }
    }
}

impl core::error::Error for FleetError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Queue { source, .. } => Some(&**source),
            Self::Message { source, .. } => Some(source),
        }
    }
}
