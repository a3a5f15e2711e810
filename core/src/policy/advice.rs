//! What happened → what to make of it. Pure functions.

use super::disposition::{Disposition, Relief};
use crate::ews::ResponseCode;
use crate::ews::{Fault, ItemError, Outcome};

/// How much of its budget a failure costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(super) enum Charge {
    /// Nothing: something else failed, and this was in its way.
    Nothing,
    /// One attempt of many.
    Usual,
    /// One attempt of few: the meaning of the failure is not known.
    Heavy,
}

/// What to make of an outcome, a fault, an HTTP answer or a lost connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Advice {
    /// What can be done.
    pub disposition: Disposition,
    /// What the next request should do differently.
    pub relief: Option<Relief>,
    /// How long the server asks to wait, in milliseconds: the longest of what it said, 0 if nothing.
    pub back_off_ms: u32,
    pub(super) charge: Charge,
}

impl Advice {
    /// The connection was refused, lost or silent for too long.
    ///
    /// Fewer items, since a server that needs
    /// [more than a minute](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange)
    /// for a request may end it this way.
    pub const CUT: Self = Self::new(Disposition::Transient).with(Relief::FewerItems);

    /// What the server did not explain.
    pub(super) const UNEXPLAINED: Self = Self {
        charge: Charge::Heavy,
        ..Self::new(Disposition::Transient)
    };

    pub(super) const fn new(disposition: Disposition) -> Self {
        Self {
            disposition,
            relief: None,
            back_off_ms: 0,
            charge: Charge::Usual,
        }
    }

    const fn with(self, relief: Relief) -> Self {
        Self {
            relief: Some(relief),
            ..self
        }
    }

    /// The same, with at least this wait.
    pub(super) fn wait_at_least(self, milliseconds: u32) -> Self {
        Self {
            back_off_ms: self.back_off_ms.max(milliseconds),
            ..self
        }
    }

    /// Judges a `ResponseCode`, and the `InnerErrorResponseCode` that `ErrorInternalServerError` wraps.
    ///
    /// A code without a variant is transient, with a small budget.
    #[must_use]
    pub const fn of_code(code: ResponseCode, inner: Option<ResponseCode>) -> Self {
        use Disposition::{Auth, Done, Permanent, Throttled, Transient, UnsupportedVersion};
        use ResponseCode as C;
        match (code, inner) {
            // Exchange answers 200 with ErrorInternalServerError around ErrorServerBusy.
            (C::ErrorInternalServerError, Some(inner))
                if !matches!(inner, C::NoError | C::Other | C::ErrorInternalServerError) =>
            {
                Self::of_code(inner, None)
            }

            (C::NoError, _) => Self::new(Done),

            (
                C::ErrorItemNotFound
                | C::ErrorInvalidId
                | C::ErrorInvalidIdEmpty
                | C::ErrorInvalidIdMalformed
                | C::ErrorInvalidIdMalformedEwsLegacyIdFormat
                | C::ErrorInvalidIdMonikerTooLong
                | C::ErrorInvalidIdStoreObjectIdTooLong
                | C::ErrorInvalidIdXml
                | C::ErrorInvalidIdNotAnItemAttachmentId
                | C::ErrorCannotUseFolderIdForItemId
                | C::ErrorInvalidChangeKey
                | C::ErrorObjectTypeChanged
                | C::ErrorItemCorrupt
                | C::ErrorCorruptData
                | C::ErrorVirusDetected
                | C::ErrorVirusMessageDeleted
                | C::ErrorDataSizeLimitExceeded
                | C::ErrorMessageSizeExceeded
                | C::ErrorNonExistentMailbox
                | C::ErrorExportRemoteArchiveItemsFailed,
                _,
            ) => Self::new(Permanent),

            (
                C::ErrorAccessDenied
                | C::ErrorAccountDisabled
                | C::ErrorPasswordExpired
                | C::ErrorPasswordChangeRequired
                | C::ErrorImpersonateUserDenied
                | C::ErrorImpersonationDenied
                | C::ErrorImpersonationFailed
                | C::ErrorInvalidExchangeImpersonationHeaderData
                | C::ErrorNonPrimarySmtpAddress
                | C::ErrorInvalidManagementRoleHeader
                | C::ErrorInvalidLicense
                | C::ErrorOrganizationAccessBlocked,
                _,
            ) => Self::new(Auth),

            (C::ErrorServerBusy | C::ErrorInsufficientResources | C::ErrorNotEnoughMemory, _) => {
                Self::new(Throttled)
            }
            // Fewer connections, not fewer items: the limit counts requests at the same time.
            (C::ErrorExceededConnectionCount | C::ErrorTooManyObjectsOpened, _) => {
                Self::new(Throttled).with(Relief::FewerConnections)
            }

            (
                C::ErrorInternalServerError
                | C::ErrorInternalServerTransientError
                | C::ErrorMailboxStoreUnavailable
                | C::ErrorMailboxMoveInProgress
                | C::ErrorMailboxFailover
                | C::ErrorConnectionFailed
                | C::ErrorADUnavailable
                | C::ErrorADOperation
                | C::ErrorDataSourceOperation
                | C::ErrorClientDisconnected
                | C::ErrorNoRespondingCASInDestinationSite,
                _,
            ) => Self::new(Transient),
            (C::ErrorTimeoutExpired, _) => Self::new(Transient).with(Relief::FewerItems),
            // Not processed, because an item before it stopped the batch.
            (C::ErrorBatchProcessingStopped, _) => Self {
                charge: Charge::Nothing,
                ..Self::new(Transient)
            },

            (
                C::ErrorInvalidServerVersion
                | C::ErrorIncorrectSchemaVersion
                | C::ErrorInvalidSchemaVersionForMailboxVersion
                // The answer to a version that the server does not know.
                | C::ErrorInvalidRequest,
                _,
            ) => Self::new(UnsupportedVersion).with(Relief::OlderVersion),
            (C::ErrorRequestStreamTooBig, _) => Self::new(UnsupportedVersion).with(Relief::FewerItems),
            (
                C::ErrorSchemaValidation
                | C::ErrorWrongServerVersion
                | C::ErrorDuplicateSOAPHeader
                | C::ErrorCrossSiteRequest
                | C::ErrorMultiLegacyMailboxAccess,
                _,
            ) => Self::new(UnsupportedVersion),

            (C::Other, _) => Self::UNEXPLAINED,
        }
    }

