//! The header fields of a message: those it arrived with, and those that its properties say.

use std::io;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems::payload::Guid;

use super::{HeaderSource, Options};
use crate::address::{self, mailbox, resolve, Entry, Mailbox, RECIPIENT, REPRESENTED, SENDER};
use crate::header::{is_field_name, Headers};
use crate::item::{Message, Name, Properties};
use crate::names::{PSETID_COMMON, PS_INTERNET_HEADERS, PS_PUBLIC_STRINGS};
use crate::time::Time;
use crate::values::{strings, Values};
use crate::warning::WarningKind;

/// Header fields of the properties with names in PS_INTERNET_HEADERS that are written, at most.
const MAX_NAMED: usize = 200;
/// The maximum number of recipients that are written of whom only the names are known.
const MAX_DISPLAYED: usize = 1000;

/// The senders and recipients of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    pub(crate) from: Option<Mailbox>,
    /// The sender, if it is not the same person.
    pub(crate) sender: Option<Mailbox>,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) cc: Vec<Mailbox>,
    pub(crate) bcc: Vec<Mailbox>,
}

impl People {
    pub(crate) fn of(
        message: &Message,
        values: &mut Values<'_>,
        options: &Options,
    ) -> io::Result<Self> {
        let (strings, map) = (strings(message), &options.addresses);
        let properties = &message.properties;
        let represented = mailbox(values, properties, REPRESENTED, strings, map)?;
        let sender = mailbox(values, properties, SENDER, strings, map)?;
        let mut people = Self::default();
        (people.from, people.sender) = match (represented, sender) {
            (Some(from), Some(sender)) => {
                let differs = !from.address.eq_ignore_ascii_case(&sender.address);
                (Some(from), Some(sender).filter(|_| differs))
            }
            (from, sender) => (from.or(sender), None),
        };
        for recipient in &message.recipients {
            // PidTagRecipientType: the other bits mark copies that are sent again.
            let list = match recipient.integer(0x0C15).unwrap_or(1) & 3 {
                1 => &mut people.to,
                2 => &mut people.cc,
                3 => &mut people.bcc,
                _ => continue, // the originator
            };
            list.extend(mailbox(values, recipient, RECIPIENT, strings, map)?);
        }
        if message.recipients.is_empty() {
            people.to = displayed(message, 0x0E04, values, options)?;
            people.cc = displayed(message, 0x0E03, values, options)?;
            people.bcc = displayed(message, 0x0E02, values, options)?;
        }
        Ok(people)
    }
}

/// Returns recipients of whom only the names are known: PidTagDisplayTo, …Cc, …Bcc.
fn displayed(
    message: &Message,
    id: u16,
    values: &mut Values<'_>,
    options: &Options,
) -> io::Result<Vec<Mailbox>> {
    let names = values.line(&message.properties, id, strings(message))?;
    let names = names.unwrap_or_default();
    let names = names
        .split(';')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let mut list = Vec::new();
    for name in names.take(MAX_DISPLAYED) {
        let address = name.trim_matches(['\'', '"', '<', '>']);
        let address = if address.contains('@') { address } else { "" };
        let entry = Entry {
            address: address.to_owned(),
            ..Entry::default()
        };
        let entries = [entry, Entry::default()];
        list.push(resolve(values, name, None, entries, &options.addresses));
    }
    Ok(list)
}

/// Returns the subject of a message.
pub(crate) fn subject(message: &Message, values: &mut Values<'_>) -> io::Result<Option<String>> {
    let (properties, strings) = (&message.properties, strings(message));
    if let Some(subject) = values.line(properties, 0x0037, strings)? {
        return Ok(Some(subject));
    }
    let prefix = values.line(properties, 0x003D, strings)?;
    let normalized = values.line(properties, 0x0E1D, strings)?;
    Ok(match (prefix, normalized) {
        (Some(prefix), Some(rest)) => Some(format!("{prefix} {rest}")),
        (prefix, rest) => prefix.or(rest),
    })
}

/// Returns when a message was sent, or else delivered, or else created.
pub(crate) fn date(properties: &Properties) -> Option<Time> {
    [0x0039, 0x0E06, 0x3007]
        .iter()
        .find_map(|id| Time::from_filetime(properties.time(*id)?))
}

