//! TLS as servers set it up, well and not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{mpsc, Arc};
use std::time::Duration;

use exportitems::policy::Disposition;
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_std::client::{
    Answer, BuildError, Client, ClientBuilder, ClientError, Phase, StatusKind, TlsProblem,
    TlsVersion, TransportError,
};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::connection::{many, read_request_of_any_size};
use crate::server::{answer, read_request, serve, soap, Notes};

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A self-signed certificate and the file of it that a client is given.
struct Identity {
    config: Arc<ServerConfig>,
    dir: TempDir,
}

impl Identity {
    fn new(names: &[&str], change: impl Fn(&mut CertificateParams)) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::ExplicitNoCa;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.path().join("ca.der"), certificate.der()).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            config: Arc::new(config),
            dir,
        }
    }

    fn localhost() -> Self {
        Self::new(&["127.0.0.1"], |_| {})
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server with this identity, and its URL.
    fn serve(&self, mut each: impl FnMut(usize, Stream) + Send + 'static) -> String {
        let config = Arc::clone(&self.config);
        let url = serve(move |number, socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            each(number, StreamOwned::new(connection, socket));
        });
        url.replace("http:", "https:")
    }

    fn client(&self, url: &str) -> Client {
        client(url, |builder| builder.ca_file(self.file("ca.pem")))
    }
}

fn client(url: &str, options: impl Fn(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder(url).read_timeout(Duration::from_secs(10));
    options(builder).build().unwrap()
}

fn export(client: &mut Client) -> Result<Answer, ClientError> {
    let items = [ItemId::new("a")];
    client.export(
        &RequestHeaders::new(),
        &items,
        &mut Notes::default(),
        Options::new(),
    )
}

/// Why there is no TLS connection, and what is said about it.
fn problem(client: &mut Client) -> (TlsProblem, String) {
    let error = export(client).unwrap_err();
    let (text, disposition) = (error.to_string(), error.disposition());
    match error {
        ClientError::Transport(TransportError::Tls { problem, .. }) => {
            let lasting = !matches!(problem, TlsProblem::Closed | TlsProblem::Other);
            assert_eq!(disposition == Disposition::Permanent, lasting, "{text}");
            for useless in ["fewer", "smaller", "again"] {
                assert!(!text.contains(useless), "{text}");
            }
            (problem, text)
        }
        error => panic!("{error}"),
    }
}

#[test]
fn only_data_and_the_end_spend_a_kept_connection() {
    let identity = Identity::localhost();
    for (name, kept) in [
        ("nothing", true),
        ("a key update", true),
        ("data", false),
        ("close_notify", false),
        ("a fatal alert", false),
        ("an end without close_notify", false),
    ] {
        let (go_on, wait) = mpsc::channel::<()>();
        let (done, pushed) = mpsc::channel();
        let (log, requests) = mpsc::channel();
        let url = identity.serve(move |connection, mut stream| {
            let mut requests = 0;
            while read_request(&mut stream).is_some() {
                requests += 1;
                log.send(connection).unwrap();
                stream.write_all(&soap(200, &answer(1))).unwrap();
                stream.flush().unwrap();
                if connection > 0 || requests > 1 {
                    return;
                }
                wait.recv().unwrap();
                match name {
                    "a key update" => stream.conn.refresh_traffic_keys().unwrap(),
                    "data" => stream.write_all(&soap(200, &answer(2))).unwrap(),
                    "close_notify" => stream.conn.send_close_notify(),
                    // In the clear, so that it is no record of this connection.
                    "a fatal alert" => stream
                        .sock
                        .write_all(b"\x15\x03\x03\x00\x02\x02\x28")
                        .unwrap(),
                    "nothing" => {}
                    _ => stream.sock.shutdown(std::net::Shutdown::Both).unwrap(),
                }
                let _ = stream.flush();
                done.send(()).unwrap();
            }
        });
        let mut client = identity.client(&url);
        export(&mut client).unwrap();
        go_on.send(()).unwrap();
        pushed.recv().unwrap();
        let answer = export(&mut client).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer.summary.items, 1, "{name}");
        let second = usize::from(!kept);
        assert_eq!(
            requests.try_iter().collect::<Vec<_>>(),
            [0, second],
            "{name}"
        );
    }
}

