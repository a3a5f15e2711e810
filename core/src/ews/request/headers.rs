//! The SOAP headers of a request.

use super::roles::{ExchangeImpersonation, ManagementRole};
use super::version::RequestServerVersion;

/// The SOAP headers of a request, which are the same for every operation: whom the request acts for, and in which
/// version of the schema it is written.
///
/// It borrows all of its texts and is `Copy`, so one value serves many requests.
///
/// Source: [MS-OXWSBTRF 3.1.4.1.1.1](https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/),
/// `ExportItemsSoapIn`.
///
/// ```
/// use exportitems::{RequestHeaders, RequestServerVersion};
///
/// let headers = RequestHeaders::new()
///     .server_version(RequestServerVersion::Exchange2016)
///     .mailbox_culture("en-US");
/// assert_ne!(headers, RequestHeaders::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use]
pub struct RequestHeaders<'a> {
    pub(super) server_version: RequestServerVersion,
    pub(super) impersonation: Option<ExchangeImpersonation<'a>>,
    pub(super) mailbox_culture: Option<&'a str>,
    pub(super) management_role: Option<ManagementRole<'a>>,
}

impl<'a> RequestHeaders<'a> {
    /// The version `Exchange2013_SP1` and no other header.
    pub const fn new() -> Self {
        Self {
            server_version: RequestServerVersion::Exchange2013_SP1,
            impersonation: None,
            mailbox_culture: None,
            management_role: None,
        }
    }

    /// Sets the schema version that the request is written for; `Exchange2013_SP1` by default.
    pub const fn server_version(mut self, version: RequestServerVersion) -> Self {
        self.server_version = version;
        self
    }

    /// Acts as this user, usually the owner of the mailbox.
    pub const fn impersonation(mut self, who: ExchangeImpersonation<'a>) -> Self {
        self.impersonation = Some(who);
        self
    }

    /// Sets the language of the server's texts, a tag such as `en-US`.
    ///
    /// Source: [MailboxCulture](https://learn.microsoft.com/exchange/client-developer/web-service-reference/mailboxculture).
    pub const fn mailbox_culture(mut self, language: &'a str) -> Self {
        self.mailbox_culture = Some(language);
        self
    }

    /// Acts in these roles; known from Exchange 2013 on.
    pub const fn management_role(mut self, role: ManagementRole<'a>) -> Self {
        self.management_role = Some(role);
        self
    }

    /// Whether there is a `ManagementRole`.
    #[cfg(feature = "upload")]
    pub(crate) const fn has_management_role(&self) -> bool {
        self.management_role.is_some()
    }
}
