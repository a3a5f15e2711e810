//! NTLM: what is accepted, what is answered, and how headers carry it, against a naive reader.

use std::collections::BTreeMap;

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems_ntlm::{
    header_len, read_token, token_len, write_header, Authenticate, Challenge, ChannelBinding,
    Login, LoginError, NtHash, Offers, Scheme, User, NEGOTIATE,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};

/// Any bytes: as a challenge, as the target information of one, as a token, and as a header.
pub fn ntlm(bytes: &[u8]) {
    challenge(bytes);
    challenge(&wrap(bytes));
    // A cut challenge is judged like any other.
    if bytes.len() <= 512 {
        for len in 0..bytes.len() {
            challenge(&bytes[..len]);
        }
    }
    header(bytes);
}

/// A challenge with this target information and nothing else wrong with it.
fn wrap(target_info: &[u8]) -> Vec<u8> {
    let len = u16::try_from(target_info.len()).unwrap_or(u16::MAX);
    let mut message = b"NTLMSSP\0\x02\0\0\0\x06\0\x06\0\x38\0\0\0\x05\x82\x89\xa2\
        \x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0"
        .to_vec();
    message.extend(len.to_le_bytes());
    message.extend(len.to_le_bytes());
    message.extend(b"\x3e\0\0\0\x0a\0\x7c\x4f\0\0\0\x0fD\0O\0M\0");
    message.extend(target_info);
    message
}

/// A message as a challenge: accepted if the reference accepts it, and then answered well.
fn challenge(message: &[u8]) {
    let expected = reference(message);
    let read = Challenge::read(message);
    assert_eq!(
        read.is_ok(),
        expected.is_some(),
        "{read:?} of {message:02x?}"
    );
    let (Ok(challenge), Some(expected)) = (read, expected) else {
        return;
    };
    assert_eq!(challenge.flags(), expected.flags);
    assert_eq!(challenge.server_challenge()[..], expected.nonce);
    let pairs: Pairs = challenge
        .pairs()
        .map(|pair| (pair.id, pair.value.to_vec()))
        .collect();
    assert_eq!(pairs, expected.pairs);

    let hash = NtHash::from_password("Password");
    let binding = ChannelBinding::tls_server_end_point(message);
    for (user, host, binding) in [
        (r"Domain\User", "h", Some(binding)),
        ("jörg@contoso.com", "mail.\u{1f600}.example", None),
    ] {
        let login = Login {
            user: User::parse(user).expect("a user"),
            hash: &hash,
            host,
            binding,
            nonce: *b"\xaa\xbb\xcc\xdd\xee\xff\0\x01",
        };
        match Authenticate::new(&challenge, &login) {
            Ok(authenticate) => answer(message, &expected, &login, &authenticate),
            Err(error) => {
                assert_eq!(error, LoginError::ResponseTooLong);
                assert!(message.len() > 60_000);
            }
        }
    }
}

