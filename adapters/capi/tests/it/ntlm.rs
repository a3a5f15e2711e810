//! NTLM in C: the messages are those of exportitems-ntlm, and wrong calls are refused.

use std::ptr::{null, null_mut};

use exportitems_capi::*;
use exportitems_ntlm as ntlm;

const CHALLENGE: &str =
    "NTLM TlRMTVNTUAACAAAABgAGADgAAAAFgokiASNFZ4mrze8AAAAAAAAAACoAKgA+AAAACgB8TwAAAA9DAE8ATgACAAYA\
                         QwBPAE4AAQAMAE0AQQBJAEwAMAAxAAcACAAAgOaJxGDcAQAAAAA=";
const ABSENT: Text = Text {
    ptr: null(),
    len: 0,
};

fn text(text: &str) -> Text {
    Text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

fn login() -> NtlmLogin {
    NtlmLogin {
        user: text("CONTOSO\\alice"),
        password: text("pässwörd"),
        host: text("mail.contoso.com"),
        certificate_hash: bytes(&[7; 32]),
        nonce: *b"8 random",
    }
}

/// The status, the text of the error, and what was written.
fn authenticate(
    login: &NtlmLogin,
    scheme: u32,
    header: &str,
    scratch: usize,
    out: usize,
) -> (Status, String, Vec<u8>) {
    let (mut scratch, mut out) = (vec![0; scratch], vec![0_u8; out]);
    let mut written = 0;
    let mut error = Error {
        status: Status::Ok,
        index: 0,
        offset: 0,
        text: [0; EXPORTITEMS_ERROR_TEXT_LEN],
    };
    // SAFETY: every pointer is valid for the length beside it.
    let status = unsafe {
        exportitems_ntlm_authenticate(
            login,
            scheme,
            bytes(header.as_bytes()),
            scratch.as_mut_ptr(),
            scratch.len(),
            out.as_mut_ptr().cast(),
            out.len(),
            &raw mut written,
            &raw mut error,
        )
    };
    out.truncate(written);
    let text = error.text.map(|byte| byte.to_ne_bytes()[0]);
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    (status, String::from_utf8(text.to_vec()).unwrap(), out)
}

fn expected(scheme: ntlm::Scheme, binding: Option<&[u8]>) -> String {
    let (mut token, mut message, mut header) = ([0; 512], [0; 512], [0; 1024]);
    let token = ntlm::read_token(CHALLENGE.split_once(' ').unwrap().1, &mut token).unwrap();
    let challenge = ntlm::Challenge::read(token).unwrap();
    let login = ntlm::Login {
        user: ntlm::User::parse("CONTOSO\\alice").unwrap(),
        hash: &ntlm::NtHash::from_password("pässwörd"),
        host: "mail.contoso.com",
        binding: binding.map(ntlm::ChannelBinding::tls_server_end_point),
        nonce: *b"8 random",
    };
    let answer = ntlm::Authenticate::new(&challenge, &login).unwrap();
    let message = answer.write(&mut message).unwrap();
    ntlm::write_header(scheme, message, &mut header)
        .unwrap()
        .to_owned()
}

#[test]
fn the_first_message_is_a_constant() {
    for (scheme, theirs) in [
        (NtlmScheme::Ntlm, ntlm::Scheme::Ntlm),
        (NtlmScheme::Negotiate, ntlm::Scheme::Negotiate),
    ] {
        let mut header = [0; 80];
        let header = ntlm::write_header(theirs, &ntlm::NEGOTIATE, &mut header).unwrap();
        for len in 0..80 {
            let mut out = [0_u8; 80];
            let mut written = usize::MAX;
            // SAFETY: `out` has more than `len` bytes.
            let status = unsafe {
                exportitems_ntlm_negotiate(
                    scheme as u32,
                    out.as_mut_ptr().cast(),
                    len,
                    &raw mut written,
                    null_mut(),
                )
            };
            if len < header.len() {
                assert_eq!((status, written), (Status::MemoryTooSmall, usize::MAX));
            } else {
                assert_eq!((status, &out[..written]), (Status::Ok, header.as_bytes()));
            }
        }
    }
}

#[test]
fn the_last_message_is_that_of_the_crate_in_memory_of_any_size() {
    let whole = expected(ntlm::Scheme::Ntlm, Some(&[7; 32]));
    let needed = |scratch, out| authenticate(&login(), 0, CHALLENGE, scratch, out);
    let (status, _, header) = needed(2048, 1024);
    assert_eq!(
        (status, header),
        (Status::Event, whole.clone().into_bytes())
    );
    let mut fits = 0;
    for scratch in 0..600 {
        let (status, error, header) = needed(scratch, 1024);
        if status == Status::Event {
            fits += 1;
            assert_eq!(header, whole.as_bytes());
        } else {
            assert_eq!((status, fits), (Status::MemoryTooSmall, 0), "{scratch}");
            assert!(error.contains("bytes are needed"), "{error}");
        }
    }
    assert!(fits > 0);
    assert_eq!(needed(2048, whole.len() - 1).0, Status::MemoryTooSmall);
    assert_eq!(needed(2048, whole.len()).0, Status::Event);
    // Without TLS there is no binding; the scheme is the caller's.
    let mut plain = login();
    plain.certificate_hash = Bytes {
        ptr: null(),
        len: 0,
    };
    let negotiate = CHALLENGE.replace("NTLM ", "Negotiate ");
    let (_, _, header) = authenticate(&plain, 1, &negotiate, 2048, 1024);
    let whole = expected(ntlm::Scheme::Negotiate, None);
    assert_eq!(header, whole.as_bytes());
}

#[test]
fn fields_without_a_challenge_and_challenges_that_cannot_be_answered() {
    let without_user = NtlmLogin {
        user: ABSENT,
        ..login()
    };
    let without_host = NtlmLogin {
        host: ABSENT,
        ..login()
    };
    let cases = [
        (login(), 0, "NTLM", Status::Ok),
        (login(), 0, "", Status::Ok),
        (login(), 0, "Basic realm=\"NTLM\"", Status::Ok),
        (login(), 1, CHALLENGE, Status::Ok),
        (login(), 2, CHALLENGE, Status::InvalidValue),
        (login(), 0, "NTLM A===", Status::NtlmToken),
        (login(), 0, "NTLM QUJD", Status::NtlmChallenge),
        (without_user, 0, CHALLENGE, Status::NtlmUser),
        (without_host, 0, CHALLENGE, Status::NtlmLogin),
    ];
    for (number, (login, scheme, header, expected)) in cases.iter().enumerate() {
        let (status, error, out) = authenticate(login, *scheme, header, 2048, 1024);
        assert_eq!((status, out.len()), (*expected, 0), "{number}");
        assert_eq!(
            error.is_empty(),
            *expected == Status::Ok,
            "{number}: {error}"
        );
        assert!(!error.contains("pässwörd"));
    }
    // SAFETY: null is refused.
    let status = unsafe {
        exportitems_ntlm_authenticate(
            null(),
            0,
            bytes(CHALLENGE.as_bytes()),
            null_mut(),
            0,
            null_mut(),
            0,
            null_mut(),
            null_mut(),
        )
    };
    assert_eq!(status, Status::Null);
}
