//! Parses and validates a request like Exchange.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::{NsReader, XmlVersion};

use crate::fault::Fault;
use crate::mailbox::{Call, Element, OPERATIONS};
use crate::scenario::Style;
use crate::style::{MESSAGES, SOAP, TYPES};

/// An `ExportItems` request, with the parts that the emulator uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportItems {
    /// `RequestServerVersion`.
    pub version: String,
    /// The local names of the SOAP headers, in order.
    pub headers: Vec<String>,
    /// `ExchangeImpersonation`: the kind of id, such as `PrimarySmtpAddress`, and the id.
    pub impersonation: Option<(String, String)>,
    /// `MailboxCulture`.
    pub mailbox_culture: Option<String>,
    /// The roles of `ManagementRole`.
    pub roles: Vec<String>,
    /// The requested items, in order.
    pub ids: Vec<RequestedId>,
}

/// A `t:ItemId` of a request.
///
/// This struct is deliberately exhaustive, so that tests can compare it with expected values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedId {
    /// `Id`.
    pub id: String,
    /// `ChangeKey`. An empty one differs from an absent one.
    pub change_key: Option<String>,
}

/// A valid request.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    ExportItems(ExportItems),
    Other(Call),
}

impl Request {
    /// Returns the local name of the operation.
    pub(crate) fn operation(&self) -> &str {
        match self {
            Self::ExportItems(_) => "ExportItems",
            Self::Other(call) => &call.body.name,
        }
    }

    /// Returns `ExchangeImpersonation`: the kind of id, and the id.
    pub(crate) fn impersonation(&self) -> Option<&(String, String)> {
        match self {
            Self::ExportItems(request) => request.impersonation.as_ref(),
            Self::Other(call) => call.impersonation.as_ref(),
        }
    }

    /// Returns the number of requested items of `ExportItems`.
    pub(crate) fn items(&self) -> usize {
        match self {
            Self::ExportItems(request) => request.ids.len(),
            Self::Other(_) => 0,
        }
    }
}

/// `ExchangeVersionType` of Exchange SE, oldest first.
const VERSIONS: [&str; 19] = [
    "Exchange2007",
    "Exchange2007_SP1",
    "Exchange2009",
    "Exchange2010",
    "Exchange2010_SP1",
    "Exchange2010_SP2",
    "Exchange2012",
    "Exchange2013",
    "Exchange2013_SP1",
    "Exchange2015",
    "Exchange2016",
    "V2015_10_05",
    "V2016_01_06",
    "V2016_04_13",
    "V2016_07_13",
    "V2016_10_10",
    "V2017_01_07",
    "V2017_04_14",
    "V2017_07_11",
];
/// The first version with `ExportItems`, and the last version that Exchange 2010 supports.
const EXCHANGE_2010_SP1: usize = 4;
const EXCHANGE_2010_SP2: usize = 5;

/// The headers that Exchange reads. It is an error if one occurs twice.
const HEADERS: [&str; 7] = [
    "RequestServerVersion",
    "ExchangeImpersonation",
    "MailboxCulture",
    "ManagementRole",
    "TimeZoneContext",
    "DateTimePrecision",
    "SerializedSecurityContext",
];

/// The path of an item id in a request.
const ITEM_ID: &str = "/Envelope/Body/ExportItems/ItemIds/ItemId";

/// Parses a request, or returns the fault with which a server of `style` answers it.
pub(crate) fn read(text: &str, style: Style) -> Result<Request, Fault> {
    let mut walk = Walk {
        reader: NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
        text,
        request: ExportItems::default(),
        path: String::new(),
        open: Vec::new(),
        body: None,
    };
    walk.reader.config_mut().expand_empty_elements = true;
    while walk.step()? {}
    let request = walk.request;
    check_version(&request.version, style)?;
    Ok(match walk.body {
        None => Request::ExportItems(request),
        Some(body) => Request::Other(Call {
            impersonation: request.impersonation,
            body,
        }),
    })
}

/// Checks the version. Without one, a server uses its oldest schema, which has no `ExportItems`. A name that is in no
/// schema makes the request invalid (office-js issue 3491, ews-javascript-api issue 441).
fn check_version(version: &str, style: Style) -> Result<(), Fault> {
    let newest = match style {
        Style::Exchange2010 | Style::Docs => EXCHANGE_2010_SP2,
        Style::Exchange2016 | Style::Online => VERSIONS.len() - 1,
    };
    match VERSIONS.iter().position(|&known| known == version) {
        Some(known) if known > newest => Err(Fault::new("ErrorInvalidServerVersion")),
        Some(known) if known >= EXCHANGE_2010_SP1 => Ok(()),
        _ => Err(Fault::new("ErrorInvalidRequest")),
    }
}

