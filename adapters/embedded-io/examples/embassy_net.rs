//! embassy-net's TCP socket as the transport, in an async task of a microcontroller. Compiled only: it needs a network.
//!
//! `cargo build -p exportitems-embedded-io --example embassy_net`
//!
//! A firmware makes the `Stack` from its driver with `embassy_net::new`, spawns the stack's runner, and calls `export`.
//! For TLS, put `embedded-tls` between the socket and the client.

use embassy_net::tcp::{ConnectError, Error as TcpError, TcpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{with_timeout, Duration, TimeoutError};
use exportitems::{Decoder, ExportItems, ItemId, Options, Summary};
use exportitems_embedded_io::{AsyncSink, Authorization, Client, CredentialsError, Error, Server};

/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an export may take in total.
const LIMIT: Duration = Duration::from_secs(600);

/// Why there is no summary.
#[derive(Debug)]
pub enum ExportError {
    /// The credentials cannot be sent.
    Credentials(CredentialsError),
    /// The server cannot be reached.
    Connect(ConnectError),
    /// The whole export failed.
    Export(Error<TcpError>),
    /// It took too long.
    TimedOut,
}

/// Exports items into a sink that may wait, for example for flash or for a radio.
///
/// After the time limit the export is dropped. Items that the sink has committed stay committed.
pub async fn export(
    stack: Stack<'_>,
    server: IpEndpoint,
    items: &[ItemId<'_>],
    sink: &mut impl AsyncSink,
) -> Result<Summary, ExportError> {
    let (mut receive, mut send) = ([0; 1536], [0; 512]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
    socket.set_timeout(Some(SILENCE));
    socket.connect(server).await.map_err(ExportError::Connect)?;

    let (mut secret, mut buffer) = ([0; 64], [0; 1024]);
    let authorization = Authorization::basic("CONTOSO\\backup", "correct horse", &mut secret)
        .map_err(ExportError::Credentials)?;
    let host = Server::new("mail.contoso.com").authorization(authorization);
    let mut client = Client::new(socket, host, &mut buffer);
    let requested = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let mut decoder: Decoder = Decoder::new(Options::new().items(requested));

    let request = ExportItems::new(items);
    let export = client.export_async(&request, &mut decoder, sink);
    match with_timeout(LIMIT, export).await {
        Ok(result) => result.map_err(ExportError::Export),
        Err(TimeoutError) => Err(ExportError::TimedOut),
    }
}

fn main() {
    println!("compiled only: this example needs a network");
}
