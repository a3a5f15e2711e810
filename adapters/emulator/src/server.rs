//! The running emulator: a thread with a listener and a task for each connection.

use core::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::connection::serve;
use crate::log::{LoggedLogin, LoggedRequest, LoggedTunnel};
use crate::mailbox::MailboxEntry;
use crate::payload::payload;
use crate::proxy;
use crate::scenario::{Change, ProxyRule, Scenario, ScenarioError};
use crate::service::{Service, PATH};
use crate::tls::Tls;
use crate::upload::Data;

/// A running server. Dropping it ends the server and its connections.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    ca_pem: Option<String>,
    certificate: Option<Vec<u8>>,
    proxy: Option<SocketAddr>,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts a server for `scenario` on `listen`, which must be a loopback address. With port 0, the system chooses a
    /// port.
    ///
    /// # Errors
    /// If the address is not a loopback address or cannot be used, if a value of the scenario is not valid, or if the
    /// system provides no thread or no random numbers for keys.
    pub fn start(scenario: Scenario, listen: SocketAddr) -> Result<Self, StartError> {
        scenario.validate().map_err(StartError::Scenario)?;
        if !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let tls = scenario
            .tls
            .then(|| Tls::new(scenario.rsa))
            .transpose()
            .map_err(StartError::Tls)?;
        let (acceptor, ca_pem, certificate) = match tls {
            Some(tls) => (Some(tls.acceptor), Some(tls.ca_pem), Some(tls.certificate)),
            None => (None, None, None),
        };
        let listener = TcpListener::bind(listen).map_err(|e| StartError::Listen(listen, e))?;
        let address = listener.local_addr().map_err(StartError::Runtime)?;
        listener
            .set_nonblocking(true)
            .map_err(StartError::Runtime)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;

        let rule = scenario.proxy.clone();
        let proxy = rule.map(|rule| listen_as_proxy(listen, rule)).transpose()?;
        let proxy_address = proxy.as_ref().map(|(_, address, _)| *address);

        let service =
            Arc::new(Service::new(scenario, certificate.as_deref()).map_err(StartError::Store)?);
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&service);
        let serve = move || {
            runtime.block_on(async move {
                if let Some((listener, _, rule)) = proxy {
                    let service = Arc::clone(&of_thread);
                    tokio::spawn(tunnels(listener, address, rule, service));
                }
                tokio::spawn(accept(listener, of_thread, acceptor));
                // If the sender is not used, it is dropped with the emulator.
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new()
            .name("exportitems-emulator".to_owned())
            .spawn(serve)
            .map_err(StartError::Runtime)?;
        Ok(Self {
            address,
            ca_pem,
            certificate,
            proxy: proxy_address,
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for `ExportItems` requests.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{PATH}", self.address)
    }

    /// Returns the certificate of the authority that issued the server's certificate, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Returns the server's certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// The URL of its proxy, without user and password.
    #[must_use]
    pub fn proxy_url(&self) -> Option<String> {
        self.proxy.map(|address| format!("http://{address}"))
    }

    /// Every request that its proxy has answered, oldest first.
    #[must_use]
    pub fn tunnels(&self) -> Vec<LoggedTunnel> {
        self.service.log().tunnels()
    }

    /// Returns all logins by NTLM, oldest first.
    #[must_use]
    pub fn logins(&self) -> Vec<LoggedLogin> {
        self.service.log().logins()
    }

    /// Returns the last ten thousand requests, oldest first.
    ///
    /// A request is listed before the first byte of its response is sent.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.service.log().requests()
    }

    /// Returns the items of the mailbox with this address, or nothing if there is no such mailbox.
    #[must_use]
    pub fn items(&self, address: &str) -> Vec<MailboxEntry> {
        self.service.mailboxes().entries(address)
    }

    /// Returns the payload of an item of the mailbox with this address, or `None` if there is no such item or its file
    /// cannot be read.
    #[must_use]
    pub fn stored_payload(&self, address: &str, id: &str) -> Option<Vec<u8>> {
        let data = self.service.mailboxes().data(address, id)?;
        match data {
            Data::Generated(item) => payload(item.seed, item.size).ok(),
            Data::Uploaded(uploaded) => fs::read(&uploaded.path).ok(),
        }
    }

    /// Returns the id of the folder at this path, as in [`FolderRule::path`](crate::FolderRule::path), of the mailbox with
    /// this address.
    #[must_use]
    pub fn folder_id(&self, address: &str, path: &str) -> Option<String> {
        self.service.mailboxes().folder_id(address, path)
    }

    /// Changes the mailbox with this address. Returns `false` if there is no such mailbox.
    #[allow(clippy::must_use_candidate)] // a test that has written the address knows that it exists
    pub fn change(&self, address: &str, change: &Change) -> bool {
        self.service.mailboxes().change(Some(address), change)
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, the message has already been printed.
            let _ = thread.join();
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, tls: Option<TlsAcceptor>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A connection that fails before it is accepted does not concern the server.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&service), tls.clone()));
        }
    }
}

/// A listener for the proxy, at the same host as the server and at any port.
fn listen_as_proxy(
    server: SocketAddr,
    rule: ProxyRule,
) -> Result<(TcpListener, SocketAddr, ProxyRule), StartError> {
    let listen = SocketAddr::new(server.ip(), 0);
    let listener = TcpListener::bind(listen).map_err(|error| StartError::Listen(listen, error))?;
    listener
        .set_nonblocking(true)
        .map_err(StartError::Runtime)?;
    let address = listener.local_addr().map_err(StartError::Runtime)?;
    Ok((listener, address, rule))
}

async fn tunnels(
    listener: TcpListener,
    server: SocketAddr,
    rule: ProxyRule,
    service: Arc<Service>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let (rule, service) = (rule.clone(), Arc::clone(&service));
            tokio::spawn(async move { proxy::serve(stream, server, &rule, &service).await });
        }
    }
}

async fn connection(stream: TcpStream, service: Arc<Service>, tls: Option<TlsAcceptor>) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, &service).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, &service).await;
            }
        }
    }
}

/// The emulator did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address is not a loopback address. The emulator has no real access control, so it serves only this machine.
    NotLoopback(SocketAddr),
    /// The system cannot listen on the address.
    Listen(SocketAddr, io::Error),
    /// A value of the scenario is not valid.
    Scenario(ScenarioError),
    /// The certificate could not be made.
    Tls(Box<dyn core::error::Error + Send + Sync>),
    /// The system provides no thread or no asynchronous sockets.
    Runtime(io::Error),
    /// The folder for uploaded items cannot be used.
    Store(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "the emulator listens on loopback only, not on {address}; use 127.0.0.1 or [::1]"
            ),
            Self::Listen(address, _) => write!(f, "cannot listen on {address}"),
            Self::Scenario(error) => error.fmt(f),
            Self::Tls(_) => f.write_str("cannot make a TLS certificate"),
            Self::Runtime(_) => f.write_str("cannot start the server's thread"),
            Self::Store(_) => f.write_str("cannot use the folder for uploaded items"),
        }
    }
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NotLoopback(_) => None,
            Self::Listen(_, error) | Self::Runtime(error) | Self::Store(error) => Some(error),
            // `Display` prints its text.
            Self::Scenario(error) => error.source(),
            Self::Tls(error) => Some(&**error),
        }
    }
}
