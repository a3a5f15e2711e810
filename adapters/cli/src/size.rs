//! The option `--max-item-size` of `decode` and `export`.

use exportitems::Options;

/// The option `--max-item-size`.
#[derive(Debug, clap::Args)]
pub(crate) struct SizeOption {
    /// Fail an item whose payload is larger than this number of bytes. The suffixes k, M and G multiply it by
    /// 1024, 1024² and 1024³.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_item_size: Option<u64>,
}

impl SizeOption {
    pub(crate) fn limit(&self, options: Options) -> Options {
        match self.max_item_size {
            Some(bytes) => options.max_item_bytes(bytes),
            None => options,
        }
    }
}

/// Reads a number of bytes with an optional unit.
pub(crate) fn bytes(text: &str) -> Result<u64, &'static str> {
    const HELP: &str = "write a number of bytes above 0, such as 4096, 20k, 50M or 2G";
    let (number, unit) = match text.strip_suffix(['k', 'K', 'M', 'G']) {
        Some(number) if text.ends_with(['k', 'K']) => (number, 1 << 10),
        Some(number) if text.ends_with('M') => (number, 1 << 20),
        Some(number) => (number, 1 << 30),
        None => (text, 1),
    };
    // `u64` takes a sign.
    if !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(HELP);
    }
    let bytes = number
        .parse()
        .ok()
        .and_then(|number: u64| number.checked_mul(unit));
    bytes.filter(|&bytes| bytes > 0).ok_or(HELP)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("256"), Ok(256));
        assert_eq!(bytes("20k"), Ok(20_480));
        assert_eq!(bytes("50M"), Ok(50 << 20));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        for bad in ["", "0", "k", "1.5M", "+1", "-1", "10 k", "99999999999999G"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }
}
