//! The client's answer to the challenge.

use crate::binding::ChannelBinding;
use crate::challenge::Challenge;
use crate::error::{BufferTooSmall, LoginError};
use crate::hash::{Key, NtHash};
use crate::negotiate::{flags, NEGOTIATE, SIGNATURE, VERSION};
use crate::pairs::{id, AvPair, MIC_PROVIDED};
use crate::user::User;

/// What the client brings to a handshake.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Who logs in.
    pub user: User<'a>,
    /// The hash of the user's password.
    pub hash: &'a NtHash,
    /// The server's host name as the caller has it, without a port; it is sent as
    /// `MsvAvTargetName`, `HTTP/host`.
    pub host: &'a str,
    /// The binding to the server's certificate; `None` over plain HTTP.
    pub binding: Option<ChannelBinding>,
    /// `ClientChallenge`: eight random bytes, new for every handshake, from a generator that
    /// cannot be predicted.
    pub nonce: [u8; 8],
}

/// The AUTHENTICATE message (MS-NLMP 2.2.1.3), the last of the handshake.
///
/// It has an NTLMv2 response, a MIC over all three messages, and in the target information
/// `MsvAvFlags`, `MsvAvTargetName` and, where there is a binding, `MsvAvChannelBindings`.
/// The time in it is the server's ([`Challenge::timestamp`]).
#[derive(Clone, Copy, Debug)]
pub struct Authenticate<'a> {
    challenge: Challenge<'a>,
    login: Login<'a>,
    layout: Layout,
}

/// Lengths in bytes.
///
/// INVARIANT: each is what `write` writes, and fits 16 bits.
#[derive(Clone, Copy, Debug)]
struct Layout {
    domain: u16,
    name: u16,
    target: u16,
    /// `NtChallengeResponse`.
    response: u16,
}

/// Length of the fixed part, MIC included.
const FIXED: u32 = 88;
/// Where the MIC is.
const MIC: usize = 72;
/// `LmChallengeResponse`: zeros, since the server sent its time (MS-NLMP 3.1.5.1.2).
const LM_RESPONSE: [u8; 24] = [0; 24];
/// `NTLMv2_CLIENT_CHALLENGE` up to its pairs.
const BLOB_HEAD: usize = 28;
/// The zeros after the pairs (MS-NLMP 3.3.2).
const BLOB_END: usize = 4;
const SERVICE: &str = "HTTP/";

impl<'a> Authenticate<'a> {
    /// Answers `challenge`.
    ///
    /// # Errors
    /// The host is empty, or a name does not fit a field of the message.
    pub fn new(challenge: &Challenge<'a>, login: &Login<'a>) -> Result<Self, LoginError> {
        if login.host.is_empty() {
            return Err(LoginError::HostEmpty);
        }
        let too_long = LoginError::NameTooLong;
        let target = utf16_len(SERVICE).saturating_add(utf16_len(login.host));
        let server_pairs = kept(challenge).fold(0_usize, |len, pair| {
            len.saturating_add(4).saturating_add(pair.value.len())
        });
        let binding = login.binding.map_or(0, |_| 4 + 16);
        // MsvAvFlags, MsvAvTargetName, MsvAvEOL
        let own_pairs = target.saturating_add(8 + 4 + 4).saturating_add(binding);
        let response = (16 + BLOB_HEAD + BLOB_END)
            .saturating_add(server_pairs)
            .saturating_add(own_pairs);
        Ok(Self {
            challenge: *challenge,
            login: *login,
            layout: Layout {
                domain: u16::try_from(utf16_len(login.user.domain())).map_err(|_| too_long)?,
                name: u16::try_from(utf16_len(login.user.name())).map_err(|_| too_long)?,
                target: u16::try_from(target).map_err(|_| too_long)?,
                response: u16::try_from(response).map_err(|_| LoginError::ResponseTooLong)?,
            },
        })
    }

