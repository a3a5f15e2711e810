//! A [`Script`] as the bytes that a server sends.

use exportitems::ResponseCode;

use crate::base64_text;
use crate::script::{
    Answer, Class, Code, Ending, Fault, Ids, Junk, Message, Name, Note, Prefixes, Script, Style,
    Words,
};

/// The truncation marker as Microsoft documents it.
pub const MARKER: &str = "=== Truncated Data ===";

/// A response as it is sent.
#[derive(Clone, Debug)]
pub struct Wire {
    /// The document.
    pub bytes: Vec<u8>,
    /// Where each message's start tag ends, of those that are sent.
    pub starts: Vec<usize>,
    /// Where the envelope ends, if it is sent.
    pub end: usize,
}

/// Writes a script.
#[must_use]
pub fn write(script: &Script) -> Wire {
    let mut writer = Writer {
        out: Vec::new(),
        style: script.style,
        starts: Vec::new(),
    };
    writer.document(script);
    let end = writer.out.len();
    match script.ending {
        Ending::Space => writer.put("\n<!-- served by EX01 --><?ex end?>\r\n "),
        Ending::Trailing(junk) => writer.put(&junk_text(junk)),
        Ending::Cut(thousandths) => {
            let len = writer.out.len() * usize::from(thousandths) / 1000;
            writer.out.truncate(len);
            writer.starts.retain(|&start| start <= len);
        }
        Ending::Whole | Ending::After(..) => {}
    }
    Wire {
        bytes: writer.out,
        starts: writer.starts,
        end,
    }
}

/// The `Id` that a reader gets of a message, if the message has one and it is not longer than a scratch.
#[must_use]
pub fn id_text(index: usize, ids: Ids) -> Option<String> {
    match ids {
        Ids::Absent | Ids::Long => None,
        Ids::Escaped => Some("a\"b'c>".to_owned()),
        Ids::Both | Ids::Twice | Ids::TwoAttributes(_) => Some(usual_id(index)),
    }
}

fn usual_id(index: usize) -> String {
    format!("AAMkAD{index}+/=")
}

impl Junk {
    /// Whether it is an element, which is a message among messages.
    #[must_use]
    pub const fn is_message(self) -> bool {
        matches!(self, Self::Html | Self::Deep)
    }
}

/// The text of a code, without its white space.
#[must_use]
pub fn code_text(code: Code) -> Option<&'static str> {
    match code {
        Code::NoError | Code::Padded => Some("NoError"),
        Code::Known(n) => {
            let errors = &ResponseCode::KNOWN[1..];
            errors[usize::from(n) % errors.len()].as_str()
        }
        Code::Unknown => Some("ErrorThatANewerServerInvented"),
        Code::Absent => None,
    }
}

impl Words {
    fn written(self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Plain => b"Access is denied.".to_vec(),
            Self::Long => "The specified object was not found in the store. "
                .repeat(13)
                .into_bytes(),
            Self::Wide => "Größe \u{20ac} \u{1f4e7} \u{7fff}".repeat(30).into_bytes(),
            Self::References => b"&lt;a&gt; &amp;&#x0;&#31;&#x1F4E7;&quot;&apos;".repeat(9),
            Self::Illegal => b"\xff\x01bad \xe2\x82 \xf0\x9f\x93 \x1f".repeat(9),
            Self::Cdata => b"<![CDATA[a]b]]c<&>]]]>]&gt;<![CDATA[]]]]>".repeat(9),
        }
    }

    /// What a reader must get.
    #[must_use]
    pub fn meaning(self) -> String {
        match self {
            Self::References => "<a> &\u{fffd}\u{fffd}\u{1f4e7}\"'".repeat(9),
            Self::Illegal => "\u{fffd}\u{fffd}bad \u{fffd} \u{fffd} \u{fffd}".repeat(9),
            Self::Cdata => "a]b]]c<&>]]>]]".repeat(9),
            _ => String::from_utf8(self.written()).expect("text"),
        }
    }
}

/// The inner codes of a message whose other values are plain.
pub const INNER_CODES: [&str; 2] = ["ErrorMailboxMoveInProgress", "ErrorItemNotFound"];

#[derive(Clone, Copy)]
enum Space {
    Soap,
    Messages,
    Types,
    Errors,
    None,
}

impl Space {
    fn uri(self, https: bool) -> String {
        let path = match self {
            Self::Soap => "schemas.xmlsoap.org/soap/envelope/",
            Self::Messages => "schemas.microsoft.com/exchange/services/2006/messages",
            Self::Types => "schemas.microsoft.com/exchange/services/2006/types",
            Self::Errors => "schemas.microsoft.com/exchange/services/2006/errors",
            Self::None => return String::new(),
        };
        let scheme = if https { "https" } else { "http" };
        format!("{scheme}://{path}")
    }

