//! The text of a response around its payloads, as recorded servers write it.

use quick_xml::escape::escape;

use crate::fault::Detail;
use crate::scenario::{ResponseClass, Scenario, ServerVersion, Style};

pub(crate) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
pub(crate) const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
pub(crate) const DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

const XSI: &str = r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
const XSD: &str = r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema""#;

/// The number of base64 characters per line in Microsoft's documents.
pub(crate) const DOCS_LINE: u64 = 72;
/// The line break and indentation before each of those lines.
pub(crate) const DOCS_INDENT: &str = "\n            ";

/// Writes the pieces of a response in the form of one server.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    /// The local name of the operation.
    operation: String,
    style: Style,
    version: ServerVersion,
}

impl Writer {
    pub(crate) fn new(scenario: &Scenario, operation: &str) -> Self {
        let (build, schema) = match scenario.style {
            Style::Exchange2010 => ([14, 3, 123, 3], "Exchange2010_SP2"),
            Style::Exchange2016 => ([15, 1, 2507, 6], "V2017_07_11"),
            Style::Online => ([15, 20, 3370, 16], "V2018_01_08"),
            Style::Docs => ([14, 1, 139, 0], "Exchange2010_SP1"),
        };
        let of_style = || ServerVersion {
            build,
            schema: schema.to_owned(),
        };
        Self {
            operation: operation.to_owned(),
            style: scenario.style,
            version: scenario.version.clone().unwrap_or_else(of_style),
        }
    }

    /// Writes the text from the XML declaration to `<m:ResponseMessages>`.
    pub(crate) fn open(&self) -> String {
        let [envelope, part, info, response, messages] = [0, 1, 2, 2, 3].map(|n| self.line(n));
        let [major, minor, build, revision] = self.version.build;
        let schema = escape(&self.version.schema);
        // The prefix of ServerVersionInfo, and the namespace declarations of ServerVersionInfo, the body and the response.
        let (h, on_info, on_body, on_response) = match self.style {
            Style::Exchange2010 => ("h", [TYPES_DEFAULT, XSI, XSD], [XSI, XSD], ["", ""]),
            Style::Exchange2016 => ("h", [TYPES_DEFAULT, XSD, XSI], [XSI, XSD], ["", ""]),
            Style::Online => ("h", ["", XSD, XSI], ["", ""], [XSD, XSI]),
            Style::Docs => ("t", [TYPES_DEFAULT, XSI, XSD], [XSI, XSD], ["", ""]),
        };
        let (on_info, on_body) = (on_info.concat(), on_body.concat());
        let on_response = on_response.concat();
        let operation = &self.operation;
        format!(
            r#"{DECLARATION}{envelope}<s:Envelope xmlns:s="{SOAP}">{part}<s:Header>{info}<{h}:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{build}" MinorBuildNumber="{revision}" Version="{schema}" xmlns:{h}="{TYPES}"{on_info}/>{part}</s:Header>{part}<s:Body{on_body}>{response}<m:{operation}Response xmlns:m="{MESSAGES}"{on_response} xmlns:t="{TYPES}">{messages}<m:ResponseMessages>"#
        )
    }

    /// Writes the text from `</m:ResponseMessages>` to the end.
    pub(crate) fn close(&self) -> String {
        let [envelope, body, response, messages] = [0, 1, 2, 3].map(|n| self.line(n));
        let operation = &self.operation;
        format!(
            "{messages}</m:ResponseMessages>{response}</m:{operation}Response>{body}</s:Body>\
             {envelope}</s:Envelope>"
        )
    }

    /// Writes the text from the start tag of an item's message to its `ItemId`, if it has one.
    pub(crate) fn success(&self, id: Option<&str>, change_key: &str) -> String {
        let line = self.line(5);
        let start = self.message(ResponseClass::Success);
        let id = id.map(|id| self.item_id(id, change_key));
        let id = id.unwrap_or_default();
        format!("{start}{line}<m:ResponseCode>NoError</m:ResponseCode>{id}")
    }

