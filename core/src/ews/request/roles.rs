//! The SOAP headers that carry more than one value.

use super::error::RequestError;

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
    /// Reads `KIND:VALUE`, with KIND the element's name: `PrimarySmtpAddress:user@example.com`.
    ///
    /// # Errors
    /// [`RequestError::ImpersonationKind`] where KIND is none of the four.
    pub fn from_text(text: &'a str) -> Result<Self, RequestError> {
        if let Some(value) = text.strip_prefix("PrincipalName:") {
            Ok(Self::PrincipalName(value))
        } else if let Some(value) = text.strip_prefix("SID:") {
            Ok(Self::Sid(value))
        } else if let Some(value) = text.strip_prefix("PrimarySmtpAddress:") {
            Ok(Self::PrimarySmtpAddress(value))
        } else if let Some(value) = text.strip_prefix("SmtpAddress:") {
            Ok(Self::SmtpAddress(value))
        } else {
            Err(RequestError::ImpersonationKind)
        }
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

/// `ManagementRole`: the roles that the caller acts in, at least one of either kind.
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
    use super::{ExchangeImpersonation as Who, RequestError};

    #[test]
    fn kind_and_value_read_back() {
        for text in [
            "PrincipalName:user@example.com",
            "SID:S-1-5-21-1",
            "PrimarySmtpAddress:user@example.com",
            "SmtpAddress:a:b",
        ] {
            let who = Who::from_text(text).unwrap();
            assert_eq!(std::format!("{}:{}", who.kind(), who.value()), text);
        }
        for text in ["", "user@example.com", "sid:S-1", "UPN:user@example.com"] {
            assert_eq!(Who::from_text(text), Err(RequestError::ImpersonationKind));
        }
    }
}
