//! Writes a request, any number of bytes at a time.

use super::error::{RequestError, RequestField};
use super::parts::Parts;
use super::version::RequestServerVersion;
use super::ExportItems;

/// Writes one request; made by [`ExportItems::encoder`], which explains it.
///
/// It holds no bytes of its own, only where it stands, so each call costs what it writes.
/// A clone starts where the original stands: keep one made at the start to send the same request again,
/// as an NTLM handshake must.
#[derive(Clone, Debug)]
#[must_use]
pub struct Encoder<'a> {
    parts: Parts<'a>,
    /// What is to be written next: markup, an escape, or text.
    run: &'a [u8],
    /// The text behind `run`; `None` while `run` is the text.
    text: Option<&'a [u8]>,
    /// Length of the whole request.
    len: u64,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(request: &ExportItems<'a>) -> Result<Self, RequestError> {
        if request.items.is_empty() {
            return Err(RequestError::NoItems);
        }
        if let Some(role) = request.headers.management_role {
            let version = request.headers.server_version;
            if version < RequestServerVersion::Exchange2013 {
                return Err(RequestError::ManagementRole { version });
            }
            if role.user_roles.is_empty() && role.application_roles.is_empty() {
                return Err(RequestError::Empty {
                    field: RequestField::ManagementRole,
                });
            }
        }
        if let Some(language) = request.headers.mailbox_culture {
            check_language(language)?;
        }
        let mut len: u64 = 0;
        for part in Parts::new(request) {
            let text = match part.field {
                Some(field) => checked_len(part.text.as_bytes(), field)?,
                None => part.text.len(),
            };
            len = len.wrapping_add(part.markup.len().wrapping_add(text) as u64);
        }
        Ok(Self {
            parts: Parts::new(request),
            run: &[],
            text: None,
            len,
        })
    }

    /// Length of the whole request in bytes, the `Content-Length`, wherever the encoder stands.
    #[must_use]
    pub const fn encoded_len(&self) -> u64 {
        self.len
    }

    /// Whether everything has been written.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.run.is_empty() && matches!(self.text, None | Some([])) && self.parts.is_done()
    }

    /// Writes what comes next and returns how many bytes that was.
    ///
    /// `out` is filled while there is something to fill it with, so fewer bytes, and 0 for an `out`
    /// that is not empty, mean that the request is done.
    #[must_use = "only so many bytes of `out` belong to the request"]
    pub fn write(&mut self, out: &mut [u8]) -> usize {
        let mut written: usize = 0;
        while let Some(free @ [_, ..]) = out.get_mut(written..) {
            // What is looked at of a byte, so that one loop does for both: of text all, of markup nothing.
            let mask = if self.text.is_none() { u8::MAX } else { 0 };
            let mut copied: usize = 0;
            for (slot, &byte) in free.iter_mut().zip(self.run) {
                if needs_escape(byte & mask) {
                    break;
                }
                *slot = byte;
                copied = copied.wrapping_add(1);
            }
            self.run = self.run.get(copied..).unwrap_or_default();
            written = written.wrapping_add(copied);
            if copied == 0 && !self.advance() {
                break;
            }
        }
        written
    }

    /// Goes on behind a run that is at its end, or at a byte that needs an escape; `false` at the end of all.
    fn advance(&mut self) -> bool {
        match (self.run.split_first(), self.text.take()) {
            (Some((&byte, rest)), _) => {
                self.run = escape(byte).as_bytes();
                self.text = Some(rest);
            }
            (None, Some(text)) => self.run = text,
            (None, None) => match self.parts.next() {
                Some(part) => {
                    self.run = part.markup.as_bytes();
                    self.text = Some(part.text.as_bytes());
                }
                None => return false,
            },
        }
        true
    }
}

/// Whether a byte cannot stand for itself (XML 1.0 §2.4); one rule for attributes and text, which is more
/// than either needs.
const fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')
}

/// How such a byte is written.
const fn escape(byte: u8) -> &'static str {
    match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        _ => "&apos;",
    }
}

/// The length of a text when it is escaped, if it is one that XML carries.
fn checked_len(text: &[u8], field: RequestField) -> Result<usize, RequestError> {
    if text.is_empty() {
        return Err(RequestError::Empty { field });
    }
    let mut len = text.len();
    for (offset, &byte) in text.iter().enumerate() {
        if needs_escape(byte) {
            len = len.wrapping_add(escape(byte).len().wrapping_sub(1));
        }
        let character = match byte {
            ..=0x1f => char::from(byte),
            // U+FFFE and U+FFFF in UTF-8.
            0xef => match text.get(offset.wrapping_add(1)..) {
                Some([0xbf, 0xbe, ..]) => '\u{fffe}',
                Some([0xbf, 0xbf, ..]) => '\u{ffff}',
                _ => continue,
            },
            _ => continue,
        };
        return Err(RequestError::Character {
            field,
            offset,
            character,
        });
    }
    Ok(len)
}