/// The answer as a server reads it.
fn answer(
    challenge: &[u8],
    expected: &Reference,
    login: &Login<'_>,
    authenticate: &Authenticate<'_>,
) {
    let len = authenticate.len();
    let mut short = vec![0x5a; len - 1];
    let error = authenticate.write(&mut short).expect_err("a short buffer");
    assert_eq!(error.needed, len);
    assert!(short.iter().all(|&byte| byte == 0x5a));
    let mut buffer = vec![0x5a; len + 3];
    let message = authenticate.write(&mut buffer).expect("room").to_vec();
    assert_eq!((message.len(), &buffer[len..]), (len, &[0x5a; 3][..]));

    assert_eq!(&message[..12], b"NTLMSSP\0\x03\0\0\0");
    let flags = number(&message, 60, 4).expect("flags");
    assert_eq!(flags & !0x0080_0000 & !u64::from(expected.flags), 0);
    assert_eq!(flags & 0x0080_0001, 0x0080_0001); // TARGET_INFO, UNICODE
    let version = if flags & 0x0200_0000 == 0 { 0 } else { 15 };
    assert_eq!(message[71], version);
    let mut end = 88;
    let [lm, response, domain, user, workstation, key] = [12, 20, 28, 36, 44, 52].map(|at| {
        let (range, bytes) = field(&message, at).expect("a field inside the message");
        assert!(range.is_empty() || range.start >= 88);
        end = end.max(range.end);
        bytes
    });
    assert_eq!(end, len, "bytes that no field has");
    assert_eq!((lm, workstation, key), (vec![0; 24], vec![], vec![]));
    assert_eq!(domain, utf16(login.user.domain()));
    assert_eq!(user, utf16(login.user.name()));

    let (proof, blob) = response.split_at(16);
    assert_eq!(blob[..8], [1, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(blob[8..16], expected.pairs_by_id()[&7]);
    assert_eq!(blob[16..24], login.nonce);
    assert_eq!(blob[24..28], [0; 4]);
    let (pairs, rest) = pairs(&blob[28..]).expect("pairs");
    assert_eq!(rest, [0; 4]);
    let mut wanted = expected.pairs.clone();
    wanted.retain(|(id, _)| ![6, 9, 10].contains(id));
    let flags = expected.pairs_by_id().get(&6).map_or(0, |value| value[0]) | 2;
    let mut av_flags = expected
        .pairs_by_id()
        .get(&6)
        .cloned()
        .unwrap_or(vec![0; 4]);
    av_flags[0] = flags;
    wanted.push((6, av_flags));
    if let Some(binding) = login.binding {
        wanted.push((10, binding.as_bytes().to_vec()));
        assert_eq!(*binding.as_bytes(), md5_of_binding(challenge));
    }
    wanted.push((9, utf16(&format!("HTTP/{}", login.host))));
    assert_eq!(pairs, wanted);

    // MS-NLMP 4.2.2.1.2: MD4 of `Password`
    let nt_hash = b"\xa4\xf4\x9c\x40\x65\x10\xbd\xca\xb6\x82\x4e\xe7\xc3\x0f\xd8\x52";
    let identity = utf16(&(login.user.name().to_uppercase() + login.user.domain()));
    let v2 = keyed(nt_hash, &[&identity]);
    assert_eq!(proof, keyed(&v2, &[&expected.nonce, blob]));
    let key = keyed(&v2, &[proof]);
    let mut unsigned = message.clone();
    unsigned[72..88].fill(0);
    assert_eq!(
        message[72..88],
        keyed(&key, &[&NEGOTIATE, challenge, &unsigned])
    );
}

/// Bytes as a token, as base64 and as the value of a header.
fn header(bytes: &[u8]) {
    for scheme in [Scheme::Ntlm, Scheme::Negotiate] {
        let mut buffer = vec![0; header_len(scheme, bytes.len())];
        let value = write_header(scheme, bytes, &mut buffer).expect("room");
        let expected = format!("{} {}", scheme.name(), STANDARD.encode(bytes));
        assert_eq!(value, expected);
        let list = format!("Basic realm=\"a, \\\" b\", {value}, Other x=y");
        let offers: Vec<_> = Offers::new(list.as_bytes()).collect();
        assert_eq!(offers.len(), 3);
        assert!(offers[1].is(scheme));
        let token = offers[1].token.unwrap_or("");
        let mut decoded = vec![0; token_len(token)];
        assert_eq!(read_token(token, &mut decoded), Ok(bytes));
    }

    assert!(Offers::new(bytes).count() <= bytes.len());
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut decoded = vec![0; token_len(text)];
        assert_eq!(
            read_token(text, &mut decoded).ok().map(<[u8]>::to_vec),
            STANDARD.decode(text).ok()
        );
    }
}

// --- the reference ---

type Pairs = Vec<(u16, Vec<u8>)>;

/// What a challenge says.
struct Reference {
    flags: u32,
    nonce: Vec<u8>,
    pairs: Pairs,
}

impl Reference {
    fn pairs_by_id(&self) -> BTreeMap<u16, Vec<u8>> {
        self.pairs.iter().cloned().collect()
    }
}

/// MS-NLMP 2.2.1.2 and 2.2.2.1, and what this client demands beyond them.
fn reference(message: &[u8]) -> Option<Reference> {
    let starts = message.starts_with(b"NTLMSSP\0\x02\0\0\0");
    if !starts || message.len() > 65_536 || message.len() < 48 {
        return None;
    }
    let flags = u32::try_from(number(message, 20, 4)?).ok()?;
    if flags & 0x0080_0001 != 0x0080_0001 {
        return None;
    }
    let (name, _) = field(message, 12)?;
    let (info, target_info) = field(message, 40)?;
    for range in [&name, &info] {
        if !range.is_empty() && range.start < 48 {
            return None;
        }
    }
    if name.clone().any(|at| info.contains(&at)) {
        return None;
    }
    let (pairs, _) = pairs(&target_info)?;
    for (at, (id, value)) in pairs.iter().enumerate() {
        let twice = pairs[..at].iter().any(|(other, _)| other == id);
        let wrong = match id {
            6 => value.len() != 4,
            7 => value.len() != 8,
            _ => false,
        };
        if (twice && *id <= 10) || wrong {
            return None;
        }
    }
    pairs.iter().find(|(id, _)| *id == 7)?;
    let nonce = message[24..32].to_vec();
    Some(Reference {
        flags,
        nonce,
        pairs,
    })
}

/// The pairs before the one that ends the list, and the bytes after it.
fn pairs(mut bytes: &[u8]) -> Option<(Pairs, &[u8])> {
    let mut pairs = Vec::new();
    loop {
        let id = u16::try_from(number(bytes, 0, 2)?).ok()?;
        let len = usize::try_from(number(bytes, 2, 2)?).ok()?;
        let value = bytes.get(4..4 + len)?;
        bytes = &bytes[4 + len..];
        if id == 0 {
            return value.is_empty().then_some((pairs, bytes));
        }
        pairs.push((id, value.to_vec()));
    }
}

/// The bytes of a field, and where they are.
fn field(message: &[u8], at: usize) -> Option<(std::ops::Range<usize>, Vec<u8>)> {
    let len = usize::try_from(number(message, at, 2)?).ok()?;
    let start = usize::try_from(number(message, at + 4, 4)?).ok()?;
    if len == 0 {
        return Some((0..0, Vec::new()));
    }
    let bytes = message.get(start..start + len)?.to_vec();
    Some((start..start + len, bytes))
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let digits = bytes.get(at..at + len)?.iter().rev();
    Some(digits.fold(0, |number, &byte| number * 256 + u64::from(byte)))
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("a key");
    mac.update(&parts.concat());
    mac.finalize().into_bytes().to_vec()
}

fn md5_of_binding(hash: &[u8]) -> [u8; 16] {
    let data = [b"tls-server-end-point:", hash].concat();
    let len = u32::try_from(data.len()).expect("a short binding");
    let mut bytes = vec![0; 16];
    bytes.extend(len.to_le_bytes());
    bytes.extend(data);
    Md5::digest(bytes).into()
}
