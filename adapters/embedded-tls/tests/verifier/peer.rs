//! Certificates, and servers that show them, or none.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use aes_gcm::aead::{Aead, KeyInit as _, Payload};
use aes_gcm::Aes128Gcm;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use p256::ecdh::EphemeralSecret;
use p256::PublicKey;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use sha2::{Digest as _, Sha256};

pub(crate) const HOST: &str = "mail.example.com";

/// A certificate with its key.
pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    key: KeyPair,
    params: CertificateParams,
}

/// What a certificate is for.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Server,
    Client,
    /// A server, with an unknown critical extension.
    Critical,
    /// An authority, and how many may be below it.
    Authority(u8),
}

impl Authority {
    pub(crate) fn root() -> Self {
        let (params, key) = (params(Kind::Authority(3)), KeyPair::generate().unwrap());
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, key, params }
    }

    pub(crate) fn new(issuer: &Self, kind: Kind) -> Self {
        let (params, key) = (params(kind), KeyPair::generate().unwrap());
        let issuer = Issuer::from_params(&issuer.params, &issuer.key);
        let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { der, key, params }
    }
}

fn params(kind: Kind) -> CertificateParams {
    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    match kind {
        Kind::Server => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        Kind::Client => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        Kind::Critical => {
            let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
            extension.set_criticality(true);
            params.custom_extensions = vec![extension];
        }
        Kind::Authority(below) => {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
    }
    params
}

/// Accepts one connection in a thread, and returns the address.
fn accept(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    address
}

/// A TLS server with the key of the first certificate. It says hello.
pub(crate) fn serve(chain: &[&Authority]) -> SocketAddr {
    let certificates = chain
        .iter()
        .map(|it| CertificateDer::from(it.der.clone()))
        .collect();
    let key = PrivatePkcs8KeyDer::from(chain[0].key.serialize_der());
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key.into())
            .unwrap();
    accept(move |mut socket| {
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        // A client that refuses the certificate ends the connection.
        let _ = Stream::new(&mut tls, &mut socket).write_all(b"hello");
    })
}

/// A TLS 1.3 server (RFC 8446) that sends neither `Certificate` nor `CertificateVerify`.
pub(crate) fn serve_nothing() -> SocketAddr {
    accept(|mut socket| {
        let mut header = [0; 5];
        socket.read_exact(&mut header).unwrap();
        let mut client_hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        socket.read_exact(&mut client_hello).unwrap();
        // The client's share: secp256r1, 65 bytes.
        let share = client_hello
            .windows(4)
            .position(|bytes| bytes == [0, 0x17, 0, 65])
            .unwrap();
        let share = PublicKey::from_sec1_bytes(&client_hello[share + 4..share + 69]).unwrap();
        let secret = EphemeralSecret::random(&mut rand_core::OsRng);
        let own = p256::EncodedPoint::from(secret.public_key());

        let mut extensions = vec![0, 0x2b, 0, 2, 3, 4, 0, 0x33, 0, 69, 0, 0x17, 0, 65];
        extensions.extend_from_slice(own.as_bytes());
        let mut hello = vec![3, 3];
        hello.extend_from_slice(&[7; 32]);
        hello.extend_from_slice(&[0, 0x13, 0x01, 0, 0, u8::try_from(extensions.len()).unwrap()]);
        hello.extend_from_slice(&extensions);
        let hello = message(2, &hello);
        socket.write_all(&record(22, &hello)).unwrap();

        let mut transcript = Sha256::new_with_prefix(&client_hello);
        transcript.update(&hello);
        let shared = secret.diffie_hellman(&share);
        let (early, _) = Hkdf::<Sha256>::extract(None, &[0; 32]);
        let derived = expand(&early, "derived", &Sha256::digest([]), 32);
        let (handshake, _) = Hkdf::<Sha256>::extract(Some(&derived), shared.raw_secret_bytes());
        let secret = expand(
            &handshake,
            "s hs traffic",
            &transcript.clone().finalize(),
            32,
        );
        let (key, iv) = (
            expand(&secret, "key", &[], 16),
            expand(&secret, "iv", &[], 12),
        );

        let extensions = message(8, &[0, 0]);
        transcript.update(&extensions);
        let mut finished =
            <Hmac<Sha256> as hmac::Mac>::new_from_slice(&expand(&secret, "finished", &[], 32))
                .unwrap();
        finished.update(&transcript.finalize());
        let mut inner = extensions;
        inner.extend_from_slice(&message(20, &finished.finalize().into_bytes()));
        inner.push(22);

        let length = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let payload = Payload {
            msg: &inner,
            aad: &[23, 3, 3, length[0], length[1]],
        };
        let cipher = Aes128Gcm::new_from_slice(&key).unwrap();
        let sealed = cipher.encrypt(iv[..].into(), payload).unwrap();
        socket.write_all(&record(23, &sealed)).unwrap();
        // Until the client goes.
        let _ = socket.read_to_end(&mut Vec::new());
    })
}

fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], content].concat()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3], &length[..], content].concat()
}

/// `HKDF-Expand-Label` (RFC 8446 §7.1).
fn expand(secret: &[u8], label: &str, context: &[u8], len: u16) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let mut info = len.to_be_bytes().to_vec();
    for part in [label.as_bytes(), context] {
        info.push(u8::try_from(part.len()).unwrap());
        info.extend_from_slice(part);
    }
    let mut out = vec![0; len.into()];
    Hkdf::<Sha256>::from_prk(secret)
        .unwrap()
        .expand(&info, &mut out)
        .unwrap();
    out
}
