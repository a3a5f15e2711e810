//! `RequestServerVersion`: which schema the request is written for.

use core::fmt;
use core::str::FromStr;

/// Declares [`RequestServerVersion`] with its text form, one line a version, oldest first.
macro_rules! versions {
    ($($name:ident)*) => {
        /// A value of the `RequestServerVersion` header that a server accepts for `ExportItems`.
        ///
        /// The names are those of the schema, `ExchangeVersionType` of Exchange SE 15.2.2562.17, from
        /// `Exchange2010_SP1` on, which brought the operation; a higher version compares greater.
        /// What `ServerVersionInfo` says in a response, such as `V2018_01_08`, is no value to send back:
        /// Exchange on-premises refuses it.
        ///
        /// Source: [RequestServerVersion](https://learn.microsoft.com/exchange/client-developer/web-service-reference/requestserverversion).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[allow(non_camel_case_types)] // the schema's names
        #[non_exhaustive]
        pub enum RequestServerVersion {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )*
        }

        impl RequestServerVersion {
            /// Every version, oldest first.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The text on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

versions! {
    Exchange2010_SP1
    Exchange2010_SP2
    Exchange2012
    Exchange2013
    Exchange2013_SP1
    Exchange2015
    Exchange2016
    V2015_10_05
    V2016_01_06
    V2016_04_13
    V2016_07_13
    V2016_10_10
    V2017_01_07
    V2017_04_14
    V2017_07_11
}

impl RequestServerVersion {
    /// What to try next where a server does not know this version: `Exchange2013_SP1`, then
    /// `Exchange2010_SP2`, then `Exchange2010_SP1`, then nothing.
    #[must_use]
    pub fn older(self) -> Option<Self> {
        [
            Self::Exchange2013_SP1,
            Self::Exchange2010_SP2,
            Self::Exchange2010_SP1,
        ]
        .into_iter()
        .find(|&older| older < self)
    }
}

impl Default for RequestServerVersion {
    /// `Exchange2013_SP1`: the newest that Microsoft documents, known to every server from 2013 SP1 on.
    fn default() -> Self {
        Self::Exchange2013_SP1
    }
}

/// Why a text is not a [`RequestServerVersion`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum VersionError {
    /// A version of the schema that does not have `ExportItems`.
    TooOld,
    /// Not a value of `RequestServerVersion`.
    Unknown,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooOld => {
                "this version does not know ExportItems; request Exchange2010_SP1 or later"
            }
            Self::Unknown => {
                "not a version that can be requested (nor are those of responses, such as V2018_01_08); \
                 request Exchange2013_SP1"
            }
        })
    }
}

impl core::error::Error for VersionError {}

impl FromStr for RequestServerVersion {
    type Err = VersionError;

    /// # Errors
    /// [`VersionError::TooOld`] for a version without `ExportItems`, [`VersionError::Unknown`] for any other text.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        match text {
            "Exchange2007" | "Exchange2007_SP1" | "Exchange2009" | "Exchange2010" => {
                Err(VersionError::TooOld)
            }
            _ => Self::ALL
                .iter()
                .copied()
                .find(|version| version.as_str() == text)
                .ok_or(VersionError::Unknown),
        }
    }
}

impl fmt::Display for RequestServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestServerVersion as V, VersionError};
    use std::string::ToString;

    #[test]
    fn every_version_reads_back_and_the_list_is_sorted() {
        for &version in V::ALL {
            assert_eq!(version.as_str().parse(), Ok(version));
            assert_eq!(version.to_string(), version.as_str());
        }
        assert!(V::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn versions_that_servers_refuse_are_refused_here() {
        for (text, error) in [
            ("Exchange2007", VersionError::TooOld),
            ("Exchange2007_SP1", VersionError::TooOld),
            ("Exchange2009", VersionError::TooOld),
            ("Exchange2010", VersionError::TooOld),
            ("V2018_01_08", VersionError::Unknown), // Exchange Online's answer
            ("V2_23", VersionError::Unknown),       // Exchange 2013's answer
            ("Exchange2019", VersionError::Unknown),
            ("exchange2013", VersionError::Unknown),
            ("", VersionError::Unknown),
        ] {
            assert_eq!(text.parse::<V>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_ladder_ends() {
        for (version, older) in [
            (V::V2017_07_11, Some(V::Exchange2013_SP1)),
            (V::Exchange2015, Some(V::Exchange2013_SP1)),
            (V::Exchange2013_SP1, Some(V::Exchange2010_SP2)),
            (V::Exchange2013, Some(V::Exchange2010_SP2)),
            (V::Exchange2010_SP2, Some(V::Exchange2010_SP1)),
            (V::Exchange2010_SP1, None),
        ] {
            assert_eq!(version.older(), older, "{version}");
        }
    }
}