    fn prefix(self, prefixes: Prefixes) -> &'static str {
        match (prefixes, self) {
            (_, Self::None) | (Prefixes::Default, _) => "",
            (Prefixes::Rebound, _) => "a",
            (Prefixes::Usual, Self::Soap) => "s",
            (Prefixes::Usual, Self::Messages) => "m",
            (Prefixes::Usual, Self::Types) => "t",
            (Prefixes::Usual, Self::Errors) => "e",
            (Prefixes::Unusual, Self::Soap) => "SOAP-ENV",
            (Prefixes::Unusual, Self::Messages) => "ns.1",
            (Prefixes::Unusual, Self::Types) => "_t",
            (Prefixes::Unusual, Self::Errors) => "\u{e4}",
        }
    }
}

/// Where each prefix is declared if it is not declared everywhere.
const DECLARED_AT: [&str; 4] = [
    "Envelope",
    "ServerVersionInfo",
    "ExportItemsResponse",
    "detail",
];

struct Writer {
    out: Vec<u8>,
    style: Style,
    starts: Vec<usize>,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn qualified(&self, space: Space, local: &str) -> String {
        match space.prefix(self.style.prefixes) {
            "" => local.to_owned(),
            prefix => format!("{prefix}:{local}"),
        }
    }

    /// The inside of a start tag.
    fn tag(&mut self, space: Space, local: &str, attributes: &[(&str, &str)]) {
        let quote = if self.style.apostrophes { "'" } else { "\"" };
        let name = self.qualified(space, local);
        self.put("<");
        self.put(&name);
        for (name, value) in attributes {
            self.put(&format!(" {name}={quote}{value}{quote}"));
        }
        let declared: &[Space] = match self.style.prefixes {
            Prefixes::Default | Prefixes::Rebound => &[space],
            _ if DECLARED_AT.contains(&local) => {
                &[Space::Soap, Space::Messages, Space::Types, Space::Errors]
            }
            _ => &[],
        };
        for space in declared {
            let uri = space.uri(self.style.https);
            let name = match space.prefix(self.style.prefixes) {
                "" => "xmlns".to_owned(),
                prefix => format!("xmlns:{prefix}"),
            };
            self.put(&format!("\n {name} = {quote}{uri}{quote}"));
        }
    }

    /// Anything that is allowed between elements.
    fn between(&mut self) {
        if self.style.indent {
            self.put("\r\n\t ");
        }
        if self.style.comments {
            self.put("<!-- a <comment> --><?pi a \"b\" > ?>");
        }
    }

    fn open(&mut self, space: Space, local: &str, attributes: &[(&str, &str)]) {
        self.between();
        self.tag(space, local, attributes);
        self.put(">");
    }

    fn close(&mut self, space: Space, local: &str) {
        let name = self.qualified(space, local);
        self.put(&format!("</{name}>"));
    }

    fn empty(&mut self, space: Space, local: &str, attributes: &[(&str, &str)]) {
        self.between();
        self.tag(space, local, attributes);
        if self.style.long_empty {
            self.put(">");
            self.close(space, local);
        } else {
            self.put(" />");
        }
    }

    fn element(&mut self, space: Space, local: &str, attributes: &[(&str, &str)], text: &[u8]) {
        self.open(space, local, attributes);
        self.out.extend_from_slice(text);
        self.close(space, local);
    }

    /// Elements that are none of ours, with names and texts that are.
    fn foreign(&mut self) {
        if self.style.foreign {
            self.put(
                "<x:New xmlns:x='urn:x'><ResponseCode>ErrorItemNotFound</ResponseCode>=== Truncated Data ===\
                 <m:Data ResponseClass='Error'>AAAA</m:Data><x:x><New/></x:x></x:New>",
            );
        }
    }

