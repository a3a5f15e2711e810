//! NTLM: the values of `Authorization` that log a connection in. Not part of the WebAssembly module: a browser has no
//! connections of its own.

use core::ffi::c_char;

use exportitems_ntlm::{
    read_token, write_header, Authenticate, BufferTooSmall, Challenge, ChannelBinding, Login,
    NtHash, Offers, User, NEGOTIATE,
};

use crate::codes::NtlmScheme;
use crate::memory::{answer, read, slice, slice_mut, text, write};
use crate::status::{Error, Failure, NtlmFailure, Status};
use crate::text::{Bytes, Text};

/// Who logs in, and to which server.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NtlmLogin {
    /// `DOMAIN\user`, `user@domain`, or a bare name.
    pub user: Text,
    /// The password. It is hashed where it is.
    pub password: Text,
    /// The server's host name, without a port.
    pub host: Text,
    /// The hash of the server's certificate in DER, by the hash function of the certificate's signature; SHA-256 if that
    /// is MD5 or SHA-1. Without TLS `len` is 0. Servers with Extended Protection require it, and accept no wrong one.
    pub certificate_hash: Bytes,
    /// Eight random bytes, new for every login, from a generator that cannot be predicted.
    pub nonce: [u8; 8],
}

/// Stores the value of the header `Authorization` with the first message in `len` bytes of `out`, and its length in
/// `written`. 80 bytes are enough. `scheme` is an `exportitems_ntlm_scheme`.
///
/// Send it in a request without a body. The response has status 401 and a challenge in `WWW-Authenticate`; read it to its
/// end, and pass the challenge to `exportitems_ntlm_authenticate`. All requests use one connection.
///
/// # Safety
/// `out` is valid for writes of `len` bytes, and initialised; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_ntlm_negotiate(
    scheme: u32,
    out: *mut c_char,
    len: usize,
    written: *mut usize,
    error: *mut Error,
) -> Status {
    let store = || -> Result<Status, Failure> {
        let scheme = NtlmScheme::theirs(scheme).ok_or(Status::InvalidValue)?;
        // SAFETY: `out` is writable for `len` initialised bytes, which nothing else uses.
        let out = unsafe { slice_mut(out.cast::<u8>(), len) }?;
        let value = write_header(scheme, &NEGOTIATE, out).map_err(NtlmFailure::Buffer)?;
        // SAFETY: `written` is null or writable.
        unsafe { write(written, value.len()) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(store(), error) }
}

/// Answers the challenge in the value of a header `WWW-Authenticate`.
///
/// Returns `EXPORTITEMS_STATUS_EVENT` if the value has a challenge of this scheme, and stores the value of the header
/// `Authorization` with the last message in `len` bytes of `out`, and its length in `written`. 1024 bytes are enough for
/// Exchange. Returns `EXPORTITEMS_STATUS_OK` if it has none: a response can have more than one such header.
///
/// Send it with the next request and its body, over the same connection. Further requests over this connection need no
/// credentials. If the server answers 401, it refuses the login; do not try again, because servers lock accounts.
///
/// `scratch` holds the challenge and the message; 2048 bytes are enough for Exchange. It contains no password, but a value
/// that is derived from it.
///
/// # Safety
/// `scratch` is valid for writes of `scratch_len` bytes and `out` of `len` bytes, both initialised, and they do not
/// overlap; `www_authenticate` and what `login` points to are valid; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_ntlm_authenticate(
    login: *const NtlmLogin,
    scheme: u32,
    www_authenticate: Bytes,
    scratch: *mut u8,
    scratch_len: usize,
    out: *mut c_char,
    len: usize,
    written: *mut usize,
    error: *mut Error,
) -> Status {
    let store = || -> Result<Status, Failure> {
        let scheme = NtlmScheme::theirs(scheme).ok_or(Status::InvalidValue)?;
        // SAFETY: `login` is null or points to an initialised value.
        let login = unsafe { read(login) }?;
        // SAFETY: the bytes `www_authenticate` are readable during this call.
        let offers = unsafe { slice(www_authenticate.ptr, www_authenticate.len) }?;
        // SAFETY: `scratch` is writable for `scratch_len` initialised bytes, which nothing else uses.
        let scratch = unsafe { slice_mut(scratch, scratch_len) }?;
        // SAFETY: `out` is writable for `len` initialised bytes, which nothing else uses.
        let out = unsafe { slice_mut(out.cast::<u8>(), len) }?;
        // SAFETY: the text `login.user` is readable during this call.
        let user = unsafe { text(login.user) }?.unwrap_or_default();
        // SAFETY: the text `login.password` is readable during this call.
        let password = unsafe { text(login.password) }?.unwrap_or_default();
        // SAFETY: the text `login.host` is readable during this call.
        let host = unsafe { text(login.host) }?.unwrap_or_default();
        let hash = login.certificate_hash;
        // SAFETY: the bytes `login.certificate_hash` are readable during this call.
        let certificate_hash = unsafe { slice(hash.ptr, hash.len) }?;

        let mut offers = Offers::new(offers).filter(|offer| offer.is(scheme));
        let Some(token) = offers.find_map(|offer| offer.token) else {
            return Ok(Status::Ok);
        };
        let challenge_len = read_token(token, scratch)
            .map_err(NtlmFailure::Token)?
            .len();
        let (challenge, message) = scratch
            .split_at_mut_checked(challenge_len)
            .ok_or(Status::MemoryTooSmall)?;
        let challenge = Challenge::read(challenge).map_err(NtlmFailure::Challenge)?;
        let login = Login {
            user: User::parse(user).map_err(NtlmFailure::User)?,
            hash: &NtHash::from_password(password),
            host,
            binding: (!certificate_hash.is_empty())
                .then(|| ChannelBinding::tls_server_end_point(certificate_hash)),
            nonce: login.nonce,
        };
        let answer = Authenticate::new(&challenge, &login).map_err(NtlmFailure::Login)?;
        let message = answer.write(message).map_err(|error| {
            NtlmFailure::Buffer(BufferTooSmall {
                needed: error.needed.saturating_add(challenge_len),
            })
        })?;
        let value = write_header(scheme, message, out).map_err(NtlmFailure::Buffer)?;
        // SAFETY: `written` is null or writable.
        unsafe { write(written, value.len()) }?;
        Ok(Status::Event)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(store(), error) }
}
