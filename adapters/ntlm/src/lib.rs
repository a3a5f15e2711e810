//! An NTLMv2 client for HTTP without I/O and without an allocator: the three messages of [MS-NLMP], and
//! their header fields.
//!
//! On-premises Exchange offers `NTLM` and `Negotiate`, with Extended Protection.
//! A login there needs an NTLMv2 response, a MIC over all three messages, and the channel binding to
//! the server's certificate.
//!
//! ```text
//! NEGOTIATE ─────────────────────────► server     401, NTLM
//! Challenge::read ◄─────────────────── server     401, NTLM <challenge>
//! Authenticate::new, write ──────────► server     200: the connection is logged in
//! ```
//!
//! - **No I/O.**
//!   The crate reads no clock and generates no random numbers: the caller provides the nonce
//!   ([`Login::nonce`]), and the server the time ([`Challenge::timestamp`]).
//!   Messages are written to the caller's buffers, and their lengths are known before
//!   ([`Authenticate::len`], [`header_len`]).
//! - **Secrets.**
//!   A password is hashed without a copy ([`NtHash::from_password`]), the hash and the keys that are
//!   derived from it are overwritten with zeros when they are dropped, and `Debug` prints none of them.
//!   Safe Rust cannot overwrite copies that the compiler makes on the stack.
//! - **Refused.**
//!   Servers that support only NTLMv1, and malformed challenges: [`ChallengeError`].
//! - **Not included.**
//!   Signing, sealing and key exchange, which HTTP does not use; SPNEGO and Kerberos; the hash of a
//!   certificate, which [`ChannelBinding::tls_server_end_point`] takes.
//! - **No reachable panic**, including the hash functions: `scripts/check-panic-free` proves it at link
//!   time.
//!
//! # One handshake
//!
//! NTLM authenticates a connection: all three messages go over the same one, and only the request
//! with the last message needs a body.
//!
//! ```
//! use exportitems_ntlm::{
//!     header_len, read_token, write_header, Authenticate, Challenge, ChannelBinding, Login, NtHash,
//!     Offers, Scheme, User, NEGOTIATE,
//! };
//!
//! let user = User::parse(r"CONTOSO\alice")?;
//! let hash = NtHash::from_password("correct horse");
//! let mut header = [0; 1024];
//!
//! // The first request, with an empty body.
//! let authorization = write_header(Scheme::Ntlm, &NEGOTIATE, &mut header)?;
//! assert_eq!(authorization, "NTLM TlRMTVNTUAABAAAABYIIogAAAAAAAAAAAAAAAAAAAAAAAQAAAAAADw==");
//!
//! // The server answers 401 with its challenge.
//! let www_authenticate = b"NTLM TlRMTVNTUAACAAAABgAGADgAAAAFgokiASNFZ4mrze8AAAAAAAAAACoAKgA+AAAACgB8Tw\
//!     AAAA9DAE8ATgACAAYAQwBPAE4AAQAMAE0AQQBJAEwAMAAxAAcACAAAgOaJxGDcAQAAAAA=";
//! let mut token = [0; 512];
//! let offer = Offers::new(www_authenticate).find(|offer| offer.is(Scheme::Ntlm));
//! let challenge = offer.and_then(|offer| offer.token).ok_or("NTLM is not offered")?;
//! let challenge = Challenge::read(read_token(challenge, &mut token)?)?;
//!
//! // The answer, bound to the server's certificate.
//! let certificate_sha256 = [0x5a; 32];
//! let login = Login {
//!     user,
//!     hash: &hash,
//!     host: "mail.contoso.com",
//!     binding: Some(ChannelBinding::tls_server_end_point(&certificate_sha256)),
//!     nonce: *b"8 random", // from the system's generator
//! };
//! let answer = Authenticate::new(&challenge, &login)?;
//! let mut message = [0; 512];
//! let message = answer.write(&mut message)?;
//! assert_eq!(message.len(), answer.len());
//!
//! // The second request, with the body.
//! let authorization = write_header(Scheme::Ntlm, message, &mut header)?;
//! assert_eq!(authorization.len(), header_len(Scheme::Ntlm, answer.len()));
//! assert!(authorization.starts_with("NTLM TlRMTVNTUAADAAAA"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [MS-NLMP]: https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/
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
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(test)]
extern crate std;

mod authenticate;
mod binding;
mod challenge;
mod error;
mod hash;
mod header;
mod md4;
mod negotiate;
mod offers;
mod pairs;
mod user;

pub use authenticate::{Authenticate, Login};
pub use binding::ChannelBinding;
pub use challenge::Challenge;
pub use error::{
    BufferTooSmall, ChallengeError, ChallengeField, LoginError, TokenError, UserError,
};
pub use hash::NtHash;
pub use header::{header_len, read_token, token_len, write_header, Scheme};
pub use negotiate::NEGOTIATE;
pub use offers::{Offer, Offers};
pub use pairs::{AvPair, AvPairs};
pub use user::User;
