//! Reports on delivery and reading, [MS-OXCMAIL] section 2.2.3.7: RFC 3464 and RFC 8098.
//!
//! [MS-OXCMAIL]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/

use std::io;

use super::fields::People;
use super::Writer;
use crate::address::{mailbox, RECIPIENT};
use crate::header::Headers;
use crate::item::{Message, Properties};
use crate::time::Time;
use crate::values::strings;

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// A report on delivery, with the action of RFC 3464 section 2.3.3.
    Delivery(&'static str),
    /// A report on reading, with the disposition type of RFC 8098 section 3.2.6.2.
    Reading(&'static str),
}

impl Report {
    pub(super) fn of(message: &Message) -> Option<Self> {
        let class = message.class();
        let class = class.strip_prefix("report.")?;
        [
            (".ndr", Self::Delivery("failed")),
            (".delayed.dr", Self::Delivery("delayed")),
            (".delayed", Self::Delivery("delayed")),
            (".relayed.dr", Self::Delivery("relayed")),
            (".expanded.dr", Self::Delivery("expanded")),
            (".dr", Self::Delivery("delivered")),
            (".ipnrn", Self::Reading("displayed")),
            (".ipnnrn", Self::Reading("deleted")),
        ]
        .into_iter()
        .find_map(|(end, report)| class.ends_with(end).then_some(report))
    }

    /// Returns the parameter `report-type`.
    pub(super) fn report_type(self) -> &'static str {
        match self {
            Self::Delivery(_) => "delivery-status",
            Self::Reading(_) => "disposition-notification",
        }
    }
}

impl Writer<'_> {
    /// Writes the machine-readable part of a report.
    pub(super) fn report(&mut self, report: Report, message: &Message) -> io::Result<()> {
        let mut headers = Headers::default();
        let media_type = format!("message/{}", report.report_type());
        headers.text("Content-Type", &media_type);
        headers.out.push_str("\r\n");
        match report {
            Report::Delivery(action) => self.delivery(&mut headers, action, message)?,
            Report::Reading(disposition) => self.reading(&mut headers, disposition, message)?,
        }
        self.out.write_all(headers.out.as_bytes())
    }

    fn delivery(
        &mut self,
        headers: &mut Headers,
        action: &str,
        message: &Message,
    ) -> io::Result<()> {
        let (properties, strings) = (&message.properties, strings(message));
        // PidTagReportingMessageTransferAgent
        let reporter = self.values.line(properties, 0x6820, strings)?;
        let reporter = reporter.unwrap_or_else(|| "dns; unknown.invalid".to_owned());
        headers.text("Reporting-MTA", &typed("dns", &reporter));
        if let Some(time) = properties.time(0x0032).and_then(Time::from_filetime) {
            headers.text("Arrival-Date", &time.rfc5322());
        }
        for recipient in &message.recipients {
            let map = &self.options.addresses;
            let Some(person) = mailbox(&mut self.values, recipient, RECIPIENT, strings, map)?
            else {
                continue;
            };
            headers.out.push_str("\r\n");
            headers.text("Final-Recipient", &format!("rfc822; {}", person.address));
            headers.text("Action", action);
            headers.text("Status", &status(recipient, action));
            // PidTagSupplementaryInfo: <server #status diagnostic>
            let info = self.values.line(recipient, 0x0C1B, strings)?;
            if let Some(info) = info {
                let text = info.trim_start_matches('<').trim_end_matches('>');
                let diagnostic = text.split_once('#').and_then(|(_, it)| it.split_once(' '));
                let diagnostic = diagnostic.map_or(text, |(_, it)| it);
                headers.text("Diagnostic-Code", &typed("smtp", diagnostic));
            }
            // PidTagRemoteMessageTransferAgent
            if let Some(remote) = self.values.line(recipient, 0x0C21, strings)? {
                headers.text("Remote-MTA", &typed("dns", &remote));
            }
        }
        Ok(())
    }

    fn reading(
        &mut self,
        headers: &mut Headers,
        disposition: &str,
        message: &Message,
    ) -> io::Result<()> {
        let (properties, strings) = (&message.properties, strings(message));
        let people = People::of(message, &mut self.values, self.options)?;
        if let Some(reader) = people.from {
            headers.text("Final-Recipient", &format!("rfc822; {}", reader.address));
        }
        // PidTagOriginalMessageId, PidTagInReplyToId
        for id in [0x1046, 0x1042] {
            if let Some(id) = self.values.line(properties, id, strings)? {
                headers.words("Original-Message-ID", &id);
                break;
            }
        }
        let mode = "manual-action/MDN-sent-automatically";
        headers.text("Disposition", &format!("{mode}; {disposition}"));
        Ok(())
    }
}

/// PidTagNonDeliveryReportStatusCode as RFC 3463 writes it, or what says no more than the action.
fn status(recipient: &Properties, action: &str) -> String {
    let digits = |code: &i32| (200..=599).contains(code);
    match recipient.integer(0x0C20).filter(digits) {
        Some(code) => format!("{}.{}.{}", code / 100, code / 10 % 10, code % 10),
        None => match action {
            "failed" => "5.0.0".to_owned(),
            "delayed" => "4.0.0".to_owned(),
            _ => "2.0.0".to_owned(),
        },
    }
}

/// Adds the default type to a value without a type.
fn typed(default: &str, value: &str) -> String {
    let value = value.trim();
    let has_type = value.split_once(';').is_some_and(|(kind, _)| {
        !kind.is_empty()
            && kind
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
    });
    match has_type {
        true => value.to_owned(),
        false => format!("{default}; {value}"),
    }
}
