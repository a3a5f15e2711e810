//! The channel binding of a login to a TLS connection.

use core::fmt;

use md5::{Digest as _, Md5};

use crate::hash::finish;

/// The value of `MsvAvChannelBindings`: the MD5 of a `gss_channel_bindings_struct`.
///
/// A server with Extended Protection compares it with that of its own certificate. If a man in the
/// middle forwards a login, the login has the binding of another certificate, and fails.
/// The binding must be right or absent, because no server accepts a wrong one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelBinding([u8; 16]);

impl ChannelBinding {
    /// Makes a binding to the server's certificate, `tls-server-end-point` (RFC 5929 §4).
    ///
    /// `certificate_hash` is the hash of the whole certificate in DER, by the hash function of the
    /// certificate's signature, or by SHA-256 if that is MD5 or SHA-1.
    #[must_use]
    pub fn tls_server_end_point(certificate_hash: &[u8]) -> Self {
        const PREFIX: &[u8] = b"tls-server-end-point:";
        // A hash has 64 bytes at most.
        let len = PREFIX.len().saturating_add(certificate_hash.len());
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let mut md5 = Md5::new();
        md5.update([0; 16]); // types and lengths of the initiator's and the acceptor's address
        md5.update(len.to_le_bytes());
        md5.update(PREFIX);
        md5.update(certificate_hash);
        let mut binding = Self([0; 16]);
        finish(md5, &mut binding.0);
        binding
    }

    /// Makes a binding from its MD5.
    ///
    /// Sixteen zero bytes mean that the client supports bindings but has none (MS-NLMP 3.1.5.1.2).
    /// To leave the binding out, use `None` in [`Login::binding`](crate::Login::binding).
    #[must_use]
    pub const fn from_bytes(md5: [u8; 16]) -> Self {
        Self(md5)
    }

    /// Returns the sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelBinding(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}
