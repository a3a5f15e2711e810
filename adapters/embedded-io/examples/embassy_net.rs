//! embassy-net's TCP socket as the transport, in an async task of a microcontroller. Compiled only: it wants a network.
//!
//! `cargo build -p exportitems-embedded-io --example embassy_net`
//!
//! A firmware makes the `Stack` from its driver with `embassy_net::new`, spawns the stack's runner, and calls `export`.
//! Without TLS: put `embedded-tls` between socket and client.

use embassy_net::tcp::{ConnectError, Error as TcpError, TcpSocket};
use embassy_net::{IpEndpoint, Stack};
use embassy_time::{with_timeout, Duration, TimeoutError};
use exportitems::{Decoder, ExportItems, ItemId, Options, Summary};
use exportitems_embedded_io::{AsyncSink, Authorization, Client, CredentialsError, Error, Server};

/// Longest silence of the server.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest export, whatever the server does.
const LIMIT: Duration = Duration::from_secs(600);

/// Why there is no summary.
#[derive(Debug)]
pub enum ExportError {
    /// The credentials cannot be carried.
    Credentials(CredentialsError),
    /// The server cannot be reached.
    Connect(ConnectError),
    /// The export failed as a whole.
    Export(Error<TcpError>),
    /// It took too long.
    TimedOut,
}

/// Exports items into a sink that may wait, for flash or for a radio.
///
/// When the time is up the export is dropped where it waits: what the sink has committed stays committed.
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
    let items_asked_for = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let mut decoder: Decoder = Decoder::new(Options::new().items(items_asked_for));

    let request = ExportItems::new(items);
    let export = client.export_async(&request, &mut decoder, sink);
    match with_timeout(LIMIT, export).await {
        Ok(result) => result.map_err(ExportError::Export),
        Err(TimeoutError) => Err(ExportError::TimedOut),
    }
}

fn main() {
    println!("compiled only: it wants a network");
}
