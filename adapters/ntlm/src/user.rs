//! The name of the user who logs in.

use crate::error::UserError;

/// The name of a user and its domain.
///
/// ```
/// use exportitems_ntlm::User;
///
/// let user = User::parse(r"CONTOSO\alice")?;
/// assert_eq!((user.domain(), user.name()), ("CONTOSO", "alice"));
///
/// // A user principal name is sent unchanged, with an empty domain.
/// let user = User::parse("bob@contoso.com")?;
/// assert_eq!((user.domain(), user.name()), ("", "bob@contoso.com"));
/// # Ok::<(), exportitems_ntlm::UserError>(())
/// ```
///
/// The server ignores the case of names, and the response is computed from the name in upper case.
/// Each character is mapped by [`char::to_uppercase`] if that returns one character. A character whose
/// upper case has several characters, such as `ß`, is not changed.
/// Windows uses its own table, which agrees for ASCII and the accented letters of Western Europe.
/// Systems differ for `ß` (unchanged here, `SS` with the full mapping), for `ı` (`I` here and in
/// Unicode, unchanged in tables of pairs), and for letters that are newer than their tables.
/// If a login with such a name fails although the password is right, use the other form of the name:
/// `DOMAIN\user` instead of `user@domain`, or the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct User<'a> {
    domain: &'a str,
    name: &'a str,
}

impl<'a> User<'a> {
    /// Parses `DOMAIN\user`, a user principal name (`user@domain`), or `user` alone.
    ///
    /// Without a backslash, the whole text is the name and the domain is empty.
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

    /// Returns the domain, or an empty text if there is none.
    #[must_use]
    pub const fn domain(&self) -> &'a str {
        self.domain
    }

    /// Returns the name of the user. A user principal name includes `@domain`.
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
