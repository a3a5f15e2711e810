//! The schemes of `WWW-Authenticate`.

/// Names of the schemes in one field of challenges (RFC 9110 §11.6.1), in their order.
///
/// A field may hold several challenges, and challenges have parameters with commas of their own: an element
/// of the list begins a challenge unless it is a parameter, `name=value`.
pub(super) fn schemes(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(value).filter_map(|element| {
        let end = element
            .iter()
            .position(|&byte| matches!(byte, b' ' | b'\t' | b'='));
        let (scheme, rest) = element.split_at(end.unwrap_or(element.len()));
        let is_parameter = rest.trim_ascii_start().starts_with(b"=");
        let is_token = scheme
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'"');
        (!scheme.is_empty() && !is_parameter && is_token).then_some(scheme)
    })
}

/// The elements of a list, apart from those commas that are in quoted strings.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_of_challenges() {
        for (value, expected) in [
            ("Basic realm=\"mail, \\\"and\\\" more\"", &["Basic"][..]),
            ("Negotiate, NTLM", &["Negotiate", "NTLM"]),
            ("Negotiate oYG2MIGzoAMKAQ==", &["Negotiate"]),
            (
                "Bearer client_id=\"0, 1\", trusted_issuers = \"x\",error=\"invalid_token\" , Basic realm=\"x\"",
                &["Bearer", "Basic"],
            ),
            (",, NTLM ,", &["NTLM"]),
            ("", &[]),
        ] {
            let found: Vec<_> = schemes(value.as_bytes()).collect();
            let expected: Vec<_> = expected.iter().map(|scheme| scheme.as_bytes()).collect();
            assert_eq!(found, expected, "{value}");
        }
    }
}
