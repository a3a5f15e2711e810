//! The error of an upload.

use core::fmt;

use crate::error::Error;

/// The whole upload failed. `E` is the error type of the transport, `D` that of the reader of the data.
///
/// A server does not recognise an item that it already has, so an upload must not simply be repeated.
/// It has stored nothing if nothing was sent, after [`Source`](Self::Source) and [`SourceEnded`](Self::SourceEnded), and
/// after a status below 500. After any other error it may have stored items without reporting them: look for them
/// before you send them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UploadError<E, D> {
    /// The request, the connection or the response failed.
    Client(Error<E>),
    /// The data could not be read. The request was not completed.
    Source(D),
    /// The data are shorter than [`UploadItem::data_len`](exportitems::UploadItem::data_len). The request was not
    /// completed.
    SourceEnded,
}

impl<E, D> From<Error<E>> for UploadError<E, D> {
    fn from(error: Error<E>) -> Self {
        Self::Client(error)
    }
}

impl<E: fmt::Display, D: fmt::Display> fmt::Display for UploadError<E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
            Self::SourceEnded => {
                f.write_str("the data of an item end early; set `data_len` to their length")
            }
        }
    }
}

impl<E, D> core::error::Error for UploadError<E, D>
where
    E: core::error::Error + 'static,
    D: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Client(error) => error.source(),
            Self::Source(error) => error.source(),
            Self::SourceEnded => None,
        }
    }
}
