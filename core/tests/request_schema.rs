//! Requests against independent readers: Microsoft's schema by xmllint, and quick-xml.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use exportitems::{
    ExchangeImpersonation, ExportItems, ItemId, ManagementRole, RequestHeaders,
    RequestServerVersion,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";

/// A request that owns its texts.
#[derive(Clone, Debug)]
struct Owned {
    version: RequestServerVersion,
    impersonation: Option<(usize, String)>,
    culture: Option<String>,
    roles: Option<(Vec<String>, Vec<String>)>,
    items: Vec<(String, Option<String>)>,
}

impl Owned {
    /// The request written through an output of `size` bytes.
    fn written(&self, size: usize) -> String {
        let items: Vec<_> = self
            .items
            .iter()
            .map(|(id, change_key)| ItemId {
                id,
                change_key: change_key.as_deref(),
            })
            .collect();
        let mut headers = RequestHeaders::new().server_version(self.version);
        if let Some((kind, value)) = &self.impersonation {
            headers = headers.impersonation(impersonation(*kind, value));
        }
        if let Some(culture) = &self.culture {
            headers = headers.mailbox_culture(culture);
        }
        let (mut user_roles, mut application_roles) = (Vec::new(), Vec::new());
        if let Some((user, application)) = &self.roles {
            user_roles.extend(user.iter().map(String::as_str));
            application_roles.extend(application.iter().map(String::as_str));
            headers = headers.management_role(ManagementRole {
                user_roles: &user_roles,
                application_roles: &application_roles,
            });
        }

        let request = ExportItems::new(&items).headers(headers);
        let mut encoder = request.encoder().expect("a valid request");
        let mut out = vec![0; size];
        let mut written = Vec::new();
        loop {
            let len = encoder.write(&mut out);
            written.extend_from_slice(&out[..len]);
            if len == 0 {
                break;
            }
        }
        assert!(encoder.is_done());
        assert_eq!(written.len() as u64, encoder.encoded_len());
        String::from_utf8(written).expect("UTF-8")
    }

    /// The document that a reader should find.
    fn expected(&self) -> Element {
        let t = |name: &str| Element::new(TYPES, name);
        let role = |name: &str, roles: &[String]| {
            (!roles.is_empty())
                .then(|| t(name).children(roles.iter().map(|role| t("Role").text(role))))
        };
        let mut header =
            vec![t("RequestServerVersion").attribute("Version", self.version.as_str())];
        header.extend(self.impersonation.as_ref().map(|(kind, value)| {
            let name = ["PrincipalName", "SID", "PrimarySmtpAddress", "SmtpAddress"][*kind];
            let sid = t("ConnectingSID").children([t(name).text(value)]);
            t("ExchangeImpersonation").children([sid])
        }));
        header.extend(
            self.culture
                .as_ref()
                .map(|culture| t("MailboxCulture").text(culture)),
        );
        header.extend(self.roles.as_ref().map(|(user, application)| {
            t("ManagementRole").children(
                role("UserRoles", user)
                    .into_iter()
                    .chain(role("ApplicationRoles", application)),
            )
        }));
        let items = self.items.iter().map(|(id, change_key)| {
            let item = t("ItemId").attribute("Id", id);
            match change_key {
                Some(key) => item.attribute("ChangeKey", key),
                None => item,
            }
        });
        let ids = Element::new(MESSAGES, "ItemIds").children(items);
        let body = Element::new(MESSAGES, "ExportItems").children([ids]);
        Element::new(SOAP, "Envelope").children([
            Element::new(SOAP, "Header").children(header),
            Element::new(SOAP, "Body").children([body]),
        ])
    }
}

fn impersonation(kind: usize, value: &str) -> ExchangeImpersonation<'_> {
    match kind {
        0 => ExchangeImpersonation::PrincipalName(value),
        1 => ExchangeImpersonation::Sid(value),
        2 => ExchangeImpersonation::PrimarySmtpAddress(value),
        _ => ExchangeImpersonation::SmtpAddress(value),
    }
}

/// Text that XML can carry: mostly what ids are made of, markup characters, any other character.
fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => prop::char::range('A', 'z'),
        3 => prop::sample::select("&<>\"' =+/;".chars().collect::<Vec<_>>()),
        2 => any::<char>().prop_filter("not a Char of XML", |character| {
            !matches!(character, '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}')
        }),
    ];
    prop::collection::vec(character, 1..24).prop_map(String::from_iter)
}

fn requests() -> impl Strategy<Value = Owned> {
    let roles = (
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(text(), 0..3),
    )
        .prop_filter("a role", |(user, application)| {
            user.len() + application.len() > 0
        });
    (
        prop::sample::select(RequestServerVersion::ALL),
        prop::option::of((0..4_usize, text())),
        prop::option::of("[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8}){0,3}"),
        prop::option::of(roles),
        prop::collection::vec((text(), prop::option::of(text())), 1..8),
    )
        .prop_map(|(version, impersonation, culture, roles, items)| Owned {
            version,
            impersonation,
            culture,
            roles: roles.filter(|_| version >= RequestServerVersion::Exchange2013),
            items,
        })
}