    /// Returns the length of the message in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        let Offsets { end, .. } = self.layout.offsets();
        end as usize // below 2^18
    }

    /// Writes the message to the start of `out`, and returns it.
    ///
    /// # Errors
    /// `out` is shorter than [`len`](Self::len); nothing is written then.
    pub fn write<'o>(&self, out: &'o mut [u8]) -> Result<&'o [u8], BufferTooSmall> {
        let needed = self.len();
        let error = BufferTooSmall { needed };
        let message = out.get_mut(..needed).ok_or(error)?;
        self.write_unsigned(message);

        let server_challenge = self.challenge.server_challenge();
        let v2 = self.login.hash.v2(self.login.user);
        let response = message
            .get_mut(self.layout.offsets().response as usize..)
            .ok_or(error)?;
        let (proof, blob) = response.split_first_chunk_mut().ok_or(error)?;
        *proof = v2.mac(&[&server_challenge, blob]);
        // Without a key exchange the exported session key is the session base key.
        let key: Key = v2.derive(&[proof]);
        let mic = key.mac(&[&NEGOTIATE, self.challenge.message(), message]);
        for (to, from) in message.iter_mut().skip(MIC).zip(mic) {
            *to = from;
        }
        Ok(message)
    }

    /// The message with zeros for the proof and for the MIC.
    fn write_unsigned(&self, message: &mut [u8]) {
        let Self {
            challenge,
            login,
            layout,
        } = self;
        let offsets = layout.offsets();
        let flags = flags::TARGET_INFO | (flags::REQUESTED & challenge.flags());
        let mut out = Writer { rest: message };
        out.bytes(&SIGNATURE);
        out.bytes(&3_u32.to_le_bytes());
        out.field(24, offsets.lm_response);
        out.field(layout.response, offsets.response);
        out.field(layout.domain, offsets.domain);
        out.field(layout.name, offsets.name);
        out.field(0, offsets.lm_response); // Workstation: not sent
        out.field(0, offsets.end); // EncryptedRandomSessionKey: no key exchange
        out.bytes(&flags.to_le_bytes());
        out.bytes(match flags & flags::VERSION {
            0 => &[0; 8],
            _ => &VERSION,
        });
        out.bytes(&[0; 16]); // MIC
        out.utf16(login.user.domain());
        out.utf16(login.user.name());
        out.bytes(&LM_RESPONSE);

        out.bytes(&[0; 16]); // NTProofStr
        out.bytes(&[1, 1, 0, 0, 0, 0, 0, 0]); // RespType, HiRespType, reserved
        out.bytes(&challenge.timestamp().to_le_bytes());
        out.bytes(&login.nonce);
        out.bytes(&[0; 4]);
        for pair in kept(challenge) {
            // The value was as long in the challenge.
            out.pair(pair.id, u16::try_from(pair.value.len()).unwrap_or(0));
            out.bytes(pair.value);
        }
        out.pair(id::FLAGS, 4);
        out.bytes(&(challenge.av_flags() | MIC_PROVIDED).to_le_bytes());
        if let Some(binding) = login.binding {
            out.pair(id::CHANNEL_BINDINGS, 16);
            out.bytes(binding.as_bytes());
        }
        out.pair(id::TARGET_NAME, layout.target);
        out.utf16(SERVICE);
        out.utf16(login.host);
        out.pair(id::EOL, 0);
        out.bytes(&[0; BLOB_END]);
    }
}

/// The server's pairs that the answer repeats: all but those that are the client's to set.
fn kept<'a>(challenge: &Challenge<'a>) -> impl Iterator<Item = AvPair<'a>> {
    let own = [id::FLAGS, id::TARGET_NAME, id::CHANNEL_BINDINGS];
    challenge
        .pairs()
        .filter(move |pair| !own.contains(&pair.id))
}

/// Offsets in the message.
struct Offsets {
    domain: u32,
    name: u32,
    lm_response: u32,
    response: u32,
    end: u32,
}

impl Layout {
    fn offsets(self) -> Offsets {
        let domain = FIXED;
        let name = domain.wrapping_add(self.domain.into());
        let lm_response = name.wrapping_add(self.name.into());
        let response = lm_response.wrapping_add(24);
        Offsets {
            domain,
            name,
            lm_response,
            response,
            end: response.wrapping_add(self.response.into()),
        }
    }
}

fn utf16_len(text: &str) -> usize {
    text.encode_utf16()
        .fold(0, |len: usize, _| len.saturating_add(2))
}

/// Fills a slice from its start; what does not fit is left out, which the lengths exclude.
struct Writer<'o> {
    rest: &'o mut [u8],
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.rest);
        if let Some((to, rest)) = rest.split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.rest = rest;
        }
    }

    fn utf16(&mut self, text: &str) {
        for unit in text.encode_utf16() {
            self.bytes(&unit.to_le_bytes());
        }
    }

    /// `Len`, `MaxLen`, `BufferOffset`.
    fn field(&mut self, len: u16, offset: u32) {
        self.bytes(&len.to_le_bytes());
        self.bytes(&len.to_le_bytes());
        self.bytes(&offset.to_le_bytes());
    }

    /// The head of an `AV_PAIR`.
    fn pair(&mut self, id: u16, len: u16) {
        self.bytes(&id.to_le_bytes());
        self.bytes(&len.to_le_bytes());
    }
}
