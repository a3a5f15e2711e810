//! TLS servers with certificates of every kind.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A self-signed certificate with its key, and the file of it that a client can trust.
pub(crate) struct Identity {
    pub(crate) der: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    dir: tempfile::TempDir,
}

impl Identity {
    pub(crate) fn new(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("certificate.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self {
            der: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            dir,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The configuration of a server that requires a client certificate by one of `authorities`, if there are any.
    pub(crate) fn config(&self, authorities: &[&Self]) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match authorities {
            [] => builder.with_no_client_auth(),
            authorities => {
                let mut roots = RootCertStore::empty();
                for authority in authorities {
                    roots.add(authority.der.clone()).unwrap();
                }
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                    Arc::new(roots),
                    provider,
                );
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        Arc::new(
            builder
                .with_single_cert(vec![self.der.clone()], key)
                .unwrap(),
        )
    }

    /// A server that answers each request with `answer`, and its URL.
    pub(crate) fn serve(&self, authorities: &[&Self], answer: impl Into<Vec<u8>>) -> String {
        let (config, answer) = (self.config(authorities), answer.into());
        listen(move |socket| {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config))?, socket);
            let mut byte = [0];
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte)?;
                head.push(byte[0]);
            }
            stream.write_all(&answer)?;
            stream.conn.send_close_notify();
            stream.flush()?;
            Ok(())
        })
    }

    /// A proxy that ends TLS with this certificate and connects to `server` by TLS of its own; its URL.
    pub(crate) fn inspect(&self, server: SocketAddr, authority: &str) -> String {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let to_server = tokio_rustls::TlsConnector::from(Arc::new(config));
        let from_client = tokio_rustls::TlsAcceptor::from(self.config(&[]));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = url(&listener);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .unwrap();
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    let (to_server, from_client) = (to_server.clone(), from_client.clone());
                    tokio::task::spawn_local(async move {
                        let mut client = from_client.accept(socket).await?;
                        let socket = tokio::net::TcpStream::connect(server).await?;
                        let name = ServerName::from(server.ip());
                        let mut server = to_server.connect(name, socket).await?;
                        tokio::io::copy_bidirectional(&mut client, &mut server).await
                    });
                }
            });
        });
        url
    }
}

/// A server that calls `each` with each connection, and its URL.
pub(crate) fn listen(
    each: impl Fn(TcpStream) -> Result<(), Box<dyn core::error::Error>> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url(&listener);
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            // A client that refuses the certificate ends the connection.
            let _ = each(socket);
        }
    });
    url
}

fn url(listener: &TcpListener) -> String {
    format!(
        "https://{}/EWS/Exchange.asmx",
        listener.local_addr().unwrap()
    )
}
