//! Who logs in.

use crate::error::UserError;

/// The name of a user, and the domain it is looked up in.
///
/// ```
/// use exportitems_ntlm::User;
///
/// let user = User::parse(r"CONTOSO\alice")?;
/// assert_eq!((user.domain(), user.name()), ("CONTOSO", "alice"));
///
/// // A user principal name is sent whole, with an empty domain.
/// let user = User::parse("bob@contoso.com")?;
/// assert_eq!((user.domain(), user.name()), ("", "bob@contoso.com"));
/// # Ok::<(), exportitems_ntlm::UserError>(())
/// ```
///
/// The server compares names without regard to case, and the response is made of the name in upper
/// case: each character by its simple mapping of Unicode, as [`char::to_uppercase`] gives it where
/// it gives one character.
/// A character whose upper case is several, such as `ß`, stays as it is.
/// Windows has a table of its own, which agrees for ASCII and for the accented letters of Western
/// Europe.
/// Systems differ on `ß` (kept here; `SS` where the full mapping is used), on `ı` (`I` here and by
/// Unicode; kept by tables that know only pairs of letters), and on letters that are newer than
/// their tables.
/// Where a login with such a name fails though the password is right, use the other form of the
/// name: `DOMAIN\user` instead of `user@domain`, or the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User<'a> {
    domain: &'a str,
    name: &'a str,
}

impl<'a> User<'a> {
    /// Reads `DOMAIN\user`, a user principal name (`user@domain`), or a bare `user`.
    ///
    /// Without a backslash the whole text is the name, and the domain is empty.
    ///
    /// # Errors
    /// The name is empty, or there is more than one backslash.
    pub fn parse(text: &'a str) -> Result<Self, UserError> {
        let (domain, name) = text.split_once('\\').unwrap_or(("", text));
        if name.contains('\\') {
            return Err(UserError::TwoBackslashes);
        }
        if name.is_empty() {
            return Err(UserError::Empty);
        }
        Ok(Self { domain, name })
    }

    /// Returns the domain; empty if there is none.
    #[must_use]
    pub const fn domain(&self) -> &'a str {
        self.domain
    }

    /// Returns the name of the user, with `@domain` if that is how it was given.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_name() {
        for (text, expected) in [
            (r"CONTOSO\alice", Ok(("CONTOSO", "alice"))),
            (r"\alice", Ok(("", "alice"))),
            (r".\alice", Ok((".", "alice"))),
            ("alice", Ok(("", "alice"))),
            ("alice@contoso.com", Ok(("", "alice@contoso.com"))),
            (r"contoso.com\a@b", Ok(("contoso.com", "a@b"))),
            ("", Err(UserError::Empty)),
            (r"\", Err(UserError::Empty)),
            (r"CONTOSO\", Err(UserError::Empty)),
            (r"A\B\c", Err(UserError::TwoBackslashes)),
            (r"A\\c", Err(UserError::TwoBackslashes)),
        ] {
            let user = User::parse(text).map(|user| (user.domain(), user.name()));
            assert_eq!(user, expected, "{text}");
        }
    }
}