/// `[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*`, which is `xs:language` (XML Schema part 2, §3.3.3).
fn check_language(text: &str) -> Result<(), RequestError> {
    let mut subtag = 0;
    let mut first = true;
    for (offset, byte) in text.bytes().enumerate() {
        let fits = match byte {
            b'-' => subtag > 0,
            b'0'..=b'9' => !first && subtag < 8,
            b'A'..=b'Z' | b'a'..=b'z' => subtag < 8,
            _ => false,
        };
        if !fits {
            return Err(RequestError::MailboxCulture { offset });
        }
        if byte == b'-' {
            first = false;
            subtag = 0;
        } else {
            subtag += 1;
        }
    }
    if subtag == 0 {
        return Err(RequestError::MailboxCulture { offset: text.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{
        ExchangeImpersonation, ExportItems, ItemId, ManagementRole, RequestHeaders,
    };
    use super::{RequestError, RequestField as Field, RequestServerVersion as Version};
    use std::string::{String, ToString};
    use std::vec;
    use std::vec::Vec;

    fn written(request: ExportItems<'_>, size: usize) -> Result<String, RequestError> {
        let mut encoder = request.encoder()?;
        let mut out = vec![0; size];
        let mut all = Vec::new();
        loop {
            let len = encoder.write(&mut out);
            all.extend_from_slice(&out[..len]);
            if len < size {
                break;
            }
        }
        assert!(encoder.is_done());
        assert_eq!(encoder.write(&mut out), 0);
        assert_eq!(all.len() as u64, encoder.encoded_len());
        Ok(String::from_utf8(all).unwrap())
    }

    const ITEM: &[ItemId<'_>] = &[ItemId::new("id")];

    const fn headed(headers: RequestHeaders<'_>) -> ExportItems<'_> {
        ExportItems::new(ITEM).headers(headers)
    }

    #[test]
    fn everything_at_every_output_size() {
        let expected = concat!(
            r#"<?xml version="1.0" encoding="utf-8"?>"#,
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/""#,
            r#" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types""#,
            r#" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
            r#"<s:Header><t:RequestServerVersion Version="Exchange2016"/>"#,
            "<t:ExchangeImpersonation><t:ConnectingSID><t:SID>S-1-5</t:SID></t:ConnectingSID>",
            "</t:ExchangeImpersonation><t:MailboxCulture>en-US</t:MailboxCulture>",
            "<t:ManagementRole><t:UserRoles><t:Role>a</t:Role><t:Role>b</t:Role></t:UserRoles>",
            "<t:ApplicationRoles><t:Role>c</t:Role></t:ApplicationRoles></t:ManagementRole>",
            "</s:Header><s:Body><m:ExportItems><m:ItemIds>",
            r#"<t:ItemId Id="&amp;&lt;&gt;&quot;&apos;é&amp;" ChangeKey="k"/><t:ItemId Id="2"/>"#,
            "</m:ItemIds></m:ExportItems></s:Body></s:Envelope>",
        );
        let items = [
            ItemId {
                id: "&<>\"'é&",
                change_key: Some("k"),
            },
            ItemId::new("2"),
        ];
        let headers = RequestHeaders::new()
            .server_version(Version::Exchange2016)
            .impersonation(ExchangeImpersonation::Sid("S-1-5"))
            .mailbox_culture("en-US")
            .management_role(ManagementRole {
                user_roles: &["a", "b"],
                application_roles: &["c"],
            });
        let request = ExportItems::new(&items).headers(headers);
        for size in 1..=expected.len() + 1 {
            assert_eq!(written(request, size).unwrap(), expected, "{size}");
        }
    }

    /// `UserRoles?, ApplicationRoles?` of `ManagementRoleType`, Types.xsd.
    #[test]
    fn either_list_of_roles_may_be_missing() {
        for (user_roles, application_roles, expected) in [
            (
                &["a"][..],
                &[][..],
                "<t:UserRoles><t:Role>a</t:Role></t:UserRoles>",
            ),
            (
                &[],
                &["b"],
                "<t:ApplicationRoles><t:Role>b</t:Role></t:ApplicationRoles>",
            ),
        ] {
            let role = ManagementRole {
                user_roles,
                application_roles,
            };
            let text = written(headed(RequestHeaders::new().management_role(role)), 1000).unwrap();
            let expected = ["<t:ManagementRole>", expected, "</t:ManagementRole>"].concat();
            assert!(text.contains(&expected), "{text}");
        }
    }

    #[test]
    fn a_clone_starts_where_the_original_stands() {
        let mut encoder = ExportItems::new(ITEM).encoder().unwrap();
        assert_eq!(encoder.write(&mut []), 0);
        assert!(!encoder.is_done());
        let mut out = [0; 100];
        assert_eq!(encoder.write(&mut out), 100);
        let (mut one, mut two) = ([0; 1000], [0; 1000]);
        let len = encoder.clone().write(&mut one);
        assert_eq!(100 + len as u64, encoder.encoded_len());
        assert_eq!(encoder.write(&mut two), len);
        assert_eq!(one, two);
    }

    #[test]
    fn what_no_server_takes_is_refused_with_its_place() {
        let items = |id, change_key| [ItemId::new("id"), ItemId { id, change_key }];
        let character = |field, offset, character| RequestError::Character {
            field,
            offset,
            character,
        };
        for (items, error) in [
            (
                items("", None),
                RequestError::Empty {
                    field: Field::Id { index: 1 },
                },
            ),
            (
                items("id", Some("")),
                RequestError::Empty {
                    field: Field::ChangeKey { index: 1 },
                },
            ),
            (
                items("é\t", None),
                character(Field::Id { index: 1 }, 2, '\t'),
            ),
            (
                items("\u{ffff}", None),
                character(Field::Id { index: 1 }, 0, '\u{ffff}'),
            ),
            (
                items("id", Some("ab\0")),
                character(Field::ChangeKey { index: 1 }, 2, '\0'),
            ),
        ] {
            assert_eq!(written(ExportItems::new(&items), 1), Err(error));
        }

        let headers = RequestHeaders::new();
        let roles = |user_roles, application_roles| ManagementRole {
            user_roles,
            application_roles,
        };
        for (request, error) in [
            (ExportItems::new(&[]), RequestError::NoItems),
            (
                headed(headers.impersonation(ExchangeImpersonation::SmtpAddress(""))),
                RequestError::Empty {
                    field: Field::ExchangeImpersonation,
                },
            ),
            (
                headed(headers.impersonation(ExchangeImpersonation::PrincipalName("a\r"))),
                character(Field::ExchangeImpersonation, 1, '\r'),
            ),
            (
                headed(headers.management_role(roles(&[], &[]))),
                RequestError::Empty {
                    field: Field::ManagementRole,
                },
            ),
            (
                headed(headers.management_role(roles(&["a", ""], &[]))),
                RequestError::Empty {
                    field: Field::UserRole { index: 1 },
                },
            ),
            (
                headed(headers.management_role(roles(&[], &["a\u{fffe}"]))),
                character(Field::ApplicationRole { index: 0 }, 1, '\u{fffe}'),
            ),
            (
                headed(
                    headers
                        .management_role(roles(&["a"], &[]))
                        .server_version(Version::Exchange2010_SP2),
                ),
                RequestError::ManagementRole {
                    version: Version::Exchange2010_SP2,
                },
            ),
        ] {
            assert_eq!(written(request, 1), Err(error));
        }
    }

    #[test]
    fn mailbox_culture_is_shaped_like_a_language_tag() {
        for language in ["en", "en-US", "zh-Hant-TW", "x-12345678", "abcdefgh"] {
            let request = headed(RequestHeaders::new().mailbox_culture(language));
            assert!(request.encoder().is_ok(), "{language}");
        }
        for (language, offset) in [
            ("", 0),
            ("en_US", 2),
            ("en-", 3),
            ("-en", 0),
            ("e1", 1),
            ("en--US", 3),
            ("abcdefghi", 8),
            ("en-123456789", 11),
            ("en US", 2),
            ("én", 0),
        ] {
            let request = headed(RequestHeaders::new().mailbox_culture(language));
            assert_eq!(
                request.encoder().err(),
                Some(RequestError::MailboxCulture { offset }),
                "{language}"
            );
        }
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        let items = [ItemId::new("id"), ItemId::new("a\nb")];
        assert_eq!(
            ExportItems::new(&items).encoder().unwrap_err().to_string(),
            "Id of item 1 holds U+000A at byte 1, which XML does not carry; remove it"
        );
    }
}
