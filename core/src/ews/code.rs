//! EWS `ResponseCode` values.

use crate::xml::hash::{extend, hash, EMPTY};

/// Declares [`ResponseCode`] with its text form, one line a code.
macro_rules! response_codes {
    ($($name:ident)*) => {
        /// A `ResponseCode` of an EWS response, as far as a client acts on it.
        ///
        /// The variants are the codes of
        /// [ResponseCode](https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode)
        /// that `ExportItems` can meet and that change what a client does next.
        /// Any other code, of today's schema or a newer server's, is [`ResponseCode::Other`];
        /// its text is in [`Event::ResponseCode`](crate::Event::ResponseCode),
        /// so an unknown code is never a parse error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub enum ResponseCode {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )*
            /// A code without a variant of its own.
            Other,
        }

        impl ResponseCode {
            /// Every code with a variant of its own.
            pub const KNOWN: &'static [Self] = &[$(Self::$name,)*];

            /// The hash of each, in the same order, and after them those of [`SENDERS_FAULTS`].
            const HASHES: &'static [u32] = &[
                $(hash(stringify!($name).as_bytes()),)*
                SENDERS_FAULTS[0],
                SENDERS_FAULTS[1],
                SENDERS_FAULTS[2],
                SENDERS_FAULTS[3],
                SENDERS_FAULTS[4],
                SENDERS_FAULTS[5],
                SENDERS_FAULTS[6],
            ];

            /// The code for its text on the wire; surrounding white space must be gone already.
            ///
            /// Texts are compared by a hash of 32 bits: a program contains the texts only if it uses them, and a response
            /// that consists of errors is not slowed down.
            #[must_use]
            pub fn from_text(text: &str) -> Self {
                Self::from_bytes(text.as_bytes())
            }

            /// [`from_text`](Self::from_text), of bytes that need not be UTF-8.
            pub(crate) fn from_bytes(text: &[u8]) -> Self {
                Word::of(text, NEVER).code()
            }

            /// The text on the wire, or `None` for [`ResponseCode::Other`].
            #[must_use]
            pub const fn as_str(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    Self::Other => None,
                }
            }
        }
    };
}

impl core::fmt::Display for ResponseCode {
    /// The text on the wire; of [`Other`](Self::Other), whose text is not kept, "another code".
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str().unwrap_or("another code"))
    }
}

/// Fault codes that say that the request is wrong: SOAP 1.1 §4.4.1, SOAP 1.2 §5.4.6, and WCF's.
const SENDERS_FAULTS: [u32; 7] = [
    hash(b"Client"),
    hash(b"MustUnderstand"),
    hash(b"VersionMismatch"),
    hash(b"Sender"),
    hash(b"DataEncodingUnknown"),
    hash(b"ActionNotSupported"),
    hash(b"DeserializationFailed"),
];

/// No text contains this byte.
pub(crate) const NEVER: u8 = 0xFF;

/// The number of a word among [`ResponseCode::HASHES`]; a larger number for an unknown word.
#[derive(Clone, Copy)]
pub(crate) struct Word(usize);

impl Word {
    /// Any other word.
    pub(crate) const UNKNOWN: Self = Self(usize::MAX);

    /// The word that `text` is up to the first `stop`.
    #[inline(never)] // for its size
    pub(crate) fn of(text: &[u8], stop: u8) -> Self {
        let mut hash = EMPTY;
        for &byte in text {
            if byte == stop {
                break;
            }
            hash = extend(hash, byte);
        }
        let mut hashes = ResponseCode::HASHES.iter();
        (hashes.position(|known| *known == hash)).map_or(Self::UNKNOWN, Self)
    }

    pub(crate) fn code(self) -> ResponseCode {
        let code = ResponseCode::KNOWN.get(self.0).copied();
        code.unwrap_or(ResponseCode::Other)
    }

    /// Whether it is a fault code that says that the request is wrong.
    pub(crate) const fn is_senders_fault(self) -> bool {
        self.0 >= ResponseCode::KNOWN.len() && self.0 < ResponseCode::HASHES.len()
    }
}

response_codes! {
    NoError
    // permanent, this item
    ErrorItemNotFound
    ErrorInvalidId
    ErrorInvalidIdEmpty
    ErrorInvalidIdMalformed
    ErrorInvalidIdMalformedEwsLegacyIdFormat
    ErrorInvalidIdMonikerTooLong
    ErrorInvalidIdStoreObjectIdTooLong
    ErrorInvalidIdXml
    ErrorInvalidIdNotAnItemAttachmentId
    ErrorCannotUseFolderIdForItemId
    ErrorInvalidChangeKey
    ErrorObjectTypeChanged
    ErrorItemCorrupt
    ErrorCorruptData
    ErrorVirusDetected
    ErrorVirusMessageDeleted
    ErrorDataSizeLimitExceeded
    ErrorMessageSizeExceeded
    ErrorNonExistentMailbox
    ErrorExportRemoteArchiveItemsFailed
    // auth, permission
    ErrorAccessDenied
    ErrorAccountDisabled
    ErrorPasswordExpired
    ErrorPasswordChangeRequired
    ErrorImpersonateUserDenied
    ErrorImpersonationDenied
    ErrorImpersonationFailed
    ErrorInvalidExchangeImpersonationHeaderData
    ErrorNonPrimarySmtpAddress
    ErrorInvalidManagementRoleHeader
    ErrorInvalidLicense
    ErrorOrganizationAccessBlocked
    // throttle
    ErrorServerBusy
    ErrorExceededConnectionCount
    ErrorTooManyObjectsOpened
    ErrorInsufficientResources
    ErrorNotEnoughMemory
    // transient
    ErrorInternalServerError
    ErrorInternalServerTransientError
    ErrorTimeoutExpired
    ErrorMailboxStoreUnavailable
    ErrorMailboxMoveInProgress
    ErrorMailboxFailover
    ErrorConnectionFailed
    ErrorADUnavailable
    ErrorADOperation
    ErrorDataSourceOperation
    ErrorBatchProcessingStopped
    ErrorClientDisconnected
    ErrorNoRespondingCASInDestinationSite
    // request, version
    ErrorSchemaValidation
    ErrorInvalidRequest
    ErrorInvalidServerVersion
    ErrorIncorrectSchemaVersion
    ErrorInvalidSchemaVersionForMailboxVersion
    ErrorWrongServerVersion
    ErrorDuplicateSOAPHeader
    ErrorRequestStreamTooBig
    ErrorCrossSiteRequest
    ErrorMultiLegacyMailboxAccess
}

#[cfg(test)]
mod tests {
    use super::ResponseCode;
    use std::string::ToString as _;

    #[test]
    fn every_known_code_reads_back() {
        for &code in ResponseCode::KNOWN {
            assert_eq!(ResponseCode::from_text(code.as_str().unwrap()), code);
        }
        assert_eq!(
            ResponseCode::from_text("ErrorNotInvented"),
            ResponseCode::Other
        );
        assert_eq!(ResponseCode::Other.as_str(), None);
    }

    #[test]
    fn a_code_displays_as_on_the_wire() {
        for &code in ResponseCode::KNOWN {
            assert_eq!(code.to_string(), code.as_str().unwrap());
        }
        assert_eq!(ResponseCode::Other.to_string(), "another code");
        assert_eq!(std::format!("{:>9}", ResponseCode::NoError), "  NoError");
    }
}
