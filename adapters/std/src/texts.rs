//! Texts of a message, a fault or a response, as far as they are worth keeping.

use exportitems::{Event, Outcome, ServerVersion};

use crate::archive::MESSAGE_LIMIT;

/// Most bytes of a `ResponseCode`; the schema's longest has 66.
const CODE_LIMIT: usize = 256;

/// Collects what a response says beside its items' data: for a sink that keeps or prints it.
#[derive(Clone, Debug, Default)]
pub struct ResponseTexts {
    server_version: Option<String>,
    /// Of the message that was begun last.
    item: Texts,
    /// Of the fault, where the response is one.
    fault: Option<Texts>,
}

impl ResponseTexts {
    /// Keeps what `event` says.
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

    /// Returns the texts of the item whose outcome has come: those of its message, or, where it has none, of the
    /// fault in its place.
    pub fn take(&mut self, outcome: &Outcome) -> Texts {
        let item = core::mem::take(&mut self.item);
        match &self.fault {
            Some(fault) if outcome.class.is_none() && outcome.code.is_none() => fault.clone(),
            _ => item,
        }
    }

    /// Returns the texts of the fault; the next response may have another one.
    pub fn take_fault(&mut self) -> Option<Texts> {
        self.fault.take()
    }

    /// `ServerVersionInfo` in one text: `15.1.2507.6 V2017_07_11`.
    #[must_use]
    pub fn server_version(&self) -> Option<&str> {
        self.server_version.as_deref()
    }
}

/// The texts of one message, or of a fault.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    code: String,
    /// `code` is a `ResponseCode`, not a fault's `faultcode`.
    response_code: bool,
    message: String,
    /// `faultstring` was the message; a fault's `Message` repeats it.
    fault_string: bool,
    values: String,
    /// A value of `MessageXml` goes on in the next piece.
    in_value: bool,
}

impl Texts {
    /// Keeps what `event` says.
    fn note(&mut self, event: &Event<'_>) {
        match *event {
            Event::ResponseCode { text, .. } => {
                self.response_code = true;
                self.code.clear();
                append(&mut self.code, text, CODE_LIMIT);
            }
            // A fault's `ResponseCode`, where there is one, says more than its `faultcode`, in whichever order.
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
            // It has a field of its own.
            Event::MessageXml {
                name: "BackOffMilliseconds",
                ..
            } => {}
            Event::MessageXml { name, text, last } => {
                if !self.in_value {
                    let ahead = if self.values.is_empty() { "" } else { "; " };
                    append(&mut self.values, &format!("{ahead}{name}: "), MESSAGE_LIMIT);
                }
                append(&mut self.values, text, MESSAGE_LIMIT);
                self.in_value = !last;
            }
            _ => {}
        }
    }

    /// `ResponseCode`
    #[must_use]
    pub fn code(&self) -> Option<String> {
        (!self.code.is_empty()).then(|| self.code.clone())
    }

    /// `MessageText` and after it, in parentheses, the values of `MessageXml`; of each the first
    /// [`MESSAGE_LIMIT`] bytes.
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

/// Appends as much of `text` as there is room for, in whole characters.
fn append(to: &mut String, text: &str, most: usize) {
    let mut len = text.len().min(most.saturating_sub(to.len()));
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    to.push_str(&text[..len]);
}

/// `ServerVersionInfo` in one text: `15.1.2507.6 V2017_07_11`.
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
