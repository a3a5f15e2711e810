//! Servers that are trusted and servers that are not, over TLS of rustls and over a handshake of our own.

mod peer;
mod records;

use std::net::TcpStream;

use embedded_io_adapters::std::FromStd;
use embedded_tls::blocking::TlsConnection;
use embedded_tls::blocking::{CertificateEntryRef, CertificateRef, Sha256, TlsVerifier};
use exportitems_embedded_tls::{CertificateError, EndPoint, Error, Guard, Verifier};
use peer::{Authority, Kind, HOST};
use sha2::Digest as _;

const NOW: u64 = 1_800_000_000; // 2027-01-15
const CHAIN: usize = 4096;

/// Opens a connection with the blocking and with the async client, to a server with this chain.
fn open(
    ca: &Authority,
    time: Option<u64>,
    host: &str,
    chain: &[&Authority],
) -> Result<EndPoint, Error> {
    let mut verifier = Verifier::<CHAIN>::new(&ca.der, time).unwrap();
    let address = peer::serve(chain);
    let (mut receive, mut send) = (vec![0; 16_640], vec![0; 2048]);
    let socket = FromStd::new(TcpStream::connect(address).unwrap());
    let mut tls = TlsConnection::new(Guard::new(socket), &mut receive, &mut send);
    let blocking = verifier.open(&mut tls, host, rand_core::OsRng);
    if blocking.is_ok() {
        let mut greeting = [0; 5];
        assert_eq!(tls.read(&mut greeting).unwrap(), 5);
        assert_eq!(&greeting, b"hello");
    }

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let asynchronous = runtime.block_on(async {
        let (mut receive, mut send) = (vec![0; 16_640], vec![0; 2048]);
        let socket = tokio::net::TcpStream::connect(peer::serve(chain)).await;
        let socket = embedded_io_adapters::tokio_1::FromTokio::new(socket.unwrap());
        let mut tls = embedded_tls::TlsConnection::new(Guard::new(socket), &mut receive, &mut send);
        verifier.open_async(&mut tls, host, rand_core::OsRng).await
    });
    assert_eq!(format!("{blocking:?}"), format!("{asynchronous:?}"));
    blocking
}