struct Walk<'t> {
    reader: NsReader<&'t [u8]>,
    text: &'t str,
    request: ExportItems,
    /// The local names of the open elements, each preceded by `/`.
    path: String,
    /// The open elements of an operation other than `ExportItems`.
    open: Vec<Element>,
    /// The complete element of that operation.
    body: Option<Element>,
}

impl Walk<'_> {
    /// Reads one event. Returns `false` at the end of the document.
    fn step(&mut self) -> Result<bool, Fault> {
        let (namespace, event) = match self.reader.read_resolved_event() {
            Ok(event) => event,
            Err(error) => {
                let violation = error.to_string();
                return Err(self.violation(&violation));
            }
        };
        match event {
            Event::Start(element) => {
                let namespace = match namespace {
                    ResolveResult::Bound(Namespace(uri)) => uri.to_owned(),
                    ResolveResult::Unbound | ResolveResult::Unknown(_) => String::new(),
                };
                self.start(&namespace, &element)?;
            }
            Event::End(_) => self.end()?,
            Event::Text(text) => self.characters(&text.xml10_content())?,
            Event::CData(text) => self.characters(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character.to_string()),
                    _ => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                        .map(str::to_owned),
                };
                match character {
                    Some(character) => self.characters(&character)?,
                    None => return Err(self.violation("Reference to undeclared entity.")),
                }
            }
            Event::DocType(_) => return Err(self.violation("DTD is prohibited.")),
            Event::Eof if self.path.is_empty() && self.has_operation() => return Ok(false),
            Event::Eof => return Err(self.violation("Root element is missing or not closed.")),
            _ => {}
        }
        Ok(true)
    }

    fn start(&mut self, namespace: &str, element: &BytesStart<'_>) -> Result<(), Fault> {
        let name = element.local_name().as_ref().to_owned();
        let path = format!("{}/{name}", self.path);
        let expected = match path.as_str() {
            "/Envelope" | "/Envelope/Header" | "/Envelope/Body" => SOAP,
            "/Envelope/Body/ExportItems" | "/Envelope/Body/ExportItems/ItemIds" => MESSAGES,
            ITEM_ID => TYPES,
            // EWS identifies the operation by the element in the body. There is only one.
            _ if self.path == "/Envelope/Body"
                && OPERATIONS.contains(&name.as_str())
                && !self.has_operation() =>
            {
                MESSAGES
            }
            _ if !self.open.is_empty() && namespace == MESSAGES => MESSAGES,
            _ if !self.open.is_empty() => TYPES,
            _ if self.path == "/Envelope/Body" => return Err(Fault::new("ErrorInvalidRequest")),
            _ if self.path.starts_with("/Envelope/Header") => namespace,
            _ => {
                let violation = format!(
                    "The element '{}' has invalid child element '{name}' in namespace \
                     '{namespace}'.",
                    self.path
                );
                return Err(self.violation(&violation));
            }
        };
        // Exchange answers the `https://` spelling of the published page with "The request is invalid"
        // (MicrosoftDocs/office-developer-exchange-docs pull request 343).
        if expected != namespace {
            return Err(Fault::new("ErrorInvalidRequest"));
        }
        if self.path == "/Envelope/Body" && expected == MESSAGES && !path.ends_with("/ExportItems")
            || !self.open.is_empty()
        {
            let element = self.element(name.clone(), element)?;
            self.open.push(element);
        }
        if self.path == "/Envelope/Header" && HEADERS.contains(&name.as_str()) {
            if self.request.headers.contains(&name) {
                return Err(Fault::new("ErrorDuplicateSOAPHeader"));
            }
            self.request.headers.push(name);
        }
        match path.as_str() {
            "/Envelope/Header/RequestServerVersion" => {
                self.request.version = self.attribute(element, "Version")?.unwrap_or_default();
            }
            ITEM_ID => {
                let Some(id) = self.attribute(element, "Id")? else {
                    return Err(self.violation("The required attribute 'Id' is missing."));
                };
                let change_key = self.attribute(element, "ChangeKey")?;
                self.request.ids.push(RequestedId { id, change_key });
            }
            _ => {}
        }
        self.path = path;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.path.ends_with("/ItemIds") && self.request.ids.is_empty() {
            // MS-OXWSBTRF R183: at least one ItemId.
            return Err(self.violation(
                "The element 'ItemIds' has incomplete content. List of possible elements \
                 expected: 'ItemId'.",
            ));
        }
        let parent = self.path.rfind('/').unwrap_or_default();
        self.path.truncate(parent);
        if let Some(element) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => self.body = Some(element),
            }
        }
        Ok(())
    }

    /// Returns whether an operation has been read.
    fn has_operation(&self) -> bool {
        self.body.is_some() || !self.request.ids.is_empty()
    }

    /// Makes an element of another operation without its content.
    fn element(&self, name: String, start: &BytesStart<'_>) -> Result<Element, Fault> {
        let mut element = Element {
            name,
            ..Element::default()
        };
        for attribute in start.attributes() {
            let read = attribute
                .map_err(|error| error.to_string())
                .and_then(|attribute| {
                    let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                    let value = value.map_err(|error| error.to_string())?;
                    Ok((attribute.key.as_ref().to_owned(), value.into_owned()))
                });
            match read {
                Ok(read) => element.attributes.push(read),
                Err(error) => return Err(self.violation(&error)),
            }
        }
        Ok(element)
    }

    fn characters(&mut self, text: &str) -> Result<(), Fault> {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
            return Ok(());
        }
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let Some(header) = self.path.strip_prefix("/Envelope/Header/") else {
            return Err(self.violation("Text is not allowed here."));
        };
        match header.split('/').collect::<Vec<_>>().as_slice() {
            ["MailboxCulture"] => self.request.mailbox_culture = Some(text.to_owned()),
            ["ExchangeImpersonation", "ConnectingSID", kind] => {
                // A reference splits a text into several events.
                let first = || ((*kind).to_owned(), String::new());
                let (_, id) = self.request.impersonation.get_or_insert_with(first);
                id.push_str(text);
            }
            ["ManagementRole", _, "Role"] => self.request.roles.push(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn attribute(&self, element: &BytesStart<'_>, name: &str) -> Result<Option<String>, Fault> {
        let attribute = match element.try_get_attribute(name) {
            Ok(Some(attribute)) => attribute,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.violation(&error.to_string())),
        };
        match attribute.normalized_value(XmlVersion::Explicit1_0) {
            Ok(value) => Ok(Some(value.into_owned())),
            Err(error) => Err(self.violation(&error.to_string())),
        }
    }

    /// Returns `ErrorSchemaValidation` at the current position.
    fn violation(&self, violation: &str) -> Fault {
        let at = self
            .reader
            .buffer_position()
            .max(self.reader.error_position());
        let before = self.text.get(..usize::try_from(at).unwrap_or(usize::MAX));
        let before = before.unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let position = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Fault::schema(violation, line, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: &str, body: &str) -> String {
        format!(
            "<?xml version='1.0' encoding='utf-8'?>\n<soap:Envelope xmlns:soap=\"{SOAP}\" \
             xmlns:t=\"{TYPES}\" xmlns:m=\"{MESSAGES}\">\n<soap:Header>{header}</soap:Header>\
             <soap:Body>{body}</soap:Body></soap:Envelope>"
        )
    }

    const SP1: &str = r#"<t:RequestServerVersion Version="Exchange2013_SP1"/>"#;
    const ONE: &str = r#"<m:ExportItems><m:ItemIds><t:ItemId Id="a"/></m:ItemIds></m:ExportItems>"#;

    fn code(text: &str, style: Style) -> String {
        match read(text, style) {
            Ok(_) => "ok".to_owned(),
            Err(fault) => fault.code,
        }
    }

    #[test]
    fn everything_that_a_client_may_say_is_read() {
        let header = format!(
            "{SP1}<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>a&amp;b@example.test\
             </t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>\
             <t:MailboxCulture>de-DE</t:MailboxCulture><t:ManagementRole><t:UserRoles>\
             <t:Role>MailboxSearch</t:Role></t:UserRoles></t:ManagementRole>"
        );
        let body = r#"<ExportItems xmlns="http://schemas.microsoft.com/exchange/services/2006/messages">
            <ItemIds><t:ItemId Id="a&lt;&#x41;" ChangeKey=""/><!-- --><t:ItemId Id='b'></t:ItemId></ItemIds></ExportItems>"#;
        let Ok(Request::ExportItems(read)) = read(&request(&header, body), Style::Exchange2016)
        else {
            panic!("not ExportItems");
        };
        assert_eq!(read.version, "Exchange2013_SP1");
        let impersonated = (
            "PrimarySmtpAddress".to_owned(),
            "a&b@example.test".to_owned(),
        );
        assert_eq!(read.impersonation, Some(impersonated));
        assert_eq!(read.mailbox_culture.as_deref(), Some("de-DE"));
        assert_eq!(read.roles, ["MailboxSearch"]);
        let ids: Vec<_> = read
            .ids
            .iter()
            .map(|id| (&*id.id, id.change_key.as_deref()))
            .collect();
        assert_eq!(ids, [("a<A", Some("")), ("b", None)]);
    }

    #[test]
    fn versions_are_gated() {
        for (version, on_2010, on_2016) in [
            (
                "Exchange2007_SP1",
                "ErrorInvalidRequest",
                "ErrorInvalidRequest",
            ),
            ("Exchange2010_SP1", "ok", "ok"),
            ("Exchange2013_SP1", "ErrorInvalidServerVersion", "ok"),
            ("V2018_01_08", "ErrorInvalidRequest", "ErrorInvalidRequest"),
            ("Exchange2019", "ErrorInvalidRequest", "ErrorInvalidRequest"),
        ] {
            let header = format!(r#"<t:RequestServerVersion Version="{version}"/>"#);
            let text = request(&header, ONE);
            assert_eq!(code(&text, Style::Exchange2010), on_2010, "{version}");
            assert_eq!(code(&text, Style::Exchange2016), on_2016, "{version}");
        }
        assert_eq!(
            code(&request("", ONE), Style::Online),
            "ErrorInvalidRequest"
        );
    }

    #[test]
    fn bad_requests_get_the_fault_they_deserve() {
        let good = request(SP1, ONE);
        let cases = [
            (
                good.replace("http://schemas.microsoft", "https://schemas.microsoft"),
                "ErrorInvalidRequest",
            ),
            (
                good.replace("http://schemas.xmlsoap", "https://schemas.xmlsoap"),
                "ErrorInvalidRequest",
            ),
            (request(SP1, "<m:GetItem/>"), "ErrorInvalidRequest"),
            (request(&SP1.repeat(2), ONE), "ErrorDuplicateSOAPHeader"),
            (
                request(SP1, "<m:ExportItems><m:ItemIds/></m:ExportItems>"),
                "ErrorSchemaValidation",
            ),
            (request(SP1, "<m:ExportItems/>"), "ErrorSchemaValidation"),
            (request(SP1, ""), "ErrorSchemaValidation"),
            (
                good.replace("t:ItemId", "t:OccurrenceItemId"),
                "ErrorSchemaValidation",
            ),
            (good.replace(" Id=", " ID="), "ErrorSchemaValidation"),
            (
                good.replace("</m:ItemIds>", "x</m:ItemIds>"),
                "ErrorSchemaValidation",
            ),
            (good.replace("</m:ItemIds>", ""), "ErrorSchemaValidation"),
            (
                good.replace("</soap:Envelope>", ""),
                "ErrorSchemaValidation",
            ),
            (
                good.replace("Id=\"a\"", "Id=\"&nbsp;\""),
                "ErrorSchemaValidation",
            ),
            (
                good.replacen("<soap", "<!DOCTYPE a><soap", 1),
                "ErrorSchemaValidation",
            ),
            (String::new(), "ErrorSchemaValidation"),
        ];
        assert_eq!(code(&good, Style::Exchange2016), "ok");
        for (text, expected) in cases {
            assert_eq!(code(&text, Style::Exchange2016), expected, "{text}");
        }
    }

    #[test]
    fn a_violation_tells_its_place() {
        let text = "<a>\n  <b></a>";
        let fault = read(text, Style::Exchange2016).unwrap_err();
        assert!(fault.to_xml().contains("<t:LineNumber>1</t:LineNumber>"));
        let text = request(SP1, ONE).replace("</m:ItemIds>", "\n\n</m:Items>");
        let fault = read(&text, Style::Exchange2016).unwrap_err();
        assert!(
            fault.to_xml().contains("<t:LineNumber>5</t:LineNumber>"),
            "{fault:?}"
        );
    }
}
