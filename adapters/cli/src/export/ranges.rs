//! Formats positions as ranges.

use core::fmt::Write as _;

/// The largest number of ranges in a line.
const MOST_NAMED: usize = 10;

/// Returns `item 3`, `items 0-19, 25`, or `items 1, 3, 5 and 7 more`. `positions` must be in ascending order.
pub(super) fn ranges(positions: &[usize]) -> String {
    let ranges: Vec<&[usize]> = positions.chunk_by(|a, b| a + 1 == *b).collect();
    let mut text = match positions.len() {
        1 => "item ".to_owned(),
        _ => "items ".to_owned(),
    };
    for (at, range) in ranges.iter().take(MOST_NAMED).enumerate() {
        let between = if at == 0 { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match range {
            [first, .., last] => write!(text, "{between}{first}-{last}"),
            _ => write!(text, "{between}{}", range[0]),
        };
    }
    let more: usize = ranges
        .iter()
        .skip(MOST_NAMED)
        .map(|range| range.len())
        .sum();
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn positions_are_joined() {
        assert_eq!(ranges(&[3]), "item 3");
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "items 0-2, 5, 7-8");
        let odd: Vec<_> = (0..30).map(|n| 2 * n + 1).collect();
        assert_eq!(
            ranges(&odd),
            "items 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 20 more"
        );
    }
}
