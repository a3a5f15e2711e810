//! The first message, and the flags that both sides exchange.

/// Bits of `NegotiateFlags` (MS-NLMP 2.2.2.5) that this client knows.
pub(crate) mod flags {
    pub(crate) const UNICODE: u32 = 0x0000_0001;
    pub(crate) const REQUEST_TARGET: u32 = 0x0000_0004;
    pub(crate) const NTLM: u32 = 0x0000_0200;
    pub(crate) const ALWAYS_SIGN: u32 = 0x0000_8000;
    pub(crate) const EXTENDED_SESSION_SECURITY: u32 = 0x0008_0000;
    pub(crate) const TARGET_INFO: u32 = 0x0080_0000;
    pub(crate) const VERSION: u32 = 0x0200_0000;
    pub(crate) const KEY_128: u32 = 0x2000_0000;
    pub(crate) const KEY_56: u32 = 0x8000_0000;

    /// The flags that this client requests.
    ///
    /// Neither `SIGN`, `SEAL` nor `KEY_EXCH`: HTTP signs and seals nothing by NTLM, and without a
    /// key exchange the session key is the one that the MIC is made with, so RC4 is not needed.
    pub(crate) const REQUESTED: u32 = KEY_56
        | KEY_128
        | VERSION
        | EXTENDED_SESSION_SECURITY
        | ALWAYS_SIGN
        | NTLM
        | REQUEST_TARGET
        | UNICODE;
}

/// `NTLMSSP` and a NUL, at the start of every message.
pub(crate) const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// `VERSION` (MS-NLMP 2.2.2.10): 0.1, build 0, and the revision of NTLMSSP in use, 15.
///
/// Servers only log it.
pub(crate) const VERSION: [u8; 8] = [0, 1, 0, 0, 0, 0, 0, 15];

/// The NEGOTIATE message (MS-NLMP 2.2.1.1), the first of the handshake.
///
/// It is the same for every server: it names neither a domain nor a workstation.
pub const NEGOTIATE: [u8; 40] = *b"NTLMSSP\0\x01\0\0\0\
    \x05\x82\x08\xa2\
    \0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\
    \0\x01\0\0\0\0\0\x0f";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_flags_and_the_version() {
        assert_eq!(NEGOTIATE[..8], SIGNATURE);
        assert_eq!(NEGOTIATE[12..16], flags::REQUESTED.to_le_bytes());
        assert_eq!(NEGOTIATE[32..], VERSION);
    }
}
