//! Pages: whether they ask to sign in, and the line that an error quotes.

/// The largest number of characters of the quoted line.
const LINE_LIMIT: usize = 200;

/// Parts of the addresses of login pages: those of OWA, AD FS, Microsoft and gateways.
const SIGN_IN: [&str; 12] = [
    "auth.owa",
    "logon",
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "/adfs/",
    "saml",
    "oauth2/authorize",
    "cookieauth.dll",
    "/my.policy",
    "/vpn/",
];

/// Returns whether an address is one of a login page. It is in lower case.
pub(super) fn is_sign_in(address: &str) -> bool {
    SIGN_IN.iter().any(|mark| address.contains(mark))
}

/// Returns whether a page contains a password field, or refers to a login page.
pub(super) fn asks_to_sign_in(page: &[u8]) -> bool {
    let page = String::from_utf8_lossy(page).to_ascii_lowercase();
    let asks_for_password = page.split("<input").skip(1).any(|input| {
        input
            .split('>')
            .next()
            .unwrap_or_default()
            .contains("password")
    });
    let titles = ["sign in", "log in", "log on"];
    asks_for_password || is_sign_in(&page) || titles.iter().any(|title| page.contains(title))
}

/// Returns whether a body can be quoted. In compressed data, half of the bytes are not text. In pages of European
/// languages, far fewer are, in any encoding.
pub(super) fn is_text(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    let (mut all, mut strange) = (0_usize, 0_usize);
    for c in body.chars() {
        all += 1;
        strange +=
            usize::from(c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace());
    }
    strange * 4 <= all
}

/// Returns the first text of a page or of plain text, without tags, scripts and styles.
pub(super) fn first_line(body: &[u8]) -> Option<String> {
    let body = String::from_utf8_lossy(body);
    let mut hidden = false;
    body.split('<')
        .enumerate()
        // In each piece except the first, the text follows the tag.
        .filter_map(|(index, piece)| match index {
            0 => Some(piece),
            _ => {
                let (tag, text) = piece.split_once('>')?;
                let tag = tag.to_ascii_lowercase();
                if ["script", "style"].iter().any(|name| tag.starts_with(name)) {
                    hidden = true;
                } else if ["/script", "/style"]
                    .iter()
                    .any(|name| tag.starts_with(name))
                {
                    hidden = false;
                }
                (!hidden).then_some(text)
            }
        })
        .flat_map(|text| text.split(['\r', '\n']))
        .map(|line| {
            let words: Vec<_> = line
                .trim_start_matches('\u{feff}')
                .split(|c: char| c.is_whitespace() || c.is_control())
                .filter(|word| !word.is_empty())
                .collect();
            words.join(" ").chars().take(LINE_LIMIT).collect::<String>()
        })
        .find(|line| !line.is_empty())
        .filter(|line| is_text(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_it() {
        for (body, expected) in [
            (
                "<!DOCTYPE html>\r\n<html>\n <head><title>Runtime\tError</title><style>a {}</style>",
                Some("Runtime Error"),
            ),
            ("\u{feff}Service\x07 Unavailable\nmore", Some("Service Unavailable")),
            (
                "<html><script>top.location = '/owa/';</script><body>440: sign in",
                Some("440: sign in"),
            ),
            ("<html", None),
            ("  \r\n", None),
            ("", None),
        ] {
            assert_eq!(first_line(body.as_bytes()).as_deref(), expected, "{body}");
        }
        assert_eq!(first_line(&[b'x'; 4096]).unwrap().len(), LINE_LIMIT);
    }

    #[test]
    fn only_text_is_quoted() {
        assert!(is_text(b"<p>Zugriff verweigert f\xFCr diesen Benutzer</p>"));
        assert!(is_text("\u{feff}\u{417}\u{430}\u{43f}".as_bytes()));
        assert!(is_text(b""));
        assert!(!is_text(b"\x1F\x8B\x08\0\0\0\0\0\0\xFF\xED}"));
        assert!(!is_text(b"<\0h\0t\0m\0l\0>\0"));
        // Brotli has no signature.
        assert!(!is_text(
            b"\x1B\x16\x02\xF8\x8D\x94\x6E\xDE\x21\x85\x6D\xC4\x08\x51\x83\x2A"
        ));
    }

    #[test]
    fn pages_that_ask_to_sign_in() {
        for page in [
            "<html><title>Outlook</title><form action='/owa/auth.owa'>",
            "<html><input name=p type=\"Password\">",
            "<html><script>window.location='https://login.example.com/'</script>",
            "<html><title>Sign in</title>",
        ] {
            assert!(asks_to_sign_in(page.as_bytes()), "{page}");
        }
        assert!(!asks_to_sign_in(
            b"<html><title>Runtime Error</title><input type=text>"
        ));
    }
}
