//! The answer to a challenge of Windows, in statics so that the buffers take no stack.

use core::hint::black_box;

use exportitems_ntlm::{
    read_token, write_header, Authenticate, Challenge, ChannelBinding, Login, NtHash, Scheme, User,
};

const CHALLENGE: &str = "TlRMTVNTUAACAAAABgAGADgAAAAFgokiASNFZ4mrze8AAAAAAAAAACoAKgA+\
    AAAACgB8TwAAAA9DAE8ATgACAAYAQwBPAE4AAQAMAE0AQQBJAEwAMAAxAAcACAAAgOaJxGDcAQAAAAA=";

static mut TOKEN: [u8; 160] = [0; 160];
static mut MESSAGE: [u8; 512] = [0; 512];

/// Makes the value of the header from the base64 of the challenge and a password.
#[inline(never)]
pub fn answer(header: &mut [u8]) -> bool {
    // SAFETY: only this function refers to these statics, and its calls do not overlap.
    let (token, message) = unsafe { (&mut *(&raw mut TOKEN), &mut *(&raw mut MESSAGE)) };
    write(header, token, message).is_some()
}

fn write(header: &mut [u8], token: &mut [u8], message: &mut [u8]) -> Option<usize> {
    let challenge = Challenge::read(read_token(black_box(CHALLENGE), token).ok()?).ok()?;
    let login = Login {
        user: User::parse(black_box("CONTOSO\\alice")).ok()?,
        hash: &NtHash::from_password(black_box("correct horse")),
        host: black_box("mail.contoso.com"),
        binding: Some(ChannelBinding::tls_server_end_point(black_box(&[0x5a; 32]))),
        nonce: black_box(*b"8 random"),
    };
    let answer = Authenticate::new(&challenge, &login).ok()?;
    let message = answer.write(message).ok()?;
    Some(write_header(Scheme::Ntlm, message, header).ok()?.len())
}
