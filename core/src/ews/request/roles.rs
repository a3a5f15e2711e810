//! The SOAP headers that carry more than one value.

/// `ExchangeImpersonation`: the user that the request acts as.
///
/// Source: [ExchangeImpersonation](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exchangeimpersonation),
/// [ConnectingSID](https://learn.microsoft.com/exchange/client-developer/web-service-reference/connectingsid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum ExchangeImpersonation<'a> {
    /// `PrincipalName`: the user principal name, `user@domain`.
    PrincipalName(&'a str),
    /// `SID`: the security identifier, in its text form `S-1-5-…`.
    Sid(&'a str),
    /// `PrimarySmtpAddress`: the primary address of the account.
    PrimarySmtpAddress(&'a str),
    /// `SmtpAddress`: any address of the account.
    SmtpAddress(&'a str),
}

impl<'a> ExchangeImpersonation<'a> {
    /// Returns the user that an element of this name contains, such as `PrimarySmtpAddress`; `None` for any other name.
    #[must_use]
    pub fn of_kind(kind: &str, value: &'a str) -> Option<Self> {
        Some(match kind {
            "PrincipalName" => Self::PrincipalName(value),
            "SID" => Self::Sid(value),
            "PrimarySmtpAddress" => Self::PrimarySmtpAddress(value),
            "SmtpAddress" => Self::SmtpAddress(value),
            _ => return None,
        })
    }

    /// The element's name.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::PrincipalName(_) => "PrincipalName",
            Self::Sid(_) => "SID",
            Self::PrimarySmtpAddress(_) => "PrimarySmtpAddress",
            Self::SmtpAddress(_) => "SmtpAddress",
        }
    }

    /// The element's text.
    #[must_use]
    pub const fn value(self) -> &'a str {
        match self {
            Self::PrincipalName(value)
            | Self::Sid(value)
            | Self::PrimarySmtpAddress(value)
            | Self::SmtpAddress(value) => value,
        }
    }
}

/// `ManagementRole`: the roles that the caller acts in, at least one in all.
///
/// Exchange 2010 does not implement it (MS-OXWSBTRF R2111, R2113), so it goes with
/// [`Exchange2013`](super::RequestServerVersion::Exchange2013) or later only.
///
/// Source: [ManagementRole](https://learn.microsoft.com/exchange/client-developer/web-service-reference/managementrole).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ManagementRole<'a> {
    /// `UserRoles`; an empty list leaves the element out.
    pub user_roles: &'a [&'a str],
    /// `ApplicationRoles`; an empty list leaves the element out.
    pub application_roles: &'a [&'a str],
}

#[cfg(test)]
mod tests {
    use super::ExchangeImpersonation as Who;

    #[test]
    fn kind_and_value_read_back() {
        for kind in ["PrincipalName", "SID", "PrimarySmtpAddress", "SmtpAddress"] {
            let who = Who::of_kind(kind, "a:b").unwrap();
            assert_eq!((who.kind(), who.value()), (kind, "a:b"));
        }
        for kind in ["", "sid", "UPN", "PrincipalName:"] {
            assert_eq!(Who::of_kind(kind, "a"), None);
        }
    }
}