fn refused(result: &Result<EndPoint, Error>) -> CertificateError {
    match result {
        Err(Error::Certificate(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_of_the_pinned_authority_is_trusted_and_hashed() {
    let root = Authority::root();
    let middle = Authority::new(&root, Kind::Authority(0));
    for chain in [
        &[&Authority::new(&root, Kind::Server)][..],
        &[&Authority::new(&root, Kind::Server), &root],
        &[&Authority::new(&middle, Kind::Server), &middle],
        &[&Authority::new(&middle, Kind::Server), &middle, &root],
    ] {
        for time in [None, Some(NOW)] {
            let end_point = open(&root, time, HOST, chain).unwrap();
            let hash = Sha256::digest(&chain[0].der);
            assert_eq!(end_point.hash(), Some(&hash[..]));
        }
    }
}

#[test]
fn other_servers_are_refused() {
    let root = Authority::root();
    let server = Authority::new(&root, Kind::Server);
    let other = Authority::root();
    let no_authority = Authority::new(&root, Kind::Server);
    let middle = Authority::new(&root, Kind::Authority(0));
    let below = Authority::new(&middle, Kind::Authority(0));
    let cases: [(&Authority, u64, &str, &[&Authority], CertificateError); 9] = [
        (&other, NOW, HOST, &[&server], CertificateError::NotTrusted),
        (
            &other,
            NOW,
            HOST,
            &[&server, &root],
            CertificateError::NotTrusted,
        ),
        (
            &root,
            NOW,
            "mail.example.org",
            &[&server],
            CertificateError::NotTrusted,
        ),
        (&root, NOW, HOST, &[&other], CertificateError::NotTrusted),
        (&root, 0, HOST, &[&server], CertificateError::NotYetValid),
        (&root, u64::MAX, HOST, &[&server], CertificateError::Expired),
        // embedded-tls alone accepts these two.
        (
            &root,
            NOW,
            HOST,
            &[&Authority::new(&no_authority, Kind::Server), &no_authority],
            CertificateError::NotAuthority,
        ),
        (
            &root,
            NOW,
            HOST,
            &[&Authority::new(&below, Kind::Server), &below, &middle],
            CertificateError::NotAuthority,
        ),
        (
            &root,
            NOW,
            HOST,
            &[&Authority::new(&root, Kind::Client)],
            CertificateError::NotForServers,
        ),
    ];
    for (number, (ca, time, host, chain, expected)) in cases.into_iter().enumerate() {
        let result = open(ca, Some(time), host, chain);
        assert_eq!(refused(&result), expected, "{number}");
    }
}

/// embedded-tls completes the handshake of a server that shows no certificate: any attacker can be that server.
#[test]
fn a_server_without_a_certificate_is_refused() {
    let root = Authority::root();
    let (mut receive, mut send) = (vec![0; 16_640], vec![0; 2048]);
    let socket = FromStd::new(TcpStream::connect(peer::serve_nothing()).unwrap());
    let mut tls = TlsConnection::new(Guard::new(socket), &mut receive, &mut send);
    let mut verifier = Verifier::<CHAIN>::new(&root.der, None).unwrap();
    let result = verifier.open(&mut tls, HOST, rand_core::OsRng);
    assert!(matches!(result, Err(Error::NotProven)), "{result:?}");
}

/// Passes a chain to the verifier, without TLS.
fn check(ca: &[u8], chain: &[&[u8]]) -> bool {
    let mut verifier = Verifier::<CHAIN>::new(ca, None).unwrap();
    verifier.set_hostname_verification(HOST).unwrap();
    let mut certificates = CertificateRef::with_context(&[]);
    for der in chain {
        certificates.add(CertificateEntryRef::X509(der)).unwrap();
    }
    verifier
        .verify_certificate(&Sha256::new(), certificates)
        .is_ok()
}

#[test]
fn malformed_certificates_and_keys_give_errors() {
    let root = Authority::root();
    let server = Authority::new(&root, Kind::Server);
    assert!(check(&root.der, &[&server.der]));
    assert!(!check(&root.der, &[]));
    let critical = Authority::new(&root, Kind::Critical); // rustls does not serve it
    assert!(!check(&root.der, &[&critical.der]));
    // No change of a byte is accepted, and none panics; nor does a cut.
    for place in 0..server.der.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut der = server.der.clone();
            der[place] ^= change;
            assert!(!check(&root.der, &[&der]), "byte {place} ^ {change:#x}");
            let _ = Verifier::<CHAIN>::new(&der, None);
        }
        assert!(!check(&root.der, &[&server.der[..place]]), "cut at {place}");
        assert!(Verifier::<CHAIN>::new(&root.der[..place.min(root.der.len() - 1)], None).is_err());
    }
}

/// Of each algorithm that embedded-tls unwraps: a key that is too short, and a signature scheme that is not the key's.
#[test]
fn keys_of_other_forms_give_errors() {
    let root = Authority::root();
    let server = Authority::new(&root, Kind::Server);
    // The algorithm and the start of the key.
    let p256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    let at = |der: &[u8]| {
        let mut places = der.windows(p256.len());
        places.position(|bytes| bytes == p256).unwrap()
    };
    // The algorithm in place of `id-ecPublicKey` and the curve, 19 bytes: the OID and a NULL, padded with a BOOLEAN.
    for oid in [
        &b"\x06\x03\x2b\x65\x70"[..],                            // Ed25519
        b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", // RSA
    ] {
        for from in [&server, &root] {
            let mut der = from.der.clone();
            let end = at(&der) + 10;
            let algorithm = &mut der[end - 19..end];
            algorithm[..oid.len()].copy_from_slice(oid);
            algorithm[oid.len()] = 4; // OCTET STRING
            algorithm[oid.len() + 1] = u8::try_from(19 - oid.len() - 2).unwrap();
            assert!(!check(&root.der, &[&der]));
            let refused = Verifier::<CHAIN>::new(&der, None).err();
            assert!(
                matches!(refused, Some(Error::Authority(CertificateError::Key))),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_signature_before_the_certificate_or_of_another_scheme_gives_an_error() {
    use embedded_tls::blocking::CertificateVerifyRef;
    use embedded_tls::SignatureScheme;

    let root = Authority::root();
    let server = Authority::new(&root, Kind::Server);
    let mut verifier = Verifier::<CHAIN>::new(&root.der, None).unwrap();
    let schemes = [
        SignatureScheme::EcdsaSecp256r1Sha256,
        SignatureScheme::EcdsaSecp384r1Sha384,
        SignatureScheme::Ed25519,
        SignatureScheme::RsaPssRsaeSha256,
        SignatureScheme::RsaPkcs1Sha256,
    ];
    for has_certificate in [false, true] {
        if has_certificate {
            verifier.set_hostname_verification(HOST).unwrap();
            let mut chain = CertificateRef::with_context(&[]);
            chain.add(CertificateEntryRef::X509(&server.der)).unwrap();
            verifier.verify_certificate(&Sha256::new(), chain).unwrap();
        }
        for signature_scheme in schemes {
            let verify = CertificateVerifyRef {
                signature_scheme,
                signature: &[0; 64],
            };
            assert!(verifier.verify_signature(verify).is_err());
        }
    }
}

/// The errors say what to do, and no text is empty.
#[test]
fn errors_are_texts() {
    let text = Error::Certificate(CertificateError::Expired).to_string();
    assert_eq!(
        text,
        "the server's certificate has expired; check the clock, or renew the certificate"
    );
}
