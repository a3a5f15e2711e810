//! Why markup cannot be read any further.

/// What is wrong with the markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// Not UTF-8, by its first bytes.
    Encoding,
    /// A document type declaration.
    Dtd,
    /// A byte that cannot be at this place of a tag, attribute or reference.
    UnexpectedByte,
    /// A reference to an entity that is not predefined, or one that does not end.
    UnknownEntity,
    /// A name of more than [`MAX_NAME_LEN`](super::MAX_NAME_LEN) bytes.
    NameTooLong,
}
