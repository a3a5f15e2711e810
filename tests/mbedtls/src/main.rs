//! Exports items over TLS 1.2 and NTLM with a channel binding, through the client of `exportitems-embedded-io`, and prints
//! the digest of each.
//!
//! `export HOST:PORT NAME CA USER` connects, and expects NAME in the server's certificate. CA is the authority's
//! certificate, in DER. The password and the ids are lines of the standard input.

mod tls;

use std::convert::Infallible;
use std::error::Error;
use std::ffi::CString;
use std::io::BufRead as _;
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io};

use embedded_io_adapters::std::FromStd;
use exportitems::{Decoder, ExportItems, ItemId, Options, Outcome, ResponseItemId, Sink};
use exportitems_embedded_io::{Client, Server};
use exportitems_ntlm::{ChannelBinding, Login, NtHash, User};
use sha2::{Digest as _, Sha256};

use tls::Tls;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Prints the number of bytes and the digest of each complete item.
struct Digests(Sha256);

impl Sink for Digests {
    type Error = Infallible;

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Infallible> {
        self.0.reset();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.update(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        print!("ok {} {} ", outcome.index, outcome.bytes);
        for byte in self.0.finalize_reset() {
            print!("{byte:02x}");
        }
        println!();
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        println!("incomplete {}", outcome.index);
    }

    fn failed(&mut self, outcome: &Outcome) {
        println!("failed {} {:?}", outcome.index, outcome.code);
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("export: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, name, ca, user] = &arguments[..] else {
        return Err("usage: export HOST:PORT NAME CA USER <PASSWORD-AND-IDS".into());
    };
    let mut lines = io::stdin().lock().lines();
    let password = lines.next().ok_or("no password on the standard input")??;
    let ids = lines.collect::<Result<Vec<_>, _>>()?;
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();

    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let random = |bytes: &mut [u8]| getrandom::fill(bytes).is_ok();
    let host = CString::new(name.as_str())?;
    let tls = Tls::open(FromStd::new(socket), &fs::read(ca)?, &host, random)?;
    println!("{}", tls.version());

    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)?;
    // The hash is borrowed from the connection, which the client takes.
    let hash = tls.certificate_hash().map(<[u8]>::to_vec);
    let login = Login {
        user: User::parse(user)?,
        hash: &NtHash::from_password(&password),
        host: name,
        binding: hash.as_deref().map(ChannelBinding::tls_server_end_point),
        nonce,
    };
    let (mut buffer, mut memory) = ([0; 1024], [0; 1024]);
    let mut client = Client::new(tls, Server::new(name), &mut buffer);
    client.log_in(&login, &mut memory)?;
    let mut decoder: Decoder = Decoder::new(Options::new().items(u32::try_from(items.len())?));
    let summary = client.export(
        &ExportItems::new(&items),
        &mut decoder,
        &mut Digests(Sha256::new()),
    )?;
    println!("{} of {}", summary.ok, summary.items);
    Ok(())
}
