//! The truncation marker.

/// A search for `=== Truncated Data ===`, one byte at a time.
///
/// Exchange writes it when it gives up on a response, and documents it in
/// [How to export items by using EWS](https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-export-items-by-using-ews-in-exchange).
/// Its place is not documented, so it is searched for inside `Data` and where text does not belong.
///
/// White space is not compared: a wrapped or indented marker is a marker. Nor is the number of leading
/// equals signs beyond three: inside `Data`, base64 padding may precede it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marker {
    matched: u8,
}

const TEXT: &[u8] = b"===TruncatedData===";
const EQUALS: u8 = 3;

impl Marker {
    pub(crate) const fn new() -> Self {
        Self { matched: 0 }
    }

    /// Takes one byte that is not white space; `false` if it cannot be part of a marker.
    pub(crate) fn push(&mut self, byte: u8) -> bool {
        if byte == b'=' && (self.matched == EQUALS || self.is_complete()) {
            return true;
        }
        let expected = TEXT.get(usize::from(self.matched)).copied();
        if expected == Some(byte) {
            self.matched = self.matched.wrapping_add(1);
            return true;
        }
        false
    }

    /// Takes one byte that is not white space from a text in which a marker may begin anywhere.
    pub(crate) fn search(&mut self, byte: u8) {
        if !self.is_complete() && !self.push(byte) {
            self.restart(byte);
        }
    }

    /// Begins again with a byte that [`push`](Self::push) did not take.
    pub(crate) fn restart(&mut self, byte: u8) {
        // Only an equals sign begins a marker.
        self.matched = u8::from(byte == b'=');
    }

    pub(crate) const fn is_complete(self) -> bool {
        self.matched as usize == TEXT.len()
    }

    /// How many characters of a marker have been seen; of its leading equals signs, at most three count.
    pub(crate) const fn len(self) -> u8 {
        self.matched
    }

    /// Whether anything of a marker has been seen.
    pub(crate) const fn has_begun(self) -> bool {
        self.matched > 0
    }
}

#[cfg(test)]
mod tests {
    use super::Marker;

    fn run(text: &str) -> (bool, bool) {
        let mut marker = Marker::new();
        let accepted = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .all(|byte| marker.push(byte));
        (accepted, marker.is_complete())
    }

    #[test]
    fn finds_the_marker_after_anything() {
        for before in ["", "x", "=", "==", "=== Trunc", "=== Truncated Data =="] {
            let mut marker = Marker::new();
            let text = [before, "x=== Truncated Data ===", "x"].concat();
            for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
                marker.search(byte);
            }
            assert!(marker.is_complete(), "{text}");
        }
    }

    /// The beginning of a marker that breaks off is no part of the next one.
    #[test]
    fn finds_a_marker_after_half_a_marker_and_no_half_as_a_whole() {
        let found = |text: &str| {
            let mut marker = Marker::new();
            for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
                marker.search(byte);
            }
            marker.is_complete()
        };
        assert!(found("=== Trunc=== Truncated Data ==="));
        assert!(!found("x== Truncated Data ==="));
        assert!(!found("=== Trunc== Truncated Data ==="));
        assert!(!found("=== TruncxTruncated Data ==="));
    }

    #[test]
    fn finds_the_marker_and_nothing_else() {
        assert_eq!(run("=== Truncated Data ==="), (true, true));
        assert_eq!(run("===== Truncated Data ==="), (true, true));
        assert_eq!(run("===\r\nTruncated\tData==="), (true, true));
        assert_eq!(run("=== Truncated Data ==="), (true, true));
        assert_eq!(run("=== Truncated Data ===="), (true, true));
        assert_eq!(run("=== Truncated Data ===x"), (false, true));
        assert_eq!(run("=== Truncated Data ===<"), (false, true));
        assert_eq!(run("=== Truncated Data =="), (true, false));
        assert_eq!(run("== Truncated Data ==="), (false, false));
        assert_eq!(run("=== truncated"), (false, false));
        assert_eq!(run(""), (true, false));
    }
}
