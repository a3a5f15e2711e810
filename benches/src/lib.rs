//! What the benchmarks of `exportitems` share: responses to decode, our decoder, its peers, and a clock.
#![forbid(unsafe_code)]

pub mod clock;
pub mod corpus;
pub mod ours;
pub mod peers;

/// Bytes of response that are fed at a time, unless a benchmark says otherwise: what a TLS record holds.
pub const FEED: usize = 16 << 10;

/// The base64 engine that this build of `exportitems` has.
pub const ENGINE: &str = if cfg!(feature = "simd") {
    "SIMD"
} else {
    "scalar"
};
