//! One root function for each component.

use core::convert::Infallible;

use exportitems::policy::{Advice, Policy, Retry};
use exportitems::{
    Decoder, Discard, Encoder, Error, Event, ExportItems, Outcome, PayloadCheck, RequestError,
    Summary, Verdict,
};
use exportitems_embedded_io::{Client, Error as ClientError};
use exportitems_http1::{
    BodyDecoder, Error as HttpError, HeadDecoder, HeadEncoder, HeadEvent,
    RequestError as HeadError, RequestHead, ResponseHead,
};
use exportitems_ntlm::{
    read_token, write_header, Authenticate, Challenge, ChannelBinding, Login, NtHash, Offers,
    Scheme, User,
};

/// The request encoder: check, length and bytes.
#[no_mangle]
pub fn flash_encoder<'a>(
    request: &ExportItems<'a>,
    out: &mut [u8],
    keep: &mut Option<Encoder<'a>>,
) -> Result<usize, RequestError> {
    let encoder = keep.insert(request.encoder()?);
    Ok(encoder.write(out))
}

/// Both layers of the payload check.
#[no_mangle]
pub fn flash_payload_check(check: &mut PayloadCheck, bytes: &[u8]) -> Verdict {
    check.update(bytes);
    check.verdict()
}

/// XML, SOAP, base64 and the payload check, by pull.
#[no_mangle]
pub fn flash_decoder<'d>(
    decoder: &'d mut Decoder,
    input: Option<&mut &[u8]>,
) -> Result<Option<Event<'d>>, Error> {
    match input {
        Some(input) => decoder.next_event(input),
        None => decoder.finish(),
    }
}

/// Request head, response head and body.
#[no_mangle]
pub fn flash_http1<'i>(
    request: (&str, &str, &[&[(&str, &str)]], u64),
    out: &mut [u8],
    head: &mut HeadDecoder<'_>,
    body: &mut BodyDecoder,
    input: &mut &'i [u8],
    found: &mut Option<ResponseHead>,
) -> Result<Option<&'i [u8]>, Failure> {
    let (target, host, headers, length) = request;
    let mut encoder = HeadEncoder::new(
        RequestHead::new(target, host, headers, length).map_err(Failure::Request)?,
    );
    encoder.write(out);
    if let Some(HeadEvent::Head(head)) = head.next(input).map_err(Failure::Response)? {
        *body = BodyDecoder::new(found.insert(head));
    }
    head.finish().map_err(Failure::Response)?;
    let data = body.next(input).map_err(Failure::Response)?;
    body.finish().map_err(Failure::Response)?;
    Ok(data)
}

#[allow(dead_code)] // the fields are for the caller
pub enum Failure {
    Request(HeadError),
    Response(HttpError),
}

/// From the server's header and a password to the client's header.
#[no_mangle]
pub fn flash_ntlm<'o>(
    value: &[u8],
    user: (&str, &str, &str, &[u8], [u8; 8]),
    token: &mut [u8],
    message: &mut [u8],
    out: &'o mut [u8],
) -> Option<&'o str> {
    let offer = Offers::new(value).find(|offer| offer.is(Scheme::Ntlm))?;
    let challenge = Challenge::read(read_token(offer.token?, token).ok()?).ok()?;
    let (user, password, host, certificate_hash, nonce) = user;
    let login = Login {
        user: User::parse(user).ok()?,
        hash: &NtHash::from_password(password),
        host,
        binding: Some(ChannelBinding::tls_server_end_point(certificate_hash)),
        nonce,
    };
    let answer = Authenticate::new(&challenge, &login).ok()?;
    write_header(Scheme::Ntlm, answer.write(message).ok()?, out).ok()
}

/// The advice on an outcome, and the wait before the next request.
#[no_mangle]
pub fn flash_policy(
    policy: &Policy,
    outcome: &Outcome,
    retry: &mut Retry,
    now: u64,
    random: u32,
) -> Option<u32> {
    policy.next(retry, Advice::of_outcome(outcome), now, random)
}

/// A transport whose functions are known only at run time.
pub struct Stream {
    read: fn(&mut [u8]) -> usize,
    write: fn(&[u8]) -> usize,
}

impl embedded_io::ErrorType for Stream {
    type Error = Infallible;
}

impl embedded_io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok((self.read)(buffer))
    }
}

impl embedded_io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        Ok((self.write)(bytes))
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The blocking client: request, framing, decoder with the payload check, and the policy.
#[no_mangle]
pub fn flash_client(
    client: &mut Client<'_, Stream>,
    request: &ExportItems<'_>,
    decoder: &mut Decoder,
    policy: (&Policy, &Outcome, &mut Retry, u64, u32),
) -> (Result<Summary, ClientError<Infallible>>, Option<u32>) {
    let (policy, outcome, retry, now, random) = policy;
    let exported = client.export(request, decoder, &mut Discard);
    (exported, flash_policy(policy, outcome, retry, now, random))
}