    /// Judges a SOAP fault.
    #[must_use]
    pub fn of_fault(fault: &Fault) -> Self {
        let advice = match fault.code {
            // With a back-off, the server asks to come back all the same.
            None if fault.is_senders_fault && fault.back_off_ms.is_none() => {
                Self::new(Disposition::Permanent)
            }
            // A fault is never a success, even with `NoError`.
            None | Some(ResponseCode::NoError) => Self::UNEXPLAINED,
            Some(code) => Self::of_code(code, fault.inner_code),
        };
        Self {
            // Nor is it free: there is nothing else to blame.
            charge: advice.charge.max(Charge::Usual),
            ..advice.wait_at_least(fault.back_off_ms.unwrap_or(0))
        }
    }

    /// Judges an item's outcome alone. [`Attempt::item`](super::Attempt::item) knows more: what
    /// the answer as a whole was.
    #[must_use]
    pub fn of_outcome(outcome: &Outcome) -> Self {
        let Some(error) = outcome.error else {
            return Self::new(Disposition::Done);
        };
        let by_code = match outcome.code {
            None | Some(ResponseCode::NoError) => Self::UNEXPLAINED,
            Some(code) => Self::of_code(code, outcome.inner_code),
        };
        let advice = match error {
            ItemError::Refused | ItemError::Contradiction => by_code,
            // The data are not the item's: the server gave up, whether it said so or not.
            ItemError::Truncated
            | ItemError::Payload
            | ItemError::Base64
            | ItemError::MissingData
            | ItemError::EmptyData => Self::new(Disposition::Truncated),
            ItemError::Cut => Self::CUT,
            ItemError::Malformed | ItemError::NotAnswered => Self::new(Disposition::Transient),
            ItemError::Duplicate => Self::UNEXPLAINED,
            // Our own limit or disk, or an item that was not requested: the server cannot help.
            ItemError::TooLarge | ItemError::Write | ItemError::Unrequested => {
                Self::new(Disposition::Permanent)
            }
        };
        advice.wait_at_least(outcome.back_off_ms.unwrap_or(0))
    }

    /// Judges an HTTP answer whose body is not a SOAP answer, which would count before the status.
    ///
    /// `retry_after_s` and `location` are the headers `Retry-After`, in seconds, and `Location`.
    #[must_use]
    pub fn of_http(status: u16, retry_after_s: Option<u32>, location: Option<&str>) -> Self {
        use Disposition::{Auth, Permanent, Throttled, Transient, UnsupportedVersion};
        let advice = match status {
            429 | 503 => Self::new(Throttled),
            // exchangelib has seen throttling as such a response too; a server that wants credentials does not ask to wait.
            401 if retry_after_s.is_some() => Self::new(Throttled),
            // 456: the account is locked.
            401 | 403 | 407 | 456 => Self::new(Auth),
            408 => Self::CUT,
            413 | 507 => Self::new(UnsupportedVersion).with(Relief::FewerItems),
            // Seen in answer to wrong namespaces.
            501 => Self::new(UnsupportedVersion),
            // 302 to /ews/genericerrorpage.htm is an outage; any other place is somewhere else.
            300..=399 if location.is_some_and(is_generic_error_page) => Self::new(Transient),
            300..=499 => Self::new(Permanent),
            // A fault without a word, as "Index was outside the bounds of the array" in HTML, may be one
            // item's doing.
            500..=599 => Self::CUT,
            _ => Self::UNEXPLAINED,
        };
        advice.wait_at_least(retry_after_s.unwrap_or(0).saturating_mul(1000))
    }
}

