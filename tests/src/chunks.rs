//! Ways to cut a document into pieces.

use arbitrary::Arbitrary;

/// A partition of a document.
#[derive(Arbitrary, Clone, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// In one piece.
    Whole,
    /// Pieces of this size.
    Every(u8),
    /// Two pieces, cut there.
    At(u16),
    /// Pieces of these sizes, again and again; empty ones, too.
    Sizes(Vec<u8>),
    /// Pieces of random sizes, short and long.
    Random(u64),
}

impl Chunking {
    /// The pieces of a document.
    #[must_use]
    pub fn split<'d>(&self, document: &'d [u8]) -> Vec<&'d [u8]> {
        match self {
            Self::Whole => vec![document],
            Self::Every(n) => document.chunks(usize::from(*n).max(1)).collect(),
            Self::At(at) => {
                let (before, after) = document.split_at(usize::from(*at) % (document.len() + 1));
                vec![before, after]
            }
            Self::Sizes(sizes) if sizes.iter().any(|&size| size > 0) => {
                let sizes = sizes.iter().map(|&size| usize::from(size));
                take(document, sizes.cycle())
            }
            Self::Sizes(_) => vec![document],
            Self::Random(seed) => {
                let mut rng = fastrand::Rng::with_seed(*seed);
                take(
                    document,
                    std::iter::repeat_with(move || {
                        let longest = 1 << rng.u32(0..10);
                        rng.usize(0..=longest)
                    }),
                )
            }
        }
    }
}

fn take(mut document: &[u8], sizes: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    for size in sizes {
        if document.is_empty() {
            break;
        }
        let (piece, rest) = document.split_at(size.min(document.len()));
        pieces.push(piece);
        document = rest;
    }
    pieces
}