/// Writes all header fields of a message except those of MIME.
pub(super) fn write(
    headers: &mut Headers,
    message: &Message,
    values: &mut Values<'_>,
    options: &Options,
) -> io::Result<()> {
    let mut is_received = false;
    if options.headers == HeaderSource::Original {
        if let Some(block) = values.transport_headers(message)? {
            received(headers, &block, values);
            is_received = true;
        }
    }
    let people = People::of(message, values, options)?;
    let properties = &message.properties;
    let strings = strings(message);

    if !headers.has("Date") {
        if let Some(date) = date(properties) {
            headers.text("Date", &date.rfc5322());
        }
    }
    if !headers.has("From") {
        headers.mailboxes("From", people.from.as_slice());
        if !headers.has("Sender") {
            headers.mailboxes("Sender", people.sender.as_slice());
        }
    }
    for (name, list) in [("To", &people.to), ("Cc", &people.cc), ("Bcc", &people.bcc)] {
        if !headers.has(name) {
            headers.mailboxes(name, list);
        }
    }
    if !headers.has("Subject") {
        if let Some(subject) = subject(message, values)? {
            headers.text("Subject", &subject);
        }
    }
    for (id, name) in [
        (0x1035, "Message-ID"),
        (0x1042, "In-Reply-To"),
        (0x1039, "References"),
    ] {
        if headers.has(name) {
            continue;
        }
        if let Some(value) = values.line(properties, id, strings)? {
            // More words than one are no identifier; a phrase is legal in the other two.
            let is_legal = name != "Message-ID" || !value.contains(' ');
            if !is_legal || !headers.words(name, &value) {
                values.warn(WarningKind::DroppedHeader, name);
            }
        }
    }
    unresolved(headers, &people);
    if !is_received {
        rebuilt(headers, message, &people, values, options)?;
    }
    if let Some(class) = values.line(properties, 0x001A, strings)? {
        if !class.eq_ignore_ascii_case("IPM.Note") && !headers.has("X-Message-Class") {
            headers.text("X-Message-Class", &class);
        }
    }
    // PidTagMessageFlags: mfUnsent
    if properties.integer(0x0E07).unwrap_or(0) & 8 != 0 && !headers.has("X-Unsent") {
        headers.text("X-Unsent", "1");
    }
    Ok(())
}

/// Copies the headers that the message arrived with, without those that describe its MIME structure.
fn received(headers: &mut Headers, block: &str, values: &mut Values<'_>) {
    let mut field: Vec<&str> = Vec::new();
    let mut write = |field: &mut Vec<&str>, values: &mut Values<'_>| {
        let Some(first) = field.first() else {
            return;
        };
        let name = first.split(':').next().unwrap_or_default().trim_end();
        let lower = name.to_ascii_lowercase();
        if !lower.starts_with("content-") && lower != "mime-version" && !headers.received(field) {
            values.warn(
                WarningKind::DroppedHeader,
                name.chars().take(40).collect::<String>(),
            );
        }
        field.clear();
    };
    // Outlook begins some blocks with a line that is no field.
    let is_field = |line: &&str| {
        line.split_once(':')
            .is_some_and(|(it, _)| is_field_name(it.trim_end()))
    };
    for line in block.lines().skip_while(|line| !is_field(line)) {
        if line.is_empty() {
            break; // the body begins
        }
        if line.starts_with([' ', '\t']) {
            field.push(line);
        } else {
            write(&mut field, values);
            field.push(line);
        }
    }
    write(&mut field, values);
}

/// Writes the X.500 names of users without an SMTP address, so that they can be resolved later.
fn unresolved(headers: &mut Headers, people: &People) {
    let lists = [&people.to, &people.cc, &people.bcc];
    let all = (people.from.iter().chain(&people.sender)).chain(lists.into_iter().flatten());
    for mailbox in all.take(1000) {
        if let Some(name) = &mailbox.unresolved {
            headers.text("X-Exchange-DN", &format!("<{}> {name}", mailbox.address));
        }
    }
}

