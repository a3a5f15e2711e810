//! SOAP faults in the form of Exchange 2010 and later, and the messages for codes.

use core::fmt::Write as _;

use quick_xml::escape::escape;

/// A SOAP fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status of the response.
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Vec<Detail>,
}

/// A child of `MessageXml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `<t:Value Name="…">…</t:Value>`
    Value(&'static str, String),
    /// `<t:LineNumber>…</t:LineNumber>`
    Element(&'static str, String),
}

impl Detail {
    /// Makes the values of throttling and refusals that are given.
    pub(crate) fn values(
        back_off_ms: Option<u64>,
        inner_code: Option<&str>,
        mailbox_guid: Option<&str>,
    ) -> Vec<Self> {
        let back_off = back_off_ms.map(|ms| Self::Value("BackOffMilliseconds", ms.to_string()));
        let inner = inner_code.map(|code| Self::Value("InnerErrorResponseCode", code.to_owned()));
        let guid = mailbox_guid.map(|guid| Self::Value("MailboxGuid", guid.to_owned()));
        [inner, back_off, guid].into_iter().flatten().collect()
    }

    /// Writes the values one after another, each preceded by `before`.
    pub(crate) fn write_all(details: &[Self], before: &str) -> String {
        details.iter().fold(String::new(), |mut xml, detail| {
            let _ = match detail {
                Self::Value(name, text) => {
                    write!(
                        xml,
                        r#"{before}<t:Value Name="{name}">{}</t:Value>"#,
                        escape(text)
                    )
                }
                Self::Element(name, text) => {
                    write!(xml, "{before}<t:{name}>{}</t:{name}>", escape(text))
                }
            };
            xml
        })
    }
}

impl Fault {
    /// Makes a fault with HTTP 500 and Exchange's message for `code`.
    pub(crate) fn new(code: &str) -> Self {
        Self {
            status: 500,
            code: code.to_owned(),
            message: message_of(code).to_owned(),
            details: Vec::new(),
        }
    }

    /// Makes the fault for a request that violates the schema at this line and position, both from 1.
    pub(crate) fn schema(violation: &str, line: usize, position: usize) -> Self {
        Self {
            message: format!("The request failed schema validation: {violation}"),
            details: vec![
                Detail::Element("LineNumber", line.to_string()),
                Detail::Element("LinePosition", position.to_string()),
                Detail::Element("Violation", violation.to_owned()),
            ],
            ..Self::new("ErrorSchemaValidation")
        }
    }

    /// Writes the whole document. As in recorded faults, it has no header, and each prefix is declared where it is used.
    pub(crate) fn to_xml(&self) -> String {
        const TYPES: &str = crate::style::TYPES;
        const ERRORS: &str = "http://schemas.microsoft.com/exchange/services/2006/errors";
        let (code, message) = (escape(&self.code), escape(&self.message));
        let message_xml = match Detail::write_all(&self.details, "") {
            details if details.is_empty() => details,
            details => format!(r#"<t:MessageXml xmlns:t="{TYPES}">{details}</t:MessageXml>"#),
        };
        format!(
            r#"{declaration}<s:Envelope xmlns:s="{soap}"><s:Body><s:Fault><faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">{message}</faultstring><detail><e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode><e:Message xmlns:e="{ERRORS}">{message}</e:Message>{message_xml}</detail></s:Fault></s:Body></s:Envelope>"#,
            declaration = crate::style::DECLARATION,
            soap = crate::style::SOAP,
        )
    }
}

/// Returns the English message for a code, as recorded or documented if it is known.
pub(crate) fn message_of(code: &str) -> &'static str {
    match code {
        "NoError" => "",
        "ErrorItemNotFound" => {
            "The specified object was not found in the store., The process failed to get the \
             correct properties."
        }
        "ErrorInvalidChangeKey" => "The change key is invalid.",
        "ErrorNonExistentMailbox" => "No mailbox with such guid.",
        "ErrorInvalidIdMalformed" => "Id is malformed.",
        "ErrorInvalidIdEmpty" => "Id must be non-empty.",
        "ErrorServerBusy" => "The server cannot service this request right now. Try again later.",
        "ErrorAccessDenied" => "Access is denied. Check credentials and try again.",
        "ErrorBatchProcessingStopped" => {
            "An item before this one failed in such a way that the batch was not processed further."
        }
        "ErrorInvalidServerVersion" => "The specified server version is invalid.",
        "ErrorInvalidRequest" => "The request is invalid.",
        "ErrorDuplicateSOAPHeader" => "The same SOAP header is present more than once.",
        "ErrorInternalServerError" => "An internal server error occurred. The operation failed.",
        _ => "The operation failed.",
    }
}
