//! After a login no secret is left in this process's memory.
#![cfg(target_os = "linux")]

use std::fs::{read_to_string, File};
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread;

use exportitems_ntlm::{read_token, Authenticate, Challenge, ChannelBinding, Login, NtHash, User};

const CHALLENGE: &str = "TlRMTVNTUAACAAAABgAGADgAAAAFgokiASNFZ4mrze8AAAAAAAAAACoAKgA+\
    AAAACgB8TwAAAA9DAE8ATgACAAYAQwBPAE4AAQAMAE0AQQBJAEwAMAAxAAcACAAAgOaJxGDcAQAAAAA=";

/// What must not be left, computed by Python and inverted, so that it is not found here: the NT
/// hash, `NTOWFv2`, the session key, each of them as the block of HMAC's outer hash, and the start
/// of the password in UTF-16LE.
const INVERTED: [(&str, [u8; 16]); 7] = [
    (
        "NT hash",
        [
            0x6b, 0x5d, 0x82, 0x46, 0xa7, 0x05, 0xc5, 0xbb, 0x53, 0xae, 0xb9, 0x67, 0xe6, 0x5d,
            0xc7, 0x96,
        ],
    ),
    (
        "NTOWFv2",
        [
            0x66, 0x88, 0x88, 0xbd, 0x72, 0x80, 0xc8, 0x8c, 0x83, 0xe7, 0x38, 0xa4, 0x4d, 0x75,
            0xd9, 0x87,
        ],
    ),
    (
        "session key",
        [
            0xc1, 0x25, 0x56, 0xd5, 0x10, 0x44, 0x41, 0x2a, 0x97, 0x20, 0x96, 0x67, 0x50, 0x31,
            0x1f, 0x88,
        ],
    ),
    (
        "HMAC of the NT hash",
        [
            0x37, 0x01, 0xde, 0x1a, 0xfb, 0x59, 0x99, 0xe7, 0x0f, 0xf2, 0xe5, 0x3b, 0xba, 0x01,
            0x9b, 0xca,
        ],
    ),
    (
        "HMAC of NTOWFv2",
        [
            0x3a, 0xd4, 0xd4, 0xe1, 0x2e, 0xdc, 0x94, 0xd0, 0xdf, 0xbb, 0x64, 0xf8, 0x11, 0x29,
            0x85, 0xdb,
        ],
    ),
    (
        "HMAC of the session key",
        [
            0x9d, 0x79, 0x0a, 0x89, 0x4c, 0x18, 0x1d, 0x76, 0xcb, 0x7c, 0xca, 0x3b, 0x0c, 0x6d,
            0x43, 0xd4,
        ],
    ),
    (
        "password",
        [
            0x9e, 0xff, 0x97, 0xff, 0x90, 0xff, 0x89, 0xff, 0x9c, 0xff, 0x95, 0xff, 0x8e, 0xff,
            0x87, 0xff,
        ],
    ),
];

/// A password that this program does not contain.
#[inline(never)]
fn password() -> String {
    (0..20_u8).map(|n| char::from(b'a' + n * 7 % 26)).collect()
}

/// Makes the hash, waits, and logs in.
#[inline(never)]
fn log_in(done: &Sender<usize>, resume: &Receiver<()>) -> usize {
    let hash = NtHash::from_password(&password());
    done.send(0).unwrap();
    resume.recv().unwrap();

    let mut token = [0; 256];
    let challenge = Challenge::read(read_token(CHALLENGE, &mut token).unwrap()).unwrap();
    let login = Login {
        user: User::parse(r"CONTOSO\alice").unwrap(),
        hash: &hash,
        host: "mail.contoso.com",
        binding: Some(ChannelBinding::tls_server_end_point(&[0x5a; 32])),
        nonce: *b"8 random",
    };
    let answer = Authenticate::new(&challenge, &login).unwrap();
    let mut message = [0; 512];
    let message = answer.write(&mut message).unwrap();
    message.len()
}

/// How often the inverse of these bytes is in the memory that this process can write to.
fn count(inverted: &[u8; 16]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut page = [0; 4096 + 15]; // to the end of what starts in it
    let mut found = 0;
    for line in read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, rights) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|it| u64::from_str_radix(it, 16).unwrap());
        let pages = (start..end).step_by(4096);
        for at in pages.take_while(|_| rights.starts_with("rw")) {
            let Ok(len) = memory.read_at(&mut page, at) else {
                break;
            };
            if page[..len] != [0; 4096 + 15][..len] {
                let same = |bytes: &&[u8]| bytes.iter().zip(inverted).all(|(a, b)| *a == !b);
                found += page[..len].windows(16).filter(same).count();
                page.fill(0); // this is memory too
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_after_a_login() {
    let (done, is_done) = channel();
    let (resume, may_resume) = channel();
    let client = thread::spawn(move || {
        let len = log_in(&done, &may_resume);
        done.send(len).unwrap();
        let _ = may_resume.recv(); // the thread and its stack stay as they are
    });
    is_done.recv().unwrap();
    let [(_, nt_hash), ..] = &INVERTED;
    assert_ne!(count(nt_hash), 0, "the search finds nothing");
    resume.send(()).unwrap();
    assert!(is_done.recv().unwrap() > 88);
    for (name, secret) in &INVERTED {
        assert_eq!(count(secret), 0, "{name}");
    }
    drop(resume);
    client.join().unwrap();
}
