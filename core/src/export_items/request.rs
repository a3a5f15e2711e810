//! The request: [`ExportItems`] → [`Encoder`] → transport.

use crate::ews::request::{document, ends, only, text, Document, Row, Slot, Writer, AROUND};
use crate::ews::{ItemId, RequestError, RequestHeaders};

/// The request, with the operation's element in the body of the envelope.
///
/// Source: `ExportItemsType`, Messages.xsd.
static DOCUMENT: [Row; AROUND + 5] = document([
    only("<m:ExportItems><m:ItemIds>", Slot::Nothing),
    text(r#"<t:ItemId Id=""#, Slot::Id),
    text(r#"" ChangeKey=""#, Slot::ChangeKey),
    ends(3, r#""/>"#, Slot::Id),
    only("</m:ItemIds></m:ExportItems>", Slot::Nothing),
]);

impl<'a> Document<'a> for ExportItems<'a> {
    type Item = ItemId<'a>;

    const ROWS: &'static [Row] = &DOCUMENT;

    fn item_id(item: &'a ItemId<'a>) -> Option<&'a ItemId<'a>> {
        Some(item)
    }

    #[cfg(feature = "upload")]
    fn text(_: &ItemId<'a>, _: Slot) -> Option<&'a str> {
        None
    }
}

/// An `ExportItems` request: the items, and the [headers](RequestHeaders) of the message.
///
/// It borrows all of its texts and is `Copy`.
///
/// Source: [ExportItems operation](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation),
/// [MS-OXWSBTRF 3.1.4.1](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/).
///
/// ```
/// use exportitems::{ExchangeImpersonation, ExportItems, ItemId, RequestHeaders};
///
/// let items = [
///     ItemId::new("AAMkAGYz+NAA="),
///     ItemId { id: "AAMkAGYz+OAA=", change_key: Some("CQAAABYA") },
/// ];
/// let user = ExchangeImpersonation::PrimarySmtpAddress("user@example.com");
/// let mut encoder = ExportItems::new(&items)
///     .headers(RequestHeaders::new().impersonation(user))
///     .encoder()?;
/// let content_length = encoder.encoded_len();
///
/// let mut sent = Vec::new();
/// let mut out = [0; 64]; // of any size, down to one byte
/// while !encoder.is_done() {
///     let len = encoder.write(&mut out);
///     sent.extend_from_slice(&out[..len]);
/// }
///
/// assert_eq!(sent.len() as u64, content_length);
/// let sent = String::from_utf8(sent)?;
/// assert!(sent.contains(r#"<t:ItemId Id="AAMkAGYz+OAA=" ChangeKey="CQAAABYA"/>"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use]
pub struct ExportItems<'a> {
    items: &'a [ItemId<'a>],
    headers: RequestHeaders<'a>,
}

impl<'a> ExportItems<'a> {
    /// URI of the optional `SOAPAction` header, which is sent between quotes.
    ///
    /// Source: MS-OXWSBTRF 3.1.4.1, R38. (The prose of 3.1.4.1.1.1 drops the last letter, R45; the binding counts.)
    pub const SOAP_ACTION: &'static str =
        "http://schemas.microsoft.com/exchange/services/2006/messages/ExportItems";

    /// Exports these items; the response has them in the same order.
    ///
    /// Microsoft recommends at most 100 items for each request, and a server stops
    /// [a request that takes more than a minute](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange),
    /// so request fewer at once where items are large.
    pub const fn new(items: &'a [ItemId<'a>]) -> Self {
        Self {
            items,
            headers: RequestHeaders::new(),
        }
    }

    /// Sends these headers in place of the default ones.
    pub const fn headers(mut self, headers: RequestHeaders<'a>) -> Self {
        self.headers = headers;
        self
    }

    /// Checks the request and starts to write it.
    ///
    /// # Errors
    /// Everything that a server would refuse in the request as a whole, before a byte is sent: see
    /// [`RequestError`].
    pub fn encoder(&self) -> Result<Encoder<'a>, RequestError> {
        if self.items.is_empty() {
            return Err(RequestError::NoItems);
        }
        Writer::new(&self.headers, self.items).map(Encoder)
    }
}

/// Writes one request; made by [`ExportItems::encoder`].
///
/// It holds no bytes of its own, only its position in the request, so each call costs what it writes.
/// A clone starts at the position of the original: keep a clone made at the start to send the same request again,
/// as an NTLM handshake must.
#[derive(Clone, Debug)]
#[must_use]
pub struct Encoder<'a>(Writer<'a, ExportItems<'a>>);

impl Encoder<'_> {
    /// Returns the length of the whole request in bytes, the `Content-Length`, at any position.
    #[must_use]
    pub const fn encoded_len(&self) -> u64 {
        self.0.encoded_len()
    }

    /// Returns whether everything has been written.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// Writes the next bytes of the request to `out` and returns how many there are.
    ///
    /// `out` is filled as long as the request lasts. So fewer bytes than `out` has room for mean that the request is
    /// complete, as does 0 if `out` is not empty.
    #[must_use = "only so many bytes of `out` belong to the request"]
    pub fn write(&mut self, out: &mut [u8]) -> usize {
        self.0.write(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{ExportItems, ItemId, RequestError, RequestHeaders};
    use crate::ews::{
        ExchangeImpersonation, ManagementRole, RequestField as Field,
        RequestServerVersion as Version,
    };
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
    fn a_clone_starts_at_the_position_of_the_original() {
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