fn is_generic_error_page(location: &str) -> bool {
    const PAGE: &[u8] = b"genericerrorpage";
    location
        .as_bytes()
        .windows(PAGE.len())
        .any(|window| window.eq_ignore_ascii_case(PAGE))
}

#[cfg(test)]
mod tests {
    use super::Disposition::{
        self, Auth, Done, Permanent, Throttled, Transient, Truncated, UnsupportedVersion,
    };
    use super::Relief::{FewerConnections, FewerItems, OlderVersion};
    use super::{Advice, Charge, Relief, ResponseCode};
    use crate::ews::{ItemError as E, Outcome};
    use crate::policy::tests::{done, refused};
    use std::collections::BTreeSet;

    /// The response codes that can occur with `ExportItems`, as DOCS and the schema describe them.
    const CODES: &[(Disposition, Option<Relief>, &str)] = &[
        (Done, None, "NoError"),
        (
            Permanent,
            None,
            "ErrorItemNotFound ErrorInvalidId ErrorInvalidIdEmpty ErrorInvalidIdMalformed \
             ErrorInvalidIdMalformedEwsLegacyIdFormat ErrorInvalidIdMonikerTooLong \
             ErrorInvalidIdStoreObjectIdTooLong ErrorInvalidIdXml \
             ErrorInvalidIdNotAnItemAttachmentId ErrorCannotUseFolderIdForItemId \
             ErrorInvalidChangeKey ErrorObjectTypeChanged ErrorItemCorrupt ErrorCorruptData \
             ErrorVirusDetected ErrorVirusMessageDeleted ErrorDataSizeLimitExceeded \
             ErrorMessageSizeExceeded ErrorNonExistentMailbox ErrorExportRemoteArchiveItemsFailed",
        ),
        (
            Auth,
            None,
            "ErrorAccessDenied ErrorAccountDisabled ErrorPasswordExpired \
             ErrorPasswordChangeRequired ErrorImpersonateUserDenied ErrorImpersonationDenied \
             ErrorImpersonationFailed ErrorInvalidExchangeImpersonationHeaderData \
             ErrorNonPrimarySmtpAddress ErrorInvalidManagementRoleHeader ErrorInvalidLicense \
             ErrorOrganizationAccessBlocked",
        ),
        (
            Throttled,
            None,
            "ErrorServerBusy ErrorInsufficientResources ErrorNotEnoughMemory",
        ),
        (
            Throttled,
            Some(FewerConnections),
            "ErrorExceededConnectionCount ErrorTooManyObjectsOpened",
        ),
        (
            Transient,
            None,
            "ErrorInternalServerError ErrorInternalServerTransientError \
             ErrorMailboxStoreUnavailable ErrorMailboxMoveInProgress ErrorMailboxFailover \
             ErrorConnectionFailed ErrorADUnavailable ErrorADOperation ErrorDataSourceOperation \
             ErrorBatchProcessingStopped ErrorClientDisconnected \
             ErrorNoRespondingCASInDestinationSite",
        ),
        (Transient, Some(FewerItems), "ErrorTimeoutExpired"),
        (
            UnsupportedVersion,
            Some(OlderVersion),
            "ErrorInvalidRequest ErrorInvalidServerVersion ErrorIncorrectSchemaVersion \
             ErrorInvalidSchemaVersionForMailboxVersion",
        ),
        (
            UnsupportedVersion,
            Some(FewerItems),
            "ErrorRequestStreamTooBig",
        ),
        (
            UnsupportedVersion,
            None,
            "ErrorSchemaValidation ErrorWrongServerVersion ErrorDuplicateSOAPHeader \
             ErrorCrossSiteRequest ErrorMultiLegacyMailboxAccess",
        ),
    ];

