//! Requests against independent readers: Microsoft's schema by xmllint, and quick-xml.

mod common;
#[path = "common/schema.rs"]
mod schema;

use std::collections::BTreeMap;

#[cfg(feature = "upload")]
use exportitems::{CreateAction, FolderId, UploadItem, UploadItems};
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
use schema::{xmllint, MESSAGES, SOAP, TYPES};

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
    let Some((valid, said)) = xmllint("ExportItems", &documents, &schema) else {
        return;
    };
    assert!(valid, "{said}");

    // The oracle can say no.
    let broken = documents[0].replace("<t:ItemId Id=", "<t:ItemId ID=");
    let (valid, said) = xmllint("ExportItems", &[broken], &schema).expect("xmllint ran before");
    assert!(!valid, "{said}");
}

/// A request with the items, headers and texts of `owned`, and data of some lengths.
#[cfg(feature = "upload")]
fn uploaded(owned: &Owned) -> String {
    let uploads: Vec<UploadItem<'_>> = (owned.items.iter().enumerate())
        .map(|(index, (id, change_key))| {
            let change_key = change_key.as_deref();
            let item = ItemId { id, change_key };
            UploadItem {
                create_action: match index % 3 {
                    0 => CreateAction::CreateNew,
                    1 => CreateAction::Update(item),
                    _ => CreateAction::UpdateOrCreate(item),
                },
                is_associated: index % 2 == 1,
                parent_folder_id: FolderId { id, change_key },
                data_len: index as u64 * 5,
            }
        })
        .collect();
    let mut headers = RequestHeaders::new().server_version(owned.version);
    if let Some((kind, value)) = &owned.impersonation {
        headers = headers.impersonation(impersonation(*kind, value));
    }
    if let Some(culture) = &owned.culture {
        headers = headers.mailbox_culture(culture);
    }
    let request = UploadItems::new(&uploads).headers(headers);
    let mut encoder = request.encoder().expect("a valid request");
    let (mut written, mut out) = (Vec::new(), [0; 64]);
    while !encoder.is_done() {
        let len = encoder.write(&mut &[0x5a; 7][..], &mut out);
        written.extend_from_slice(&out[..len]);
    }
    assert_eq!(written.len() as u64, encoder.encoded_len());
    String::from_utf8(written).expect("UTF-8")
}

#[cfg(feature = "upload")]
#[test]
fn uploads_are_valid_by_microsofts_schema() {
    let Some(schema) = common::data::path("xsd/messages.patched.xsd") else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let documents: Vec<_> = (0..128)
        .map(|_| {
            uploaded(
                &requests()
                    .new_tree(&mut runner)
                    .expect("a request")
                    .current(),
            )
        })
        .collect();
    let Some((valid, said)) = xmllint("UploadItems", &documents, &schema) else {
        return;
    };
    assert!(valid, "{said}");

    // The oracle can say no.
    let broken = documents[0].replace("t:ParentFolderId", "t:DistinguishedFolderId");
    let (valid, said) = xmllint("UploadItems", &[broken], &schema).expect("xmllint ran before");
    assert!(!valid, "{said}");
}