#[test]
fn a_request_of_any_size_goes_through_and_may_be_answered_early() {
    let items = many();
    let identity = Identity::localhost();
    let url = identity.serve(|connection, mut stream| {
        let mut first = [0; 100];
        stream.read_exact(&mut first).unwrap();
        if connection > 0 {
            let refusal = crate::server::response(413, "", "no");
            stream.write_all(&refusal).unwrap();
            stream.flush().unwrap();
            // It stays open, with the rest of the request unread.
            std::mem::forget(stream);
            return;
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let items = read_request_of_any_size(&mut std::io::Read::chain(&first[..], &mut stream));
        assert_eq!(items, 60_000);
        stream.write_all(&soap(200, &answer(2))).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let mut client = identity.client(&url);
    let mut request = || {
        let request = RequestHeaders::new();
        client.export(&request, &items, &mut Notes::default(), Options::new())
    };
    assert_eq!(request().unwrap().summary.ok, 2);
    let error = request().unwrap_err();
    assert!(
        matches!(&error, ClientError::Status(error) if error.kind == StatusKind::TooLarge),
        "{error}"
    );
}

#[test]
fn certificates_that_are_refused() {
    let serve = |identity: &Identity| identity.serve(|_, mut stream| drop(stream.read(&mut [0])));

    let identity = Identity::localhost();
    let url = serve(&identity);
    // Another authority of the same name, and of another one.
    for name in ["rcgen self signed cert", "another"] {
        let other = Identity::new(&["127.0.0.1"], |params| {
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
        });
        let (found, text) = problem(&mut other.client(&url));
        assert_eq!(found, TlsProblem::UnknownAuthority, "{text}");
    }

    let identity = Identity::new(&["mail.example.test", "10.0.0.1"], |_| {});
    let (found, text) = problem(&mut identity.client(&serve(&identity)));
    assert!(matches!(found, TlsProblem::WrongName { .. }), "{text}");
    assert!(
        text.contains("is for mail.example.test, 10.0.0.1, not for"),
        "{text}"
    );

    let identity = Identity::new(&[], |_| {});
    let (found, text) = problem(&mut identity.client(&serve(&identity)));
    assert_eq!(found, TlsProblem::WrongName { names: vec![] });
    assert!(text.contains("subjectAltName"), "{text}");

    let identity = Identity::new(&["127.0.0.1"], |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 2, 3);
    });
    let (found, text) = problem(&mut identity.client(&serve(&identity)));
    assert!(matches!(found, TlsProblem::Expired { .. }), "{text}");
    assert!(text.contains("expired on 2020-02-03 00:00 UTC"), "{text}");

    let identity = Identity::new(&["127.0.0.1"], |params| {
        params.not_before = rcgen::date_time_ymd(2200, 1, 1);
        params.not_after = rcgen::date_time_ymd(2201, 1, 1);
    });
    let (found, text) = problem(&mut identity.client(&serve(&identity)));
    assert!(matches!(found, TlsProblem::NotYetValid { .. }), "{text}");
    assert!(text.contains("valid from 2200-01-01 00:00 UTC"), "{text}");

    let identity = Identity::new(&["127.0.0.1"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let (found, text) = problem(&mut identity.client(&serve(&identity)));
    assert_eq!(found, TlsProblem::AuthorityAsServer, "{text}");
}

#[test]
fn what_does_not_speak_tls_or_only_an_old_one() {
    for (bytes, expected) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            TlsProblem::NotTls { http: true },
        ),
        (
            b"220 mail.example.com ESMTP\r\n",
            TlsProblem::NotTls { http: false },
        ),
        // Alerts of TLS 1.0: protocol_version, handshake_failure, unrecognized_name.
        (b"\x15\x03\x01\x00\x02\x02\x46", TlsProblem::OldVersion),
        (b"\x15\x03\x01\x00\x02\x02\x28", TlsProblem::NothingInCommon),
        (b"\x15\x03\x03\x00\x02\x02\x70", TlsProblem::UnknownName),
        (b"", TlsProblem::Closed),
    ] {
        let url = serve(move |_, mut stream| {
            // The whole greeting, so that closing does not reset what is sent.
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(bytes).unwrap();
        });
        let url = url.replace("http:", "https:");
        let identity = Identity::localhost();
        let mut client = identity.client(&url);
        let (found, text) = problem(&mut client);
        assert_eq!(found, expected, "{text}");
        assert!(!client.has_connected());
    }
}

#[test]
fn a_handshake_has_one_limit() {
    let whole = Duration::from_millis(150);
    // Silent, or a byte at a time of a record that never ends.
    for drips in [false, true] {
        let url = serve(move |_, mut stream| {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.set_read_timeout(Some(Duration::from_millis(10)));
                let record = b"\x16\x03\x03\x40\x00"
                    .iter()
                    .chain(std::iter::repeat_n(&0, 300));
                for byte in record {
                    // The pause is the wait for a byte that the client never sends.
                    let gone = matches!(stream.read(&mut [0]), Ok(0));
                    if gone || drips && stream.write_all(&[*byte]).is_err() {
                        break;
                    }
                }
            });
        });
        let url = url.replace("http:", "https:");
        let identity = Identity::localhost();
        let mut client = client(&url, |builder| {
            builder
                .ca_file(identity.file("ca.pem"))
                .connect_timeout(whole)
        });
        let began = std::time::Instant::now();
        let error = export(&mut client).unwrap_err();
        assert!(
            matches!(
                &error,
                ClientError::Transport(TransportError::Timeout {
                    phase: Phase::Handshake,
                    after
                }) if *after == whole
            ),
            "{error}"
        );
        assert!(began.elapsed() < 20 * whole, "{:?}", began.elapsed());
    }
}

