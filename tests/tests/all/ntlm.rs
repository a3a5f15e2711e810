//! Challenges that are almost right, through the oracle of NTLM.

use exportitems_testkit::oracle;
use proptest::collection::vec;
use proptest::prelude::*;

/// A pair: mostly one that MS-NLMP knows, mostly with the length that it has there.
fn pair() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![9 => 1..=11_u16, 1 => any::<u16>()];
    (id, vec(any::<u8>(), 0..20), 0..20_u8).prop_map(|(id, mut value, slip)| {
        let fixed = match id {
            6 => Some(4),
            7 => Some(8),
            10 => Some(16),
            _ => None,
        };
        if let (Some(len), 1..) = (fixed, slip) {
            value.resize(len, 0x5a);
        }
        let len = u16::try_from(value.len()).unwrap();
        [&id.to_le_bytes()[..], &len.to_le_bytes(), &value].concat()
    })
}

/// Target information with a timestamp; the end is sometimes missing.
fn target_info() -> impl Strategy<Value = Vec<u8>> {
    (vec(pair(), 0..4), vec(pair(), 0..4), 0..10_u8).prop_map(|(before, after, slip)| {
        let mut info = before.concat();
        info.extend(b"\x07\0\x08\0\x01\x02\x03\x04\x05\x06\x07\x08");
        info.extend(after.concat());
        if slip > 0 {
            info.extend([0; 4]);
        }
        info
    })
}

/// A challenge whose fields are mostly in their places.
fn challenge() -> impl Strategy<Value = Vec<u8>> {
    let slip = || prop_oneof![20 => Just(0_i32), 2 => -20..20_i32, 1 => any::<i32>()];
    (
        vec(any::<u8>(), 0..12),
        target_info(),
        [slip(), slip(), slip(), slip()],
        any::<u32>(),
        prop_oneof![5 => Just(0x0080_0001_u32), 1 => Just(0)],
        any::<[u8; 16]>(),
    )
        .prop_map(|(name, info, slips, flags, wanted, version)| {
            let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
            let field = |bytes: &[u8], at: usize, slip: &[i32], message: &mut Vec<u8>| {
                let len = i32::try_from(bytes.len()).unwrap().wrapping_add(slip[0]);
                let offset = i32::try_from(at).unwrap().wrapping_add(slip[1]);
                message.extend(&len.to_le_bytes()[..2]);
                message.extend(&bytes.len().to_le_bytes()[..2]);
                message.extend(offset.to_le_bytes());
            };
            field(&name, 56, &slips[..2], &mut message);
            message.extend((flags | wanted).to_le_bytes());
            message.extend(&version[..8]);
            message.extend([0; 8]);
            field(&info, 56 + name.len(), &slips[2..], &mut message);
            message.extend(&version[8..]);
            [message, name, info].concat()
        })
}

proptest! {
    #[test]
    fn challenges(message in challenge()) {
        oracle::ntlm(&message);
    }

    #[test]
    fn target_information(bytes in target_info()) {
        oracle::ntlm(&bytes);
    }

    #[test]
    fn anything(bytes in vec(any::<u8>(), 0..100), text in "[ -~]{0,60}") {
        oracle::ntlm(&bytes);
        oracle::ntlm(text.as_bytes());
    }
}

/// The target information may have any length; the answer cannot.
#[test]
fn the_longest_target_information() {
    for len in [65_000, 65_400, 65_535] {
        let mut info = vec![0xff_u8; 2];
        info.extend(u16::try_from(len - 20).unwrap().to_le_bytes());
        info.resize(len - 16, 0x20);
        info.extend(b"\x07\0\x08\0\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0");
        oracle::ntlm(&info);
    }
}