    /// Writes a whole message of class Success with this content.
    pub(crate) fn listing(&self, content: &str) -> String {
        let (start, end) = (self.message(ResponseClass::Success), self.message_end());
        let line = self.line(5);
        format!("{start}{line}<m:ResponseCode>NoError</m:ResponseCode>{line}{content}{end}")
    }

    /// Writes a whole response message of `UploadItems`.
    pub(crate) fn upload(&self, id: &str, change_key: &str) -> String {
        let (start, line, id) = (self.line(4), self.line(5), self.item_id(id, change_key));
        format!(
            r#"{start}<m:UploadItemsResponseMessage ResponseClass="Success">{line}<m:ResponseCode>NoError</m:ResponseCode>{id}{start}</m:UploadItemsResponseMessage>"#
        )
    }

    fn item_id(&self, id: &str, change_key: &str) -> String {
        let (line, id) = (self.line(5), escape(id));
        format!(r#"{line}<m:ItemId Id="{id}" ChangeKey="{change_key}"/>"#)
    }

    pub(crate) fn data_start(&self) -> String {
        self.line(5) + "<m:Data>"
    }

    pub(crate) fn data_end(&self) -> String {
        match self.style {
            Style::Docs => self.line(5) + "</m:Data>",
            _ => "</m:Data>".to_owned(),
        }
    }

    pub(crate) fn message_end(&self) -> String {
        self.line(4) + &format!("</m:{}ResponseMessage>", self.operation)
    }

    /// Writes the whole message of an item without data.
    pub(crate) fn refusal(
        &self,
        class: ResponseClass,
        code: &str,
        message: &str,
        details: &[Detail],
    ) -> String {
        let line = self.line(5);
        let (start, end) = (self.message(class), self.message_end());
        let (code, message) = (escape(code), text(message));
        let message_xml = if details.is_empty() {
            String::new()
        } else {
            let details = Detail::write_all(details, &self.line(6));
            format!("{line}<m:MessageXml>{details}{line}</m:MessageXml>")
        };
        format!(
            "{start}{line}<m:MessageText>{message}</m:MessageText>\
             {line}<m:ResponseCode>{code}</m:ResponseCode>\
             {line}<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{message_xml}{end}"
        )
    }

    fn message(&self, class: ResponseClass) -> String {
        let class = match class {
            ResponseClass::Success => "Success",
            ResponseClass::Warning => "Warning",
            ResponseClass::Error => "Error",
        };
        let operation = &self.operation;
        self.line(4) + &format!(r#"<m:{operation}ResponseMessage ResponseClass="{class}">"#)
    }

    /// Writes the text before an element: nothing, or a line break and indentation in the style of the documents.
    fn line(&self, depth: usize) -> String {
        match self.style {
            Style::Docs => format!("\n{:1$}", "", 2 * depth),
            _ => String::new(),
        }
    }
}

/// Escapes a text like Exchange, which writes control characters as references although XML 1.0 does not allow them
/// (ews-java-api issue 233).
pub(crate) fn text(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in escape(text).chars() {
        match character {
            '\t' | '\r' | '\n' | ' '.. => xml.push(character),
            control => xml.extend(format!("&#x{:X};", u32::from(control)).chars()),
        }
    }
    xml
}

/// The default namespace that on-premises servers declare on `ServerVersionInfo`.
const TYPES_DEFAULT: &str = r#" xmlns="http://schemas.microsoft.com/exchange/services/2006/types""#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_leave_as_references_that_xml_forbids() {
        let writer = Writer::new(&Scenario::default(), "ExportItems");
        let refusal = writer.refusal(ResponseClass::Error, "ErrorX", "a\0<\u{1f}\n", &[]);
        assert!(refusal.contains("a&#x0;&lt;&#x1F;\n<"), "{refusal}");
    }
}
