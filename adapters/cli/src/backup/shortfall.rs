//! Why a backup ended early.
#![cfg_attr(not(feature = "fleet"), allow(dead_code))] // only a fleet asks for it

use core::time::Duration;

use exportitems::policy::{Advice, Disposition};
use exportitems_std::{error_chain, Report, Stop};

/// Why a backup ended early.
#[derive(Debug, Default)]
pub(crate) struct Shortfall {
    /// The last error.
    pub(crate) reason: Option<String>,
    /// How long the server asks to wait, if it is busy.
    pub(crate) busy_for: Option<Duration>,
    /// Whether the server refused the login of the export. A list that is refused for it is an error.
    pub(crate) is_login_refused: bool,
}

impl Shortfall {
    /// Notes why an export ended early.
    pub(super) fn note(&mut self, report: &Report) {
        let (reason, disposition) = match &report.stopped {
            Some(Stop::Failure(error)) => (error_chain(error), error.disposition()),
            Some(Stop::Answer(answer)) => (
                "the server refuses the requests".to_owned(),
                answer
                    .summary
                    .fault
                    .map_or(Disposition::Permanent, |fault| {
                        Advice::of_fault(&fault).disposition
                    }),
            ),
            // The server has asked to wait before it returns single items.
            _ if report.needed_patience.is_some() => {
                ("the server is busy".to_owned(), Disposition::Throttled)
            }
            _ => return,
        };
        if disposition == Disposition::Throttled {
            self.busy_for = Some(report.needed_patience.unwrap_or_default());
        }
        self.is_login_refused |= disposition == Disposition::Auth;
        self.reason = Some(reason);
    }
}
