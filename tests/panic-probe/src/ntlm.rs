//! The entry points of `exportitems-ntlm`, the hashes beneath them included.

use exportitems_ntlm::{
    header_len, read_token, token_len, write_header, Authenticate, AvPair, AvPairs, BufferTooSmall,
    Challenge, ChallengeError, ChannelBinding, Login, LoginError, NtHash, Offer, Offers, Scheme,
    TokenError, User, UserError,
};

#[no_mangle]
pub fn probe_ntlm_challenge_read(message: &[u8]) -> Result<Challenge<'_>, ChallengeError> {
    Challenge::read(message)
}

#[no_mangle]
pub fn probe_ntlm_challenge_pairs<'a>(challenge: &Challenge<'a>) -> AvPairs<'a> {
    challenge.pairs()
}

#[no_mangle]
pub fn probe_ntlm_pairs_next<'a>(pairs: &mut AvPairs<'a>) -> Option<AvPair<'a>> {
    pairs.next()
}

#[no_mangle]
pub fn probe_ntlm_user_parse(text: &str) -> Result<User<'_>, UserError> {
    User::parse(text)
}

#[no_mangle]
pub fn probe_ntlm_hash_from_password(password: &str) -> NtHash {
    NtHash::from_password(password)
}

#[no_mangle]
pub fn probe_ntlm_hash_drop(hash: NtHash) {
    drop(hash);
}

#[no_mangle]
pub fn probe_ntlm_binding(certificate_hash: &[u8]) -> ChannelBinding {
    ChannelBinding::tls_server_end_point(certificate_hash)
}

#[no_mangle]
pub fn probe_ntlm_authenticate_new<'a>(
    challenge: &Challenge<'a>,
    login: &Login<'a>,
) -> Result<Authenticate<'a>, LoginError> {
    Authenticate::new(challenge, login)
}

#[no_mangle]
pub fn probe_ntlm_authenticate_len(authenticate: &Authenticate<'_>) -> usize {
    authenticate.len()
}

#[no_mangle]
pub fn probe_ntlm_authenticate_write<'o>(
    authenticate: &Authenticate<'_>,
    out: &'o mut [u8],
) -> Result<&'o [u8], BufferTooSmall> {
    authenticate.write(out)
}

#[no_mangle]
pub fn probe_ntlm_header_len(scheme: Scheme, len: usize) -> usize {
    header_len(scheme, len)
}

#[no_mangle]
pub fn probe_ntlm_write_header<'o>(
    scheme: Scheme,
    token: &[u8],
    out: &'o mut [u8],
) -> Result<&'o str, BufferTooSmall> {
    write_header(scheme, token, out)
}

#[no_mangle]
pub fn probe_ntlm_token_len(base64: &str) -> usize {
    token_len(base64)
}

#[no_mangle]
pub fn probe_ntlm_read_token<'o>(
    base64: &str,
    out: &'o mut [u8],
) -> Result<&'o [u8], TokenError> {
    read_token(base64, out)
}

#[no_mangle]
pub fn probe_ntlm_offers_next<'a>(offers: &mut Offers<'a>) -> Option<Offer<'a>> {
    offers.next()
}

#[no_mangle]
pub fn probe_ntlm_offer_is(offer: &Offer<'_>, scheme: Scheme) -> bool {
    offer.is(scheme)
}

#[no_mangle]
pub fn probe_ntlm_challenge_error_display(error: &ChallengeError) -> u8 {
    crate::last_byte(error)
}

#[no_mangle]
pub fn probe_ntlm_user_error_display(error: &UserError) -> u8 {
    crate::last_byte(error)
}

#[no_mangle]
pub fn probe_ntlm_login_error_display(error: &LoginError) -> u8 {
    crate::last_byte(error)
}

#[no_mangle]
pub fn probe_ntlm_buffer_too_small_display(error: &BufferTooSmall) -> u8 {
    crate::last_byte(error)
}

#[no_mangle]
pub fn probe_ntlm_token_error_display(error: &TokenError) -> u8 {
    crate::last_byte(error)
}