    fn document(&mut self, script: &Script) {
        if self.style.byte_order_mark {
            self.put("\u{feff}");
        }
        if self.style.declaration {
            self.put("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        }
        self.open(Space::Soap, "Envelope", &[]);
        let of_2007 = matches!(&script.answer, Answer::Fault(fault) if fault.of_2007);
        if self.style.header || of_2007 {
            self.header();
        }
        self.open(Space::Soap, "Body", &[("xmlns:xsd", "urn:xsd")]);
        match &script.answer {
            Answer::Items(messages) => self.items(messages, script.ending),
            Answer::Fault(fault) => {
                self.fault(fault);
                if let Ending::After(_, junk) = script.ending {
                    self.put(&junk_text(junk));
                }
            }
        }
        self.between();
        self.close(Space::Soap, "Body");
        self.between();
        self.close(Space::Soap, "Envelope");
    }

    fn header(&mut self) {
        self.open(Space::Soap, "Header", &[]);
        self.foreign();
        let version = [
            ("MajorVersion", "15"),
            ("MinorVersion", "20"),
            ("MajorBuildNumber", "4608"),
            ("MinorBuildNumber", "18"),
            ("Version", "V2018_01_08"),
        ];
        self.empty(Space::Types, "ServerVersionInfo", &version);
        self.between();
        self.close(Space::Soap, "Header");
    }

    fn items(&mut self, messages: &[Message], ending: Ending) {
        self.open(Space::Messages, "ExportItemsResponse", &[]);
        self.foreign();
        self.open(Space::Messages, "ResponseMessages", &[]);
        let junk = match ending {
            Ending::After(n, junk) => Some((usize::from(n) % messages.len().max(1), junk)),
            _ => None,
        };
        if let (Some((_, junk)), true) = (junk, messages.is_empty()) {
            self.junk_message(junk);
        }
        for (index, message) in messages.iter().enumerate() {
            self.message(index, message);
            if let Some((_, junk)) = junk.filter(|&(n, _)| n == index) {
                self.junk_message(junk);
            }
        }
        self.between();
        self.close(Space::Messages, "ResponseMessages");
        self.between();
        self.close(Space::Messages, "ExportItemsResponse");
    }

    /// Elements take a position among the messages.
    fn junk_message(&mut self, junk: Junk) {
        let text = junk_text(junk);
        if junk.is_message() {
            let len = text.find('>').map_or(0, |end| end + 1);
            self.starts.push(self.out.len() + len);
        }
        self.put(&text);
    }

    fn message(&mut self, index: usize, message: &Message) {
        let classes: &[&str] = match message.class {
            Class::Success => &["Success"],
            Class::Warning => &["Warning"],
            Class::Error => &["Error"],
            Class::Unknown => &["Failure"],
            Class::Absent => &[],
            Class::Twice(true) => &["Success", "Success"],
            Class::Twice(false) => &["Success", "Error"],
            Class::ErrorSuccess => &["Error", "Success"],
        };
        let name = match message.name {
            Name::ExportItems => "ExportItemsResponseMessage",
            Name::UploadItems => "UploadItemsResponseMessage",
        };
        let mut attributes = vec![("xmlns:x", "urn:x"), ("x:ResponseClass", "None")];
        attributes.extend(classes.iter().map(|class| ("ResponseClass", *class)));
        self.between();
        self.tag(Space::Messages, name, &attributes);
        self.put(">");
        self.starts.push(self.out.len());
        self.words(message.note.text);
        self.code(Space::Messages, message.code);
        self.link_key_and_values(&message.note);
        self.foreign();
        if message.data_first {
            self.data(message);
        }
        self.ids(index, message.ids);
        if !message.data_first {
            self.data(message);
        }
        self.between();
        self.close(Space::Messages, name);
    }

    fn words(&mut self, words: Option<Words>) {
        match words {
            None => {}
            Some(Words::None) => self.empty(Space::Messages, "MessageText", &[]),
            Some(words) => self.element(Space::Messages, "MessageText", &[], &words.written()),
        }
    }

    fn code(&mut self, space: Space, code: Code) {
        let Some(text) = code_text(code) else {
            return;
        };
        let padded = format!("\n\t\t{text}&#13;\n ");
        let text = if code == Code::Padded { &padded } else { text };
        self.element(space, "ResponseCode", &[], text.as_bytes());
    }

    fn link_key_and_values(&mut self, note: &Note) {
        if note.link_key {
            self.element(Space::Messages, "DescriptiveLinkKey", &[], b"0");
        }
        if note.back_off_ms.is_none() && note.values.is_none() {
            return;
        }
        self.open(Space::Messages, "MessageXml", &[]);
        self.values(Space::Types, note.back_off_ms, note.values);
        self.close(Space::Messages, "MessageXml");
    }

    fn values(&mut self, space: Space, back_off_ms: Option<u32>, words: Option<Words>) {
        if let Some(milliseconds) = back_off_ms {
            let text = milliseconds.to_string();
            let name = [("Name", "BackOffMilliseconds")];
            self.element(space, "Value", &name, text.as_bytes());
            if words.is_some() {
                // The longest counts.
                let shorter = (milliseconds / 2).to_string();
                self.element(space, "Value", &name, shorter.as_bytes());
            }
        }
        if let Some(words) = words {
            if words == Words::Plain {
                // The first counts.
                for code in INNER_CODES {
                    let name = [("Name", "InnerErrorResponseCode")];
                    self.element(space, "Value", &name, code.as_bytes());
                }
            }
            self.element(space, "LineNumber", &[], b"4");
            self.element(space, "Value", &[("Name", "MailboxGuid")], &words.written());
            let long = "N".repeat(600);
            self.element(space, "Value", &[("Name", &long)], b"long");
            self.empty(space, "Value", &[("Name", "Policy")]);
        }
    }

    fn ids(&mut self, index: usize, ids: Ids) {
        let id = usual_id(index);
        let long = "A".repeat(600);
        let attributes: &[(&str, &str)] = match ids {
            Ids::Absent => return,
            Ids::Both | Ids::Twice => &[("Id", &id), ("ChangeKey", "CQAAAB")],
            Ids::Escaped => &[("ChangeKey", "&lt;&#x41;&amp;"), ("Id", "a&quot;b&apos;c>")],
            Ids::Long => &[("Id", &long), ("ChangeKey", &long)],
            Ids::TwoAttributes(true) => &[("Id", &id), ("ChangeKey", "CQ"), ("Id", &id)],
            Ids::TwoAttributes(false) => &[("ChangeKey", "CQ"), ("ChangeKey", ""), ("Id", &id)],
        };
        self.empty(Space::Types, "ItemId", attributes);
        if ids == Ids::Twice {
            self.empty(Space::Types, "ItemId", &[("Id", "another")]);
        }
    }

    fn data(&mut self, message: &Message) {
        for data in &message.data {
            match base64_text::write(data) {
                text if text.is_empty() => self.empty(Space::Messages, "Data", &[]),
                text => self.element(Space::Messages, "Data", &[], text.as_bytes()),
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        self.open(Space::Soap, "Fault", &[]);
        if fault.detail_first {
            self.detail(fault);
        }
        let code = fault.faultcode.and_then(|n| code_text(Code::Known(n)));
        let text = fault.text.written();
        if fault.soap_12 {
            self.open(Space::Soap, "Code", &[]);
            let value = self.qualified(Space::Soap, "Sender");
            self.element(Space::Soap, "Value", &[], value.as_bytes());
            if let Some(code) = code {
                self.open(Space::Soap, "Subcode", &[]);
                self.element(Space::Soap, "Value", &[], format!("a:{code}").as_bytes());
                self.close(Space::Soap, "Subcode");
            }
            self.between();
            self.close(Space::Soap, "Code");
            self.open(Space::Soap, "Reason", &[]);
            self.element(Space::Soap, "Text", &[("xml:lang", "de-DE")], &text);
            self.between();
            self.close(Space::Soap, "Reason");
        } else {
            let faultcode = match code {
                Some(code) => format!("a:{code}"),
                None => self.qualified(Space::Soap, "Client"),
            };
            self.element(Space::None, "faultcode", &[], faultcode.as_bytes());
            self.element(Space::None, "faultstring", &[("xml:lang", "de-DE")], &text);
        }
        if !fault.detail_first {
            self.detail(fault);
        }
        self.between();
        self.close(Space::Soap, "Fault");
    }

    fn detail(&mut self, fault: &Fault) {
        let (space, name) = match fault.soap_12 {
            true => (Space::Soap, "Detail"),
            false => (Space::None, "detail"),
        };
        let Some(code) = fault.detail else {
            self.empty(space, name, &[]);
            return;
        };
        self.open(space, name, &[]);
        self.code(Space::Errors, code);
        self.element(Space::Errors, "Message", &[], &fault.text.written());
        if fault.of_2007 {
            self.element(Space::Errors, "Line", &[], b"1");
            self.element(Space::Errors, "Position", &[], b"630");
        }
        if fault.back_off_ms.is_some() {
            self.open(Space::Types, "MessageXml", &[]);
            self.values(Space::Types, fault.back_off_ms, None);
            self.close(Space::Types, "MessageXml");
        }
        self.between();
        self.close(space, name);
    }
}

fn junk_text(junk: Junk) -> String {
    match junk {
        Junk::Marker => MARKER.to_owned(),
        Junk::HalfMarker => "=== Truncated".to_owned(),
        Junk::Text => "\n 0x8004010F".to_owned(),
        Junk::Html => "<html><body>Server Error in '/EWS' Application.</body></html>".to_owned(),
        Junk::EndTag => "</m:Nothing>".to_owned(),
        Junk::Entity => "&nbsp;".to_owned(),
        Junk::Dtd => "<!DOCTYPE x [<!ENTITY y 'z'>]>".to_owned(),
        Junk::Deep => "<x>".repeat(300),
        Junk::LongName => format!("<{}/>", "x".repeat(70)),
        Junk::BrokenTag => "<x y=1>".to_owned(),
    }
}
