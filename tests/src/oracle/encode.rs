//! The request encoder, against a reader of the whole request.

use arbitrary::{Arbitrary, Unstructured};
use exportitems::{
    ExchangeImpersonation, ExportItems, ItemId, ManagementRole, RequestHeaders,
    RequestServerVersion,
};
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;
use quick_xml::NsReader;

/// What a request says.
#[derive(Arbitrary, Debug)]
struct Request {
    items: Vec<(String, Option<String>)>,
    version: u8,
    impersonation: Option<(u8, String)>,
    culture: Option<Culture>,
    roles: Option<(Vec<String>, Vec<String>)>,
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Culture {
    Usual,
    Any(String),
}

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";

/// A request that the encoder takes comes out as long as announced, the same in every size of output, and
/// reads back as what was put in; one that it refuses has something in it that XML or EWS does not take.
pub fn encode(bytes: &[u8]) {
    let Ok(request) = Request::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let items: Vec<ItemId<'_>> = (request.items.iter())
        .map(|(id, change_key)| ItemId {
            id,
            change_key: change_key.as_deref(),
        })
        .collect();
    let versions = [
        RequestServerVersion::Exchange2010_SP1,
        RequestServerVersion::Exchange2010_SP2,
        RequestServerVersion::Exchange2013,
        RequestServerVersion::Exchange2013_SP1,
        RequestServerVersion::Exchange2016,
    ];
    let version = versions[usize::from(request.version) % versions.len()];
    let mut headers = RequestHeaders::new().server_version(version);
    let who = request
        .impersonation
        .as_ref()
        .map(|(kind, value)| match kind % 4 {
            0 => ExchangeImpersonation::PrincipalName(value),
            1 => ExchangeImpersonation::Sid(value),
            2 => ExchangeImpersonation::PrimarySmtpAddress(value),
            _ => ExchangeImpersonation::SmtpAddress(value),
        });
    if let Some(who) = who {
        headers = headers.impersonation(who);
    }
    let culture = request.culture.as_ref().map(|culture| match culture {
        Culture::Usual => "en-US",
        Culture::Any(text) => text,
    });
    if let Some(culture) = culture {
        headers = headers.mailbox_culture(culture);
    }
    let (user, application): (Vec<&str>, Vec<&str>) = match &request.roles {
        Some((user, application)) => (
            user.iter().map(String::as_str).collect(),
            application.iter().map(String::as_str).collect(),
        ),
        None => (Vec::new(), Vec::new()),
    };
    if request.roles.is_some() {
        headers = headers.management_role(ManagementRole {
            user_roles: &user,
            application_roles: &application,
        });
    }

    // What a reader must find: each element with its text, each attribute, in order.
    let mut says = vec![format!("Version={}", version.as_str())];
    says.extend(who.map(|who| format!("{} {}", who.kind(), who.value())));
    says.extend(culture.map(|culture| format!("MailboxCulture {culture}")));
    says.extend(
        user.iter()
            .chain(&application)
            .map(|role| format!("Role {role}")),
    );
    for item in &items {
        says.push(format!("Id={}", item.id));
        says.extend(item.change_key.map(|key| format!("ChangeKey={key}")));
    }
    let texts = (items
        .iter()
        .flat_map(|item| [Some(item.id), item.change_key]))
    .chain([who.map(ExchangeImpersonation::value)])
    .chain(user.iter().chain(&application).map(|role| Some(*role)));
    let illegal = |char: char| char < ' ' || matches!(char, '\u{fffe}' | '\u{ffff}');
    let possible = !items.is_empty()
        && texts
            .flatten()
            .all(|text| !text.is_empty() && !text.contains(illegal))
        && culture.is_none_or(is_language)
        && (request.roles.is_none() || version >= RequestServerVersion::Exchange2013)
        && (request.roles.is_none() || !user.is_empty() || !application.is_empty());

    let export = ExportItems::new(&items).headers(headers);
    let mut encoder = match export.encoder() {
        Ok(encoder) => encoder,
        Err(error) => {
            assert!(!possible, "{error}: {request:?}");
            return;
        }
    };
    assert!(possible, "taken: {request:?}");
    let announced = encoder.encoded_len();
    let again = encoder.clone();
    let mut whole = vec![0; usize::try_from(announced).expect("a length") + 1];
    let written = encoder.write(&mut whole);
    assert_eq!(written as u64, announced);
    assert!(encoder.is_done());
    assert_eq!(encoder.write(&mut [0; 8]), 0);
    whole.truncate(written);
    assert_eq!(in_pieces(again, &request.sizes), whole);
    assert_eq!(read(&whole), says);
}

/// What an encoder writes into outputs of these sizes, again and again.
fn in_pieces(mut encoder: exportitems::Encoder<'_>, sizes: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for &size in sizes.iter().chain(&[1]).cycle() {
        if encoder.is_done() {
            break;
        }
        let mut out = vec![0; usize::from(size)];
        let n = encoder.write(&mut out);
        assert!(n == out.len() || encoder.is_done(), "an output not filled");
        written.extend_from_slice(&out[..n]);
    }
    written
}

/// Every attribute and every text of a request, in its place.
fn read(request: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(request).expect("UTF-8");
    let mut reader = NsReader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut says = Vec::new();
    let mut text = String::new();
    loop {
        let (space, event) = reader.read_resolved_event().expect("well-formed");
        let space = match space {
            ResolveResult::Bound(space) => space.as_ref().to_owned(),
            _ => String::new(),
        };
        match event {
            Event::Eof => break,
            Event::Start(ref start) | Event::Empty(ref start) => {
                let local = start.local_name().as_ref().to_owned();
                let expected = match &*local {
                    "Envelope" | "Header" | "Body" => SOAP,
                    "ExportItems" | "ItemIds" => MESSAGES,
                    _ => TYPES,
                };
                assert_eq!(space, expected, "namespace of {local}");
                for attribute in start.attributes() {
                    let attribute = attribute.expect("an attribute");
                    let key = attribute.key.as_ref();
                    if !key.starts_with("xmlns") {
                        let raw: &str = &attribute.value;
                        says.push(format!("{key}={}", unescape(raw)));
                    }
                }
                if let Event::Start(_) = event {
                    path.push(local);
                    text.clear();
                }
            }
            Event::End(_) => {
                let local = path.pop().expect("a start tag");
                if !text.is_empty() {
                    says.push(format!("{local} {text}"));
                }
                text.clear();
            }
            Event::Text(piece) => text += &piece,
            Event::GeneralRef(name) => text += &unescape(&format!("&{};", &*name)),
            Event::Decl(_) => {}
            other => panic!("in a request: {other:?}"),
        }
    }
    assert!(path.is_empty());
    says
}

fn unescape(text: &str) -> String {
    assert!(!text.contains(['<', '"']), "not escaped: {text}");
    quick_xml::escape::unescape(text)
        .expect("references")
        .into_owned()
}

/// `xs:language`: `[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`
fn is_language(text: &str) -> bool {
    text.split('-').enumerate().all(|(at, part)| {
        (1..=8).contains(&part.len())
            && part
                .chars()
                .all(|char| char.is_ascii_alphabetic() || (at > 0 && char.is_ascii_digit()))
    })
}