#[test]
fn a_file_of_certificates_as_it_may_be_saved() {
    let identity = Identity::localhost();
    let pem = std::fs::read_to_string(identity.file("ca.pem")).unwrap();
    let crlf = pem.replace('\n', "\r\n");
    let wide = format!("\u{feff}{crlf}");
    let bytes = |unit: fn(u16) -> [u8; 2]| wide.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    let der = std::fs::read(identity.file("ca.der")).unwrap();
    let url = identity.serve(|_, mut stream| {
        if read_request(&mut stream).is_some() {
            stream.write_all(&soap(200, &answer(1))).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    for content in [
        pem.into_bytes(),
        wide.clone().into_bytes(),
        bytes(u16::to_le_bytes),
        bytes(u16::to_be_bytes),
        der,
    ] {
        let file = identity.file("saved");
        std::fs::write(&file, content).unwrap();
        export(&mut client(&url, |builder| builder.ca_file(&file))).unwrap();
    }
}

fn fingerprint(identity: &Identity) -> [u8; 32] {
    Sha256::digest(std::fs::read(identity.file("ca.der")).unwrap()).into()
}

#[test]
fn exactly_one_certificate_can_be_trusted() {
    let good = |_, mut stream: Stream| {
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(&soap(200, &answer(1)));
        }
    };
    let trusting = |url: &str, sha256| client(url, |builder| builder.trust_certificate(sha256));
    // Exchange's own certificate is one of an authority, which webpki refuses for a server.
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let (one, other) = (
        Identity::new(&["127.0.0.1"], authority),
        Identity::localhost(),
    );
    let url = one.serve(good);
    export(&mut trusting(&url, fingerprint(&one))).unwrap();
    let (found, text) = problem(&mut trusting(&url, fingerprint(&other)));
    let sha256 = fingerprint(&one);
    assert_eq!(found, TlsProblem::OtherCertificate { sha256 });
    let hex: Vec<_> = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(text.contains(&hex.concat()), "{text}");

    // Names and dates count.
    let elsewhere = Identity::new(&["mail.example.com"], |_| {});
    let url = elsewhere.serve(good);
    let (found, _) = problem(&mut trusting(&url, fingerprint(&elsewhere)));
    assert!(matches!(found, TlsProblem::WrongName { .. }), "{found:?}");
    let expired = Identity::new(&["127.0.0.1"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let url = expired.serve(good);
    let (found, _) = problem(&mut trusting(&url, fingerprint(&expired)));
    let not_after = Some(1_577_836_800);
    assert_eq!(found, TlsProblem::Expired { not_after });
    let early = Identity::new(&["127.0.0.1"], |params| {
        params.not_before = rcgen::date_time_ymd(3020, 1, 1);
        params.not_after = rcgen::date_time_ymd(3021, 1, 1);
    });
    let url = early.serve(good);
    let (found, _) = problem(&mut trusting(&url, fingerprint(&early)));
    assert!(matches!(found, TlsProblem::NotYetValid { .. }), "{found:?}");
}

/// A server of one version of TLS that wants a client certificate of this authority, if there is one.
fn server_of(
    identity: &Identity,
    version: &'static SupportedProtocolVersion,
    client: Option<&Identity>,
) -> String {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from_pem_file(identity.file("key.pem")).unwrap();
    let chain = vec![std::fs::read(identity.file("ca.der")).unwrap().into()];
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = rustls::RootCertStore::empty();
            let der = std::fs::read(client.file("ca.der")).unwrap();
            roots.add(der.into()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let url = serve(move |_, socket| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(&soap(200, &answer(1)));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    url.replace("http:", "https:")
}

#[test]
fn versions_and_client_certificates() {
    let (server, own) = (Identity::localhost(), Identity::localhost());
    let lowest = |url: &str, version| {
        let ca = server.file("ca.pem");
        client(url, |builder| builder.ca_file(&ca).lowest_tls(version))
    };
    let old = server_of(&server, &rustls::version::TLS12, None);
    export(&mut lowest(&old, TlsVersion::Tls12)).unwrap();
    let (found, text) = problem(&mut lowest(&old, TlsVersion::Tls13));
    assert_eq!(found, TlsProblem::OldVersion, "{text}");

    let asks = server_of(&server, &rustls::version::TLS13, Some(&own));
    let error = export(&mut lowest(&asks, TlsVersion::Tls13)).unwrap_err();
    assert!(error.to_string().contains("client certificate"), "{error}");
    let ca = server.file("ca.pem");
    let with = |certificate: &str, key: &str| {
        Client::builder(&asks)
            .ca_file(&ca)
            .client_certificate(own.file(certificate), own.file(key))
            .build()
    };
    export(&mut with("ca.pem", "key.pem").unwrap()).unwrap();
    for (certificate, key) in [
        ("key.pem", "key.pem"),
        ("ca.pem", "ca.pem"),
        ("ca.pem", "none"),
    ] {
        let error = with(certificate, key).unwrap_err();
        assert!(
            matches!(error, BuildError::ClientCertificate { .. }),
            "{error}"
        );
    }
}

#[test]
fn the_caller_may_bring_a_configuration() {
    let identity = Identity::localhost();
    let url = identity.serve(|_, mut stream| {
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(&soap(200, &answer(1)));
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    let der = std::fs::read(identity.file("ca.der")).unwrap();
    roots.add(der.into()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    export(&mut client(&url, |builder| {
        builder.tls_config(Arc::clone(&config))
    }))
    .unwrap();
}
