//! The running emulator: a thread, a listener, a task for each connection.

use core::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::connection::serve;
use crate::log::{LoggedLogin, LoggedRequest};
use crate::scenario::{Scenario, ScenarioError};
use crate::service::{Service, PATH};
use crate::tls::Tls;

/// A running server; dropping it ends it and its connections.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    ca_pem: Option<String>,
    certificate: Option<Vec<u8>>,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts a server that plays `scenario` at `listen`, a loopback address; port 0 lets the
    /// system choose one.
    ///
    /// # Errors
    /// When the address is not loopback or cannot be had, the scenario says what cannot be, or
    /// the system gives no thread or no randomness for keys.
    pub fn start(scenario: Scenario, listen: SocketAddr) -> Result<Self, StartError> {
        scenario.validate().map_err(StartError::Scenario)?;
        if !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let tls = scenario
            .tls
            .then(Tls::new)
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

        let service = Arc::new(Service::new(scenario, certificate.as_deref()));
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&service);
        let serve = move || {
            runtime.block_on(async move {
                tokio::spawn(accept(listener, of_thread, acceptor));
                // The sender is dropped with the emulator, if it is not used.
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
            service,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL to send `ExportItems` to.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{PATH}", self.address)
    }

    /// The certificate, in PEM, of the authority that its TLS certificate comes from.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Its TLS certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Every login by NTLM that it has judged, oldest first.
    #[must_use]
    pub fn logins(&self) -> Vec<LoggedLogin> {
        self.service.log().logins()
    }

    /// The last thousand requests, oldest first.
    ///
    /// A request is in it before the first byte of its response is.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.service.log().requests()
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has printed itself.
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
        // A connection that failed before it was accepted concerns its client alone.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&service), tls.clone()));
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
    /// The emulator serves made-up mail to whoever asks, so it stays on this machine.
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    Listen(SocketAddr, io::Error),
    /// The scenario says what cannot be.
    Scenario(ScenarioError),
    /// No certificate could be made.
    Tls(Box<dyn core::error::Error + Send + Sync>),
    /// The system gave no thread or no socket readiness.
    Runtime(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "the emulator listens on loopback only, not at {address}: use 127.0.0.1 or [::1]"
            ),
            Self::Listen(address, _) => write!(f, "cannot listen at {address}"),
            Self::Scenario(error) => error.fmt(f),
            Self::Tls(_) => f.write_str("cannot make a TLS certificate"),
            Self::Runtime(_) => f.write_str("cannot start the server's thread"),
        }
    }
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::NotLoopback(_) => None,
            Self::Listen(_, error) | Self::Runtime(error) => Some(error),
            // `Display` prints its text.
            Self::Scenario(error) => error.source(),
            Self::Tls(error) => Some(&**error),
        }
    }
}
