//! What goes out: the request, and its HTTP head.

use core::ptr::{null, null_mut};

use arbitrary::Arbitrary;
use exportitems::{
    ExchangeImpersonation, ExportItems, ItemId, ManagementRole, RequestHeaders, VersionError,
};
use exportitems_capi as capi;
use exportitems_capi::{Status, Text};
use exportitems_http1::{HeadEncoder, RequestHead};

use super::memory::Memory;
use super::{Reported, Wrong};

/// A text of any bytes; `None` is absent.
type Any = Option<Vec<u8>>;

#[derive(Arbitrary, Debug)]
pub(super) struct Request {
    items: Vec<(String, Option<String>)>,
    version: Option<u8>,
    impersonation: Option<(u8, String)>,
    culture: Any,
    roles: Vec<String>,
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
pub(super) struct Head {
    target: String,
    host: String,
    headers: Vec<(String, Any)>,
    content_length: u64,
    sizes: Vec<u8>,
}

fn lend(bytes: Option<&[u8]>) -> Text {
    Text {
        ptr: bytes.map_or(null(), |bytes| bytes.as_ptr().cast()),
        len: bytes.map_or(0, <[u8]>::len),
    }
}

fn lend_str(text: &str) -> Text {
    lend(Some(text.as_bytes()))
}

/// One request from its checks to its last byte.
pub(super) fn encode(request: &Request, wrong: Wrong, reported: &mut Reported) {
    let version = request.version.map(|version| match version % 4 {
        0 => "Exchange2016",
        1 => "Exchange2010_SP1",
        2 => "Exchange2007",
        _ => "V9",
    });
    let impersonation = request.impersonation.as_ref().map(|(kind, value)| {
        let kind = [
            "PrincipalName",
            "SID",
            "PrimarySmtpAddress",
            "SmtpAddress",
            "",
            "UPN",
        ][usize::from(*kind) % 6];
        format!("{kind}:{value}")
    });
    let items: Vec<capi::ItemId> = (request.items.iter())
        .map(|(id, change_key)| capi::ItemId {
            id: lend_str(id),
            change_key: lend(change_key.as_ref().map(String::as_bytes)),
        })
        .collect();
    let roles: Vec<Text> = request.roles.iter().map(|role| lend_str(role)).collect();
    let (user_roles, application_roles) = roles.split_at(roles.len() / 2);
    let for_c = capi::Request {
        items: match wrong {
            Wrong::NullInput => null(),
            _ => items.as_ptr(),
        },
        items_len: match wrong {
            Wrong::NullInput => 1,
            Wrong::LongInput => usize::MAX / 8,
            _ => items.len(),
        },
        server_version: lend(version.map(str::as_bytes)),
        impersonation: lend(impersonation.as_ref().map(String::as_bytes)),
        mailbox_culture: lend(request.culture.as_deref()),
        user_roles: user_roles.as_ptr(),
        user_roles_len: user_roles.len(),
        application_roles: application_roles.as_ptr(),
        application_roles_len: application_roles.len(),
    };
    let memory = Memory::new(capi::exportitems_encoder_size(items.len(), roles.len()));
    let (at, size) = memory.lend(wrong);
    let mut encoder = null_mut();
    // SAFETY: null, or as large as its length says, or refused by its length; all of it outlives the encoder.
    let status = unsafe {
        capi::exportitems_encoder_init(
            at,
            size,
            &raw const for_c,
            wrong.place(&raw mut encoder),
            reported.place(),
        )
    };
    let culture = request.culture.as_deref().map(core::str::from_utf8);
    let expected = expected_request(request, version, impersonation.as_deref(), culture);
    let early = match wrong {
        // The missing byte is that of the last list, and what comes before that is refused first.
        Wrong::SmallMemory if expected.is_err() && status != Status::MemoryTooSmall => None,
        _ => wrong.memory().or(wrong.input()),
    };
    if let Some(misuse) = early {
        return reported.expect(status, misuse);
    }
    let whole = match expected {
        Ok(whole) => whole,
        Err(name) => return reported.expect_named(status, &name),
    };
    if let Some(misuse) = wrong.out() {
        return reported.expect(status, misuse);
    }
    reported.expect(status, Status::Ok);
    // SAFETY: it was just made.
    let len = unsafe { capi::exportitems_encoder_len(encoder) };
    assert_eq!(len, whole.len() as u64);
    let written = in_pieces(&request.sizes, whole.len(), |out, written| {
        // SAFETY: every pointer is valid.
        unsafe {
            capi::exportitems_encoder_write(
                encoder,
                out.as_mut_ptr(),
                out.len(),
                written,
                null_mut(),
            )
        }
    });
    assert!(written == whole, "another request");
}

/// The request as the core writes it, or the status's name.
fn expected_request(
    request: &Request,
    version: Option<&str>,
    impersonation: Option<&str>,
    culture: Option<Result<&str, core::str::Utf8Error>>,
) -> Result<Vec<u8>, String> {
    let name = |error: exportitems::RequestError| named("Request", &format!("{error:?}"));
    let items: Vec<ItemId<'_>> = (request.items.iter())
        .map(|(id, change_key)| ItemId {
            id,
            change_key: change_key.as_deref(),
        })
        .collect();
    let roles: Vec<&str> = request.roles.iter().map(String::as_str).collect();
    let (user_roles, application_roles) = roles.split_at(roles.len() / 2);
    let mut headers = RequestHeaders::new();
    if let Some(version) = version {
        headers = headers.server_version(
            version
                .parse()
                .map_err(|error: VersionError| named("RequestVersion", &format!("{error:?}")))?,
        );
    }
    if let Some(who) = impersonation {
        headers = headers.impersonation(
            (who.split_once(':'))
                .and_then(|(kind, value)| ExchangeImpersonation::of_kind(kind, value))
                .ok_or_else(|| "RequestImpersonationKind".to_owned())?,
        );
    }
    if let Some(culture) = culture {
        headers = headers.mailbox_culture(culture.map_err(|_| "NotUtf8".to_owned())?);
    }
    if !roles.is_empty() {
        headers = headers.management_role(ManagementRole {
            user_roles,
            application_roles,
        });
    }
    let export = ExportItems::new(&items).headers(headers);
    let mut encoder = export.encoder().map_err(name)?;
    let mut whole = vec![0; usize::try_from(encoder.encoded_len()).expect("a length")];
    let written = encoder.write(&mut whole);
    assert_eq!(written, whole.len());
    Ok(whole)
}

/// The head of a request from its checks to its last byte.
pub(super) fn encode_head(head: &Head, wrong: Wrong, reported: &mut Reported) {
    let headers: Vec<capi::HttpHeader> = (head.headers.iter())
        .map(|(name, value)| capi::HttpHeader {
            name: lend_str(name),
            value: lend(value.as_deref()),
        })
        .collect();
    let for_c = capi::HttpRequestHead {
        target: lend_str(&head.target),
        host: lend_str(&head.host),
        headers: match wrong {
            Wrong::NullInput => null(),
            _ => headers.as_ptr(),
        },
        headers_len: match wrong {
            Wrong::NullInput => 1,
            Wrong::LongInput => usize::MAX / 8,
            _ => headers.len(),
        },
        content_length: head.content_length,
    };
    let memory = Memory::new(capi::exportitems_http_request_size(headers.len()));
    let (at, size) = memory.lend(wrong);
    let mut encoder = null_mut();
    // SAFETY: null, or as large as its length says, or refused by its length; all of it outlives the encoder.
    let status = unsafe {
        capi::exportitems_http_request_init(
            at,
            size,
            &raw const for_c,
            wrong.place(&raw mut encoder),
            reported.place(),
        )
    };
    let expected = expected_head(head);
    let early = match wrong {
        // The missing byte is that of the list of lists, and texts are refused before that.
        Wrong::SmallMemory if expected.is_err() && status != Status::MemoryTooSmall => None,
        _ => wrong.memory().or(wrong.input()),
    };
    if let Some(misuse) = early {
        return reported.expect(status, misuse);
    }
    let whole = match expected {
        Ok(whole) => whole,
        Err(name) => return reported.expect_named(status, &name),
    };
    if let Some(misuse) = wrong.out() {
        return reported.expect(status, misuse);
    }
    reported.expect(status, Status::Ok);
    let written = in_pieces(&head.sizes, whole.len(), |out, written| {
        // SAFETY: every pointer is valid.
        unsafe {
            capi::exportitems_http_request_write(
                encoder,
                out.as_mut_ptr(),
                out.len(),
                written,
                null_mut(),
            )
        }
    });
    assert!(written == whole, "another head");
}

/// The head as http1 writes it, or the status's name.
fn expected_head(head: &Head) -> Result<Vec<u8>, String> {
    let headers = (head.headers.iter())
        .map(|(name, value)| {
            let value = core::str::from_utf8(value.as_deref().unwrap_or_default());
            Ok((name.as_str(), value.map_err(|_| "NotUtf8".to_owned())?))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let groups = [&headers[..]];
    let head = RequestHead::new(&head.target, &head.host, &groups, head.content_length)
        .map_err(|error| named("HttpRequest", &format!("{error:?}")))?;
    let mut encoder = HeadEncoder::new(head);
    let mut whole = Vec::new();
    let mut out = [0; 256];
    loop {
        let written = encoder.write(&mut out);
        whole.extend_from_slice(&out[..written]);
        if written < out.len() {
            return Ok(whole);
        }
    }
}

/// The name of the status of an error of the core, by the name of the error.
fn named(prefix: &str, error: &str) -> String {
    let end = error.find(|c: char| !c.is_alphanumeric());
    format!("{prefix}{}", &error[..end.unwrap_or(error.len())])
}

/// What an encoder writes into outputs of these sizes, again and again, and then nothing more.
fn in_pieces(
    sizes: &[u8],
    len: usize,
    mut write: impl FnMut(&mut [u8], &mut usize) -> Status,
) -> Vec<u8> {
    let mut all = Vec::new();
    for &size in sizes.iter().chain(&[255]).cycle() {
        let mut out = vec![0; size.into()];
        let mut written = usize::MAX;
        assert_eq!(write(&mut out, &mut written), Status::Ok);
        all.extend_from_slice(&out[..written]);
        if written < out.len() {
            break;
        }
        assert!(all.len() <= len, "more than announced");
    }
    all
}