/// An element as a reader sees it: prefixes resolved, references too.
#[derive(Debug, Default, PartialEq)]
struct Element {
    namespace: String,
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self.text = text.into();
        self
    }

    fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    fn start(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Self {
        let ResolveResult::Bound(namespace) = namespace else {
            panic!("an element without a namespace: {start:?}");
        };
        let mut element = Self::new(namespace.as_ref(), start.local_name().as_ref());
        for attribute in start
            .attributes()
            .map(|attribute| attribute.expect("an attribute"))
        {
            if attribute.key.as_namespace_binding().is_none() {
                let value = attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .expect("a value");
                element = element.attribute(attribute.key.as_ref(), &value);
            }
        }
        element
    }

    fn read(document: &str) -> Self {
        let mut reader = NsReader::from_str(document);
        let mut open = vec![Self::default()];
        let close = |open: &mut Vec<Self>| {
            let element = open.pop().expect("an open element");
            open.last_mut()
                .expect("the document")
                .children
                .push(element);
        };
        loop {
            let (namespace, event) = reader.read_resolved_event().expect("well-formed XML");
            let top = open.last_mut().expect("the document");
            match event {
                Event::Start(start) => open.push(Self::start(&namespace, &start)),
                Event::Empty(start) => top.children.push(Self::start(&namespace, &start)),
                Event::End(_) => close(&mut open),
                Event::Text(text) => top.text += &text.xml10_content(),
                Event::GeneralRef(name) => {
                    top.text += quick_xml::escape::resolve_predefined_entity(&name.xml10_content())
                        .expect("a predefined entity");
                }
                Event::Decl(_) => {}
                Event::Eof => break,
                other => panic!("not expected in a request: {other:?}"),
            }
        }
        open.pop()
            .and_then(|mut document| document.children.pop())
            .expect("a root element")
    }

    /// Drops the white space that indents a document.
    fn without_indentation(mut self) -> Self {
        self.text = self.text.trim().into();
        self.children = self
            .children
            .into_iter()
            .map(Self::without_indentation)
            .collect();
        self
    }
}

proptest! {
    #[test]
    fn quick_xml_reads_back_what_was_asked_for(request in requests(), size in 1..200_usize) {
        let document = request.written(size);
        prop_assert_eq!(&document, &request.written(1));
        prop_assert_eq!(Element::read(&document), request.expected());
    }
}

#[test]
fn the_published_request_is_reproduced() {
    let sample = "samples/exportitems-page/01_request_http-ns.xml";
    let Some(path) = common::data::path(sample) else {
        return;
    };
    let published = Element::read(&std::fs::read_to_string(path).expect("a text"));
    let request = Owned {
        version: RequestServerVersion::Exchange2010_SP1,
        impersonation: None,
        culture: None,
        roles: None,
        items: ["89GAAA=", "89FAAA=", "87NAAA="]
            .map(|end| (format!("AAMkAGYzZjZmRiUsidkC+NAAAAY{end}"), None))
            .into(),
    };
    assert_eq!(
        Element::read(&request.written(64)),
        published.without_indentation()
    );
}

/// Whether xmllint finds each of `documents` valid, and what it says.
fn xmllint(documents: &[String], messages_xsd: &Path) -> Option<(bool, String)> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("request_schema");
    std::fs::create_dir_all(&dir).expect("a directory for the documents");
    // The envelope with exactly the headers that the WSDL binds to ExportItems, in our order.
    let schema = format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"
    targetNamespace="{SOAP}" elementFormDefault="qualified">
  <xs:import namespace="{MESSAGES}" schemaLocation="{messages}"/>
  <xs:import namespace="{TYPES}" schemaLocation="{types}"/>
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header"><xs:complexType><xs:sequence>
      <xs:element ref="t:RequestServerVersion"/>
      <xs:element ref="t:ExchangeImpersonation" minOccurs="0"/>
      <xs:element ref="t:MailboxCulture" minOccurs="0"/>
      <xs:element ref="t:ManagementRole" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType><xs:sequence>
      <xs:element ref="m:ExportItems"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#,
        messages = messages_xsd.display(),
        types = messages_xsd.with_file_name("types.patched.xsd").display(),
    );
    std::fs::write(dir.join("envelope.xsd"), schema).expect("the schema is written");
    let names = (0..documents.len()).map(|index| format!("{index}.xml"));
    for (name, document) in names.clone().zip(documents) {
        std::fs::write(dir.join(name), document).expect("a document is written");
    }
    match Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", "envelope.xsd"])
        .args(names)
        .current_dir(&dir)
        .output()
    {
        Ok(output) => Some((
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
        Err(error) => {
            common::data::skip_without(&format!("xmllint: {error}"));
            None
        }
    }
}

#[test]
fn requests_are_valid_by_microsofts_schema() {
    let Some(schema) = common::data::path("xsd/messages.patched.xsd") else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let documents: Vec<_> = (0..256)
        .map(|_| {
            requests()
                .new_tree(&mut runner)
                .expect("a request")
                .current()
                .written(64)
        })
        .collect();
    let Some((valid, said)) = xmllint(&documents, &schema) else {
        return;
    };
    assert!(valid, "{said}");

    // The oracle can say no.
    let broken = documents[0].replace("<t:ItemId Id=", "<t:ItemId ID=");
    let (valid, said) = xmllint(&[broken], &schema).expect("xmllint ran before");
    assert!(!valid, "{said}");
}
