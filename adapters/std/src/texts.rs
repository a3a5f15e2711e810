//! Collects the texts of a response message, a fault or a response.

use exportitems::{Event, Outcome, ServerVersion};

use crate::archive::MESSAGE_LIMIT;

/// The largest number of bytes of a `ResponseCode` that are kept. The longest one in the schema has 66.
const CODE_LIMIT: usize = 256;

/// Collects the texts of a response, for a sink that stores or prints them.
#[derive(Clone, Debug, Default)]
pub struct ResponseTexts {
    server_version: Option<String>,
    /// The texts of the current response message.
    item: Texts,
    /// The texts of the fault, if the response is one.
    fault: Option<Texts>,
}

impl ResponseTexts {
    /// Keeps the texts of `event`.
    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::ServerVersion(version) => self.server_version = server_version(version),
            Event::MessageStart { .. } => self.item = Texts::default(),
            Event::FaultCode(_) | Event::FaultString(_) => {
                self.fault.get_or_insert_default().note(event);
            }
            _ => self.fault.as_mut().unwrap_or(&mut self.item).note(event),
        }
    }

    /// Returns the texts for this outcome: those of its response message, or of the fault if it has no message.
    pub fn take(&mut self, outcome: &Outcome) -> Texts {
        let item = core::mem::take(&mut self.item);
        match &self.fault {
            Some(fault) if outcome.class.is_none() && outcome.code.is_none() => fault.clone(),
            _ => item,
        }
    }

    /// Returns the texts of the fault, and removes them, so that the next response starts without a fault.
    pub fn take_fault(&mut self) -> Option<Texts> {
        self.fault.take()
    }

    /// Returns `ServerVersionInfo` as one text, such as `15.1.2507.6 V2017_07_11`.
    #[must_use]
    pub fn server_version(&self) -> Option<&str> {
        self.server_version.as_deref()
    }
}

/// The texts of one response message or fault.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    code: String,
    /// Whether `code` is a `ResponseCode` rather than the `faultcode` of a fault.
    response_code: bool,
    message: String,
    /// Whether `message` is a `faultstring`, which the `Message` of a fault repeats.
    fault_string: bool,
    values: String,
    /// Whether the current value of `MessageXml` continues in the next piece.
    in_value: bool,
}

impl Texts {
    /// Keeps the texts of `event`.
    fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::ResponseCode { text, .. } => {
                self.response_code = true;
                self.code.clear();
                append(&mut self.code, text, CODE_LIMIT);
            }
            // The `ResponseCode` of a fault says more than its `faultcode`, and they may come in either order.
            Event::FaultCode(text) if !self.response_code => {
                self.code.clear();
                append(&mut self.code, text, CODE_LIMIT);
            }
            Event::FaultString(text) => {
                self.fault_string = true;
                append(&mut self.message, text, MESSAGE_LIMIT);
            }
            Event::MessageText(text) if !self.fault_string => {
                append(&mut self.message, text, MESSAGE_LIMIT);
            }
            // This value has a field of its own.
            Event::MessageXml {
                name: "BackOffMilliseconds",
                ..
            } => {}
            Event::MessageXml { name, text, last } => {
                if !self.in_value {
                    let separator = if self.values.is_empty() { "" } else { "; " };
                    append(
                        &mut self.values,
                        &format!("{separator}{name}: "),
                        MESSAGE_LIMIT,
                    );
                }
                append(&mut self.values, text, MESSAGE_LIMIT);
                self.in_value = !last;
            }
            _ => {}
        }
    }

    /// Returns the `ResponseCode`, or the `faultcode` of a fault that has none.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        (!self.code.is_empty()).then(|| self.code.clone())
    }

    /// Returns the `MessageText`, followed by the values of `MessageXml` in parentheses. At most [`MESSAGE_LIMIT`]
    /// bytes of each are kept.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let (message, values) = (self.message.trim(), &*self.values);
        match (message.is_empty(), values.is_empty()) {
            (true, true) => None,
            (false, true) => Some(message.to_owned()),
            (true, false) => Some(format!("({values})")),
            (false, false) => Some(format!("{message} ({values})")),
        }
    }
}

/// Appends as many whole characters of `text` as fit.
fn append(to: &mut String, text: &str, most: usize) {
    let mut len = text.len().min(most.saturating_sub(to.len()));
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    to.push_str(&text[..len]);
}

/// Formats `ServerVersionInfo` as one text, such as `15.1.2507.6 V2017_07_11`.
fn server_version(version: &ServerVersion<'_>) -> Option<String> {
    let build = [
        version.major,
        version.minor,
        version.major_build,
        version.minor_build,
    ];
    let build: Vec<_> = build
        .iter()
        .map_while(|part| part.map(|n| n.to_string()))
        .collect();
    let parts = [
        build.join("."),
        version.version.value().unwrap_or_default().to_owned(),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use exportitems::Event;

    use super::{Texts, MESSAGE_LIMIT};

    #[test]
    fn a_response_code_says_more_than_a_fault_code_in_either_order() {
        let response_code = Event::ResponseCode {
            code: exportitems::ResponseCode::ErrorServerBusy,
            text: "ErrorServerBusy",
        };
        let fault_code = Event::FaultCode("Server");
        for events in [[&response_code, &fault_code], [&fault_code, &response_code]] {
            let mut texts = Texts::default();
            for event in events {
                texts.note(event);
            }
            assert_eq!(texts.code().as_deref(), Some("ErrorServerBusy"));
        }
    }

    #[test]
    fn pieces_join_and_stay_bounded() {
        let mut texts = Texts::default();
        texts.note(&Event::MessageText("No mailbox "));
        texts.note(&Event::MessageText("with such guid."));
        for (name, text, last) in [
            ("MailboxGuid", "f3f6", false),
            ("MailboxGuid", "f699", true),
            ("BackOffMilliseconds", "700", true),
            ("Other", "x", true),
        ] {
            texts.note(&Event::MessageXml { name, text, last });
        }
        assert_eq!(
            texts.message().unwrap(),
            "No mailbox with such guid. (MailboxGuid: f3f6f699; Other: x)"
        );
        for _ in 0..MESSAGE_LIMIT {
            texts.note(&Event::MessageText("\u{20ac}uro"));
        }
        assert!(texts.message.len() <= MESSAGE_LIMIT);
    }
}
