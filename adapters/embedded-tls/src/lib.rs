//! Opens connections of [`embedded_tls`] whose server is verified against one pinned certificate authority, and returns
//! the hash for a channel binding; `no_std`, no allocator, no `unsafe`.
//!
//! `embedded-tls` is a TLS 1.3 client for microcontrollers. By itself, it completes a handshake in which the server has
//! sent no certificate, it takes any certificate in a chain for an authority, and malformed keys make it panic. This crate
//! wraps its verifier with the checks that are missing:
//!
//! - The server has sent one chain of certificates, and proven that it has the key of the first.
//! - Every certificate but the first is an authority (`basicConstraints`, `keyUsage`, the length of the path).
//! - The first is for servers (`extKeyUsage`), and none has a critical extension that is not understood.
//! - Keys have the form of their algorithm, before `embedded-tls` unwraps them.
//! - The time is within the validity, if the caller has a clock.
//! - Records that make `embedded-tls` panic are refused, by [`Guard`].
//!
//! `embedded-tls` itself verifies the signatures and the host name, which must be a DNS name.
//!
//! ```no_run
//! # fn run<S: embedded_io::Read + embedded_io::Write>(
//! #     socket: S,
//! #     mut rng: impl embedded_tls::CryptoRngCore,
//! #     ca: &[u8],
//! #     now: u64,
//! # ) -> Result<(), exportitems_embedded_tls::Error> {
//! use embedded_tls::blocking::TlsConnection;
//! use exportitems_embedded_tls::{Guard, Verifier};
//!
//! // A server may send records of 16 KiB.
//! let (mut receive, mut send) = ([0; 16_640], [0; 2048]);
//! let mut tls = TlsConnection::new(Guard::new(socket), &mut receive, &mut send);
//! let mut verifier = Verifier::<4096>::new(ca, Some(now))?;
//! let end_point = verifier.open(&mut tls, "mail.contoso.com", &mut rng)?;
//! // For `ChannelBinding::tls_server_end_point` of exportitems-ntlm.
//! let hash: Option<&[u8]> = end_point.hash();
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! - `ed25519`, `p384`: certificates with these keys. P-256 is always supported.
//! - `rsa`: certificates with RSA keys. It needs an allocator. The crate `rsa` has the advisory
//!   [RUSTSEC-2023-0071](https://rustsec.org/advisories/RUSTSEC-2023-0071.html), a timing attack on private keys, for
//!   which there is no fixed version. A client that verifies signatures has no private RSA key.
//! - `defmt`: `defmt::Format` for the error types.
//!
//! # Panics
//! `embedded-tls` is not part of this project's panic check. What is known to make it panic is refused here, except one
//! case: a server that has proven its identity can send an encrypted handshake message where none may be. Use a panic
//! handler that resets the device.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice
)]

mod certificate;
mod end_point;
mod error;
mod guard;
mod verifier;

pub use end_point::EndPoint;
pub use error::{CertificateError, Error};
pub use guard::{Guard, GuardError};
pub use verifier::Verifier;