    #[test]
    fn every_code_has_its_disposition() {
        let mut seen = BTreeSet::new();
        for &(disposition, relief, codes) in CODES {
            for text in codes.split_whitespace() {
                let code = ResponseCode::from_text(text);
                let advice = Advice::of_code(code, None);
                assert_eq!(code.as_str(), Some(text));
                assert_eq!(
                    (advice.disposition, advice.relief),
                    (disposition, relief),
                    "{text}"
                );
                assert_ne!(advice.charge, Charge::Heavy, "{text}");
                seen.insert(code);
            }
        }
        assert_eq!(
            seen.len(),
            ResponseCode::KNOWN.len(),
            "a code without a row"
        );
    }

    #[test]
    fn a_code_in_no_table_is_transient_with_a_small_budget() {
        let advice = Advice::of_code(ResponseCode::Other, None);
        assert_eq!(advice.disposition, Transient);
        assert_eq!(advice.charge, Charge::Heavy);
    }

    #[test]
    fn an_internal_error_is_what_it_wraps() {
        use ResponseCode as C;
        for (code, inner, disposition) in [
            (C::ErrorInternalServerError, C::ErrorServerBusy, Throttled),
            (C::ErrorInternalServerError, C::ErrorItemCorrupt, Permanent),
            (C::ErrorInternalServerError, C::Other, Transient),
            (C::ErrorInternalServerError, C::NoError, Transient),
            (
                C::ErrorInternalServerError,
                C::ErrorInternalServerError,
                Transient,
            ),
            (C::ErrorItemNotFound, C::ErrorServerBusy, Permanent),
        ] {
            let advice = Advice::of_code(code, Some(inner));
            assert_eq!(advice.disposition, disposition, "{code:?} {inner:?}");
            assert_ne!(advice.charge, Charge::Heavy);
        }
    }

    #[test]
    fn every_item_error_has_its_disposition() {
        for (error, disposition, relief) in [
            (E::Unrequested, Permanent, None),
            (E::NotAnswered, Transient, None),
            (E::Refused, Throttled, None),
            (E::Truncated, Truncated, None),
            (E::Malformed, Transient, None),
            (E::Cut, Transient, Some(FewerItems)),
            (E::Duplicate, Transient, None),
            (E::Base64, Truncated, None),
            (E::TooLarge, Permanent, None),
            (E::Contradiction, Throttled, None),
            (E::MissingData, Truncated, None),
            (E::EmptyData, Truncated, None),
            (E::Payload, Truncated, None),
            (E::Write, Permanent, None),
        ] {
            let busy = refused(0, ResponseCode::ErrorServerBusy);
            let advice = Advice::of_outcome(&Outcome {
                error: Some(error),
                ..busy
            });
            assert_eq!(
                (advice.disposition, advice.relief),
                (disposition, relief),
                "{error}"
            );
            // A failed item is never done, even with `NoError`.
            for code in [None, Some(ResponseCode::NoError)] {
                let advice = Advice::of_outcome(&Outcome {
                    error: Some(error),
                    code,
                    ..busy
                });
                assert_ne!(advice.disposition, Done, "{error}");
            }
        }
        assert_eq!(Advice::of_outcome(&done(0)).disposition, Done);
    }

    #[test]
    fn every_http_status_has_its_disposition() {
        let page = "https://mail/EWS/GenericErrorPage.htm?aspxerrorpath=/ews/exchange.asmx";
        for (status, retry_after_s, location, disposition, relief) in [
            (200, None, None, Transient, None), // HTML, say
            (
                301,
                None,
                Some("https://mail2/EWS/Exchange.asmx"),
                Permanent,
                None,
            ),
            (302, None, Some(page), Transient, None),
            (302, None, Some("/internalsite/x"), Permanent, None),
            (302, None, None, Permanent, None),
            (400, None, None, Permanent, None),
            (401, None, None, Auth, None),
            (401, Some(1), None, Throttled, None),
            (403, None, None, Auth, None),
            (404, None, None, Permanent, None),
            (408, None, None, Transient, Some(FewerItems)),
            (413, None, None, UnsupportedVersion, Some(FewerItems)),
            (429, None, None, Throttled, None),
            (456, None, None, Auth, None),
            (500, None, None, Transient, Some(FewerItems)),
            (501, None, None, UnsupportedVersion, None),
            (502, None, None, Transient, Some(FewerItems)),
            (503, None, None, Throttled, None),
            (503, Some(30), None, Throttled, None),
            (504, None, None, Transient, Some(FewerItems)),
            (507, None, None, UnsupportedVersion, Some(FewerItems)),
        ] {
            let advice = Advice::of_http(status, retry_after_s, location);
            let expected = (disposition, relief);
            assert_eq!((advice.disposition, advice.relief), expected, "{status}");
            assert_eq!(advice.back_off_ms, retry_after_s.unwrap_or(0) * 1000);
        }
    }
}
