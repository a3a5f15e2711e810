//! One connection: TCP, TLS, the login, and the requests that it carries.

use core::mem::size_of;

use embedded_tls::blocking::TlsConnection;
use exportitems::{Decoder, ExportItems, ItemId, Options};
use exportitems_embedded_io::{Client, Error, Server};
use exportitems_embedded_tls::Guard;
use exportitems_ntlm::{ChannelBinding, Login, NtHash, User};
use rand_chacha::rand_core::RngCore as _;
use rand_chacha::ChaCha20Rng;
use semihosting::println;

use crate::digests::{Digests, BATCH};
use crate::net::Net;
use crate::plan::{Line, Plan};
use crate::stack;

const USER: &str = "CONTOSO\\firmware";
/// The DNS name in the server's certificate.
const HOST: &str = "localhost";

/// Takes a chain of two small certificates.
pub type Verifier<'a> = exportitems_embedded_tls::Verifier<'a, 1024>;

/// The buffers of TLS.
pub struct Records {
    /// One record of the server, which may have 16 KiB.
    receive: [u8; 16_640],
    /// One record of the client.
    send: [u8; 1024],
}

impl Records {
    pub const fn new() -> Self {
        Self {
            receive: [0; 16_640],
            send: [0; 1024],
        }
    }
}

/// What the protocol keeps in RAM.
pub struct Protocol {
    decoder: Decoder<[u8; 512]>,
    buffer: [u8; 1024],
    login: [u8; 1024],
}

/// The RAM that the protocol may take, without TLS.
const BUDGET: usize = 3 * 1024;
const _: () = assert!(size_of::<Protocol>() + size_of::<Client<'_, ()>>() <= BUDGET);

impl Protocol {
    pub const fn new() -> Self {
        Self {
            decoder: Decoder::new(Options::new()),
            buffer: [0; 1024],
            login: [0; 1024],
        }
    }
}

/// How a session ended.
pub enum End {
    /// Every item of the plan was requested.
    Plan,
    /// The connection cannot be used again.
    Connection,
    /// The server, its certificate or the login was refused. Another attempt would not help, and could lock the account.
    Refused,
}

pub struct Session<'s, 'n, 'v> {
    pub port: u16,
    pub password: &'s str,
    pub net: &'s mut Net<'n>,
    pub verifier: &'s mut Verifier<'v>,
    pub rng: &'s mut ChaCha20Rng,
    /// The items that need not be requested again, one bit for each.
    pub settled: &'s mut u64,
}

impl Session<'_, '_, '_> {
    /// Exports the next items of the plan over one connection.
    pub fn run(&mut self, plan: &mut Plan, records: &mut Records, protocol: &mut Protocol) -> End {
        let mut batch = Batch::next(plan, *self.settled);
        if batch.len == 0 {
            return End::Plan;
        }
        let connected = stack::of("tcp", || self.net.connect(self.port));
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => {
                println!("connect: {error}");
                return End::Connection;
            }
        };
        let mut tls = TlsConnection::new(
            Guard::new(connection),
            &mut records.receive,
            &mut records.send,
        );
        let opened = stack::of("tls", || self.verifier.open(&mut tls, HOST, &mut *self.rng));
        let server = match opened {
            Ok(server) => server,
            Err(error) => {
                println!("tls: {error}");
                return match error {
                    exportitems_embedded_tls::Error::Tls(_) => End::Connection,
                    _ => End::Refused,
                };
            }
        };

        let mut nonce = [0; 8];
        self.rng.fill_bytes(&mut nonce);
        let Ok(user) = User::parse(USER) else {
            return End::Refused;
        };
        let login = Login {
            user,
            hash: &NtHash::from_password(self.password),
            host: HOST,
            binding: server.hash().map(ChannelBinding::tls_server_end_point),
            nonce,
        };
        let Protocol {
            decoder,
            buffer,
            login: login_memory,
        } = protocol;
        let mut client = Client::new(tls, Server::new(HOST), buffer);
        let logged_in = stack::of("login", || client.log_in(&login, login_memory));
        if let Err(error) = logged_in {
            println!("login: {error}");
            return match error {
                Error::Login(_) => End::Refused,
                _ => End::Connection,
            };
        }
        loop {
            decoder.reset(Options::new().items(batch.len as u32));
            let mut digests = Digests::new(batch.numbers);
            let items = batch.items();
            let request = ExportItems::new(items.get(..batch.len).unwrap_or_default());
            let exported = stack::of("export", || client.export(&request, decoder, &mut digests));
            *self.settled |= digests.settled;
            if let Err(error) = exported {
                println!("export: {error}");
                if matches!(error, Error::Status(status) if status.code == 401) {
                    return End::Refused;
                }
            }
            if !client.can_export() {
                return End::Connection;
            }
            batch = Batch::next(plan, *self.settled);
            if batch.len == 0 {
                return End::Plan;
            }
        }
    }
}

/// The items of one request.
struct Batch {
    ids: [Line; BATCH],
    /// The number of each item in the plan.
    numbers: [u32; BATCH],
    len: usize,
}

impl Batch {
    /// Takes the next items of the plan that are not settled.
    fn next(plan: &mut Plan, settled: u64) -> Self {
        let mut batch = Self {
            ids: [const { Line::EMPTY }; BATCH],
            numbers: [u32::MAX; BATCH],
            len: 0,
        };
        while let (Some(id), Some(number)) = (
            batch.ids.get_mut(batch.len),
            batch.numbers.get_mut(batch.len),
        ) {
            let Some((found, line)) = plan.next() else {
                break;
            };
            if settled & (1 << found) == 0 {
                (*id, *number) = (line, found);
                batch.len += 1;
            }
        }
        batch
    }

    fn items(&self) -> [ItemId<'_>; BATCH] {
        self.ids.each_ref().map(|id| ItemId::new(id.text()))
    }
}