/// Writes the other fields, from properties.
fn rebuilt(
    headers: &mut Headers,
    message: &Message,
    people: &People,
    values: &mut Values<'_>,
    options: &Options,
) -> io::Result<()> {
    let (properties, strings) = (&message.properties, strings(message));
    let reply_to = properties.bytes(0x004F).unwrap_or_default();
    let mut list = Vec::new();
    for bytes in address::entries(reply_to) {
        let entry = address::entry(bytes, strings).unwrap_or_default();
        if !entry.address.is_empty() {
            let name = entry.name.clone();
            let entries = [entry, Entry::default()];
            list.push(resolve(values, &name, None, entries, &options.addresses));
        }
    }
    headers.mailboxes("Reply-To", &list);
    if properties.boolean(0x0029) {
        let ids = address::Ids {
            name: 0x402B, // PidTagReadReceiptName
            kind: 0x4029,
            address: 0x402A,
            entry_id: 0x0046,
            smtp: 0x5D05,
        };
        let receipt = mailbox(values, properties, ids, strings, &options.addresses)?;
        let receipt = receipt.or_else(|| people.from.clone());
        headers.mailboxes("Disposition-Notification-To", receipt.as_slice());
    }
    if properties.boolean(0x0023) {
        headers.mailboxes("Return-Receipt-To", people.from.as_slice());
    }
    match properties.integer(0x0017) {
        Some(0) => headers.text("Importance", "low"),
        Some(2) => headers.text("Importance", "high"),
        _ => {}
    }
    match properties.integer(0x0026) {
        Some(-1) => headers.text("X-Priority", "5"),
        Some(1) => headers.text("X-Priority", "1"),
        _ => {}
    }
    match message.sensitivity() {
        Some(1) => headers.text("Sensitivity", "Personal"),
        Some(2) => headers.text("Sensitivity", "Private"),
        Some(3) => headers.text("Sensitivity", "Company-Confidential"),
        _ => {}
    }
    if let Some(topic) = values.line(properties, 0x0070, strings)? {
        headers.text("Thread-Topic", &topic);
    }
    if let Some(index) = properties.bytes(0x0071).filter(|it| it.len() <= 600) {
        headers.text("Thread-Index", &STANDARD.encode(index));
    }
    for (id, name) in [
        (0x1043, "List-Help"),
        (0x1044, "List-Subscribe"),
        (0x1045, "List-Unsubscribe"),
    ] {
        if let Some(value) = values.line(properties, id, strings)? {
            headers.words(name, &value);
        }
    }
    let keywords = Name::Text(PS_PUBLIC_STRINGS, "Keywords".to_owned());
    if let Some(keywords) = properties.named(&keywords) {
        let keywords = values.lines(keywords, strings)?;
        if !keywords.is_empty() {
            headers.text("Keywords", &keywords.join(", "));
        }
    }
    // PidLidFlagRequest
    if let Some(flag) = properties.dispid(PSETID_COMMON, 0x8530) {
        if let Some(flag) = values
            .property_line(flag, strings)?
            .filter(|it| !it.is_empty())
        {
            headers.text("X-Message-Flag", &flag);
        }
    }
    named(headers, properties, strings, values)
}

/// Writes header fields that Exchange keeps as named properties.
fn named(
    headers: &mut Headers,
    properties: &Properties,
    strings: u16,
    values: &mut Values<'_>,
) -> io::Result<()> {
    let is_header = |set: &Guid| *set == PS_INTERNET_HEADERS;
    let mut written = 0;
    for property in &properties.0 {
        let Some(Name::Text(set, name)) = property.name.as_deref() else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        // What has no property of its own: the rest would be there twice.
        let is_written = lower.starts_with("content-")
            || [
                "mime-version",
                "bcc",
                "from",
                "sender",
                "to",
                "cc",
                "subject",
                "date",
            ]
            .contains(&&*lower);
        if !is_header(set) || !is_field_name(name) || is_written || headers.has(name) {
            continue;
        }
        let lines = values.lines(property, strings)?;
        if lines.is_empty() {
            continue; // no text
        }
        headers.text(name, &lines.join(", "));
        written += 1;
        if written == MAX_NAMED {
            break;
        }
    }
    Ok(())
}
