//! Challenges, hostile ones among them, and the limits of the answer.

use exportitems_ntlm::{
    Authenticate, Challenge, ChallengeError, ChallengeField, ChannelBinding, Login, LoginError,
    NtHash, User,
};

const FLAGS: u32 = 0xa289_8205;
const TIMESTAMP: [u8; 8] = 0x01dc_60c4_89e6_8000_u64.to_le_bytes();

/// An AV pair: id and value.
type Pair<'a> = (u16, &'a [u8]);

/// A challenge, part by part.
#[derive(Clone)]
struct Parts {
    flags: u32,
    name: (u16, u32),
    info: (u16, u32),
    payload: Vec<u8>,
}

impl Parts {
    /// A target name of 4 bytes at 56, and this target information at 60.
    fn new(pairs: &[Pair<'_>]) -> Self {
        let mut payload = b"X\0Y\0".to_vec();
        for (id, value) in pairs {
            payload.extend(id.to_le_bytes());
            payload.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
            payload.extend(*value);
        }
        Self {
            flags: FLAGS,
            name: (4, 56),
            info: (u16::try_from(payload.len() - 4).unwrap(), 60),
            payload,
        }
    }

    fn good() -> Self {
        Self::new(&[(2, b"X\0Y\0"), (7, &TIMESTAMP), (0, b"")])
    }

    fn message(&self) -> Vec<u8> {
        let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
        let field = |(len, offset): (u16, u32), message: &mut Vec<u8>| {
            message.extend(len.to_le_bytes());
            message.extend(len.to_le_bytes());
            message.extend(offset.to_le_bytes());
        };
        field(self.name, &mut message);
        message.extend(self.flags.to_le_bytes());
        message.extend(*b"\x01\x23\x45\x67\x89\xab\xcd\xef");
        message.extend([0; 8]);
        field(self.info, &mut message);
        message.extend([10, 0, 0x7c, 0x4f, 0, 0, 0, 15]);
        message.extend(&self.payload);
        message
    }
}

fn read(message: &[u8]) -> Result<u64, ChallengeError> {
    Challenge::read(message).map(|challenge| challenge.timestamp())
}

#[test]
fn a_good_challenge_says_what_it_says() {
    let message = Parts::good().message();
    let challenge = Challenge::read(&message).unwrap();
    assert_eq!(challenge.flags(), FLAGS);
    assert_eq!(
        challenge.server_challenge(),
        *b"\x01\x23\x45\x67\x89\xab\xcd\xef"
    );
    assert_eq!(challenge.timestamp().to_le_bytes(), TIMESTAMP);
    let pairs: Vec<_> = challenge.pairs().map(|it| (it.id, it.value)).collect();
    assert_eq!(pairs, [(2, &b"X\0Y\0"[..]), (7, &TIMESTAMP)]);
}

/// MS-NLMP 4.2.4.3 is a challenge without a timestamp, as no server has sent since Vista.
#[test]
fn the_challenge_of_the_specification_has_no_timestamp() {
    let message = b"NTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x33\x82\x8a\xe2\
        \x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0\x24\0\x24\0\x44\0\0\0\
        \x06\0\x70\x17\0\0\0\x0fS\0e\0r\0v\0e\0r\0\
        \x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0";
    assert_eq!(read(message), Err(ChallengeError::NoTimestamp));
}

#[test]
fn cut_at_every_byte() {
    let message = Parts::good().message();
    for len in 0..message.len() {
        let expected = match len {
            ..48 => ChallengeError::Cut,
            48..60 => ChallengeError::OutOfBounds(ChallengeField::TargetName),
            _ => ChallengeError::OutOfBounds(ChallengeField::TargetInfo),
        };
        assert_eq!(read(&message[..len]), Err(expected), "{len}");
    }
    // The same with lengths that fit: the list of pairs is cut.
    let good = Parts::good();
    for len in 1..good.info.0 {
        let mut parts = good.clone();
        parts.info.0 = len;
        assert_eq!(
            read(&parts.message()),
            Err(ChallengeError::PairsCut),
            "{len}"
        );
    }
}

#[test]
fn other_messages() {
    for (message, expected) in [
        (&b""[..], ChallengeError::Cut),
        (b"NTLMSSP\0", ChallengeError::Cut),
        (b"NTLMSSP\x01\x02\0\0\0", ChallengeError::NotNtlm),
        (
            b"\x60\x48\x06\x06\x2b\x06\x01\x05\x05\x02",
            ChallengeError::NotNtlm,
        ), // SPNEGO
        (
            &exportitems_ntlm::NEGOTIATE,
            ChallengeError::NotChallenge { message_type: 1 },
        ),
        (
            b"NTLMSSP\0\0\0\0\x02",
            ChallengeError::NotChallenge {
                message_type: 0x0200_0000,
            },
        ),
    ] {
        assert_eq!(read(message), Err(expected));
    }
    let mut message = Parts::good().message();
    message.resize(Challenge::LIMIT, 0);
    assert!(read(&message).is_ok());
    message.push(0);
    let len = message.len();
    assert_eq!(read(&message), Err(ChallengeError::TooLong { len }));
}

#[test]
fn servers_that_cannot_do_it() {
    let flags = |flags| Parts {
        flags,
        ..Parts::good()
    };
    let no_info = |offset| Parts {
        info: (0, offset),
        ..Parts::good()
    };
    for (parts, expected) in [
        (flags(FLAGS & !1), ChallengeError::NoUnicode),
        (flags(FLAGS & !0x0080_0000), ChallengeError::NoTargetInfo),
        (no_info(60), ChallengeError::NoTargetInfo),
        (no_info(u32::MAX), ChallengeError::NoTargetInfo),
        (
            Parts::new(&[(1, b"X\0"), (0, b"")]),
            ChallengeError::NoTimestamp,
        ),
    ] {
        assert_eq!(read(&parts.message()), Err(expected));
    }
}

#[test]
fn fields_out_of_place() {
    let good = Parts::good();
    let info = |len, offset| Parts {
        info: (len, offset),
        ..good.clone()
    };
    let name = |len, offset| Parts {
        name: (len, offset),
        ..good.clone()
    };
    let (len, _) = good.info;
    let info_outside = Err(ChallengeError::OutOfBounds(ChallengeField::TargetInfo));
    let name_outside = Err(ChallengeError::OutOfBounds(ChallengeField::TargetName));
    for (parts, expected) in [
        (info(len + 1, 60), info_outside),
        (info(len, 61), info_outside),
        (info(len, 0), info_outside),
        (info(len, 47), info_outside),
        (info(len, u32::MAX), info_outside),
        (info(u16::MAX, 60), info_outside),
        (info(1, u32::MAX), info_outside),
        (info(len, 57), Err(ChallengeError::Overlap)),
        (name(4, 40), name_outside),
        (name(u16::MAX, 56), name_outside),
        (name(1, u32::MAX), name_outside),
        (name(5, 56), Err(ChallengeError::Overlap)),
        (name(1, 70), Err(ChallengeError::Overlap)),
        // An empty name is nowhere.
        (name(0, u32::MAX), Ok(u64::from_le_bytes(TIMESTAMP))),
        (name(0, 0), Ok(u64::from_le_bytes(TIMESTAMP))),
    ] {
        assert_eq!(
            read(&parts.message()),
            expected,
            "{:?} {:?}",
            parts.name,
            parts.info
        );
    }
}

#[test]
fn pairs_out_of_order() {
    let time: Pair<'_> = (7, &TIMESTAMP);
    let end: Pair<'_> = (0, b"");
    let length = |id| Err(ChallengeError::PairLength { id });
    let twice = |id| Err(ChallengeError::PairTwice { id });
    let fine = Ok(u64::from_le_bytes(TIMESTAMP));
    let cases: [(&[Pair<'_>], _); 10] = [
        (&[time], Err(ChallengeError::PairsCut)),
        (&[end, time], Err(ChallengeError::NoTimestamp)),
        (&[time, (0, b"x"), end], length(0)),
        (&[(7, b"1234567"), end], length(7)),
        (&[(6, b"12345"), time, end], length(6)),
        (&[time, time, end], twice(7)),
        (&[time, (1, b""), (3, b""), (1, b""), end], twice(1)),
        (&[time, (10, &[0; 16]), (10, &[0; 16]), end], twice(10)),
        // Ids of a later version may have rules of their own.
        (&[time, (11, b"a"), (11, b"b"), (0xffff, b""), end], fine),
        // What follows the end is not part of the list.
        (&[time, end, (1, b"X"), (1, b"Y")], fine),
    ];
    for (pairs, expected) in cases {
        assert_eq!(read(&Parts::new(pairs).message()), expected, "{pairs:?}");
    }
}

#[test]
fn lengths_that_the_answer_cannot_have() {
    let message = Parts::good().message();
    let challenge = Challenge::read(&message).unwrap();
    let hash = NtHash::from_password("x");
    let attempt = |user: &str, host: &str| {
        let login = Login {
            user: User::parse(user).unwrap(),
            hash: &hash,
            host,
            binding: None,
            nonce: [0; 8],
        };
        Authenticate::new(&challenge, &login).map(|it| it.len())
    };
    // 88 + LM 24 + proof 16 + blob 28 + pairs (8 + 12, 8, 4 + 10 + 2, 4) + 4, and the user's 2
    assert_eq!(
        attempt("u", "h"),
        Ok(88 + 24 + 16 + 28 + 20 + 8 + 16 + 4 + 4 + 2)
    );
    assert_eq!(attempt("u", ""), Err(LoginError::HostEmpty));
    let long = "x".repeat(32_767);
    assert!(attempt(&long, "h").is_ok());
    assert!(attempt(&format!(r"{long}\{long}"), "h").is_ok());
    let longer = long.clone() + "x";
    assert_eq!(attempt(&longer, "h"), Err(LoginError::NameTooLong));
    assert_eq!(
        attempt(&(longer.clone() + r"\u"), "h"),
        Err(LoginError::NameTooLong)
    );
    assert_eq!(attempt("u", &longer), Err(LoginError::NameTooLong));
    assert_eq!(attempt("u", &long[5..]), Err(LoginError::ResponseTooLong));
    assert!(attempt("u", &long[..32_700]).is_ok());
}

/// Recomputed by Python: `md5(bytes(16) + struct.pack("<I", len(data)) + data)`.
#[test]
fn a_binding_is_the_md5_of_the_structure() {
    let binding = ChannelBinding::tls_server_end_point(&[0x5a; 32]);
    assert_eq!(
        format!("{binding:?}"),
        "ChannelBinding(86e996ec5e117d96509dc7630fa8077f)"
    );
    assert_eq!(*ChannelBinding::from_bytes([7; 16]).as_bytes(), [7; 16]);
}

#[test]
fn no_secret_is_shown() {
    let message = Parts::good().message();
    let challenge = Challenge::read(&message).unwrap();
    let hash = NtHash::from_bytes(&[0xfb; 16]);
    let login = Login {
        user: User::parse("u").unwrap(),
        hash: &hash,
        host: "h",
        binding: None,
        nonce: [0; 8],
    };
    let answer = Authenticate::new(&challenge, &login).unwrap();
    let shown = format!("{hash:?} {login:?} {answer:?} {hash:#?} {answer:#?}");
    assert!(shown.contains("NtHash(..)"));
    assert!(!shown.contains("251") && !shown.to_lowercase().contains("fb"));
}
