//! Exports items over TCP from an emulated Cortex-M3 with 64 KiB of RAM: LM3S6965, its Ethernet controller, smoltcp.
//!
//! `plan`, a file of the host that is read by semihosting, contains the server's port and the ids, one per line.
//! The result of each item is printed. A failed item is requested again, unless the server refused it permanently.
#![no_std]
#![no_main]

mod digests;
mod mac;
mod net;

use core::mem::size_of;

use cortex_m as _; // its critical section
use cortex_m_rt::entry;
use exportitems::{Decoder, ExportItems, ItemId, Options};
use exportitems_embedded_io::{Authorization, Client, Server};
use semihosting::fs::File;
use semihosting::io::Read;
use semihosting::{println, process};
use smoltcp::iface::SocketStorage;

use digests::{Digests, BATCH};
use net::{Connection, Net};

/// The most items in a plan.
const ITEMS: usize = 64;
/// The most characters in an id.
const ID: usize = 160;
/// How often an item is requested.
const ATTEMPTS: u32 = 3;

/// Everything that the protocol keeps in RAM.
struct Protocol {
    decoder: Decoder<[u8; 512]>,
    buffer: [u8; 1024],
    secret: [u8; 64],
}

/// The RAM that the protocol may take.
const BUDGET: usize = 3 * 1024;
const _: () =
    assert!(size_of::<Protocol>() + size_of::<Client<'_, Connection<'_, '_>>>() <= BUDGET);

#[entry]
fn main() -> ! {
    let (mut storage, mut receive, mut send) = ([SocketStorage::EMPTY; 1], [0; 4096], [0; 1024]);
    let mut net = Net::new(&mut storage, &mut receive, &mut send);
    let mut protocol = Protocol {
        decoder: Decoder::new(Options::new()),
        buffer: [0; 1024],
        secret: [0; 64],
    };
    let mut settled = 0;
    for attempt in 1..=ATTEMPTS {
        let Some(mut plan) = Plan::open() else { break };
        println!("attempt {attempt}");
        while pass(&mut plan, &mut net, &mut protocol, &mut settled) {}
    }
    println!("end {}", settled.count_ones());
    process::exit(0)
}

/// Requests the next items of the plan that are not settled. Returns `false` if there are none.
fn pass(plan: &mut Plan, net: &mut Net<'_>, protocol: &mut Protocol, settled: &mut u64) -> bool {
    let (mut texts, mut numbers, mut len) = ([[0; ID]; BATCH], [u32::MAX; BATCH], 0);
    while let (Some(text), Some(number)) = (texts.get_mut(len), numbers.get_mut(len)) {
        let Some(found) = plan.next(text) else { break };
        if *settled & (1 << found) == 0 {
            *number = found;
            len += 1;
        }
    }
    let mut ids = [ItemId::new(""); BATCH];
    for (id, text) in ids.iter_mut().zip(&texts) {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        id.id = core::str::from_utf8(text).unwrap_or_default();
    }
    let items = &ids[..len];
    if items.is_empty() {
        return false;
    }

    let Protocol {
        decoder,
        buffer,
        secret,
    } = protocol;
    let authorization = match Authorization::basic("firmware", "correct horse", secret) {
        Ok(authorization) => authorization,
        Err(error) => panic!("{error}"),
    };
    let server = Server::new("10.0.2.2").authorization(authorization);
    let connection = match net.connect(plan.port) {
        Ok(connection) => connection,
        Err(error) => {
            println!("connect: {error}");
            return true;
        }
    };
    decoder.reset(Options::new().items(len as u32));
    let mut digests = Digests::new(numbers);
    let mut client = Client::new(connection, server, buffer);
    if let Err(error) = client.export(&ExportItems::new(items), decoder, &mut digests) {
        println!("export: {error}");
    }
    *settled |= digests.settled;
    true
}

/// The plan, read a byte at a time from the host.
struct Plan {
    file: File,
    port: u16,
    next: u32,
}

impl Plan {
    fn open() -> Option<Self> {
        let mut plan = Self {
            file: File::open(c"plan").ok()?,
            port: 0,
            next: 0,
        };
        let mut line = [0; ID];
        let len = plan.line(&mut line)?;
        plan.port = core::str::from_utf8(&line[..len]).ok()?.parse().ok()?;
        Some(plan)
    }

    /// Reads the next id, followed by zeros, and returns its number from 0.
    fn next(&mut self, text: &mut [u8; ID]) -> Option<u32> {
        *text = [0; ID];
        self.line(text).filter(|_| (self.next as usize) < ITEMS)?;
        self.next += 1;
        Some(self.next - 1)
    }

    /// Reads a line and returns its length, or `None` at the end.
    fn line(&mut self, line: &mut [u8; ID]) -> Option<usize> {
        let (mut len, mut byte) = (0, [0]);
        while let Ok(1) = self.file.read(&mut byte) {
            match (byte, line.get_mut(len)) {
                ([b'\n'], _) => return Some(len),
                ([byte], Some(slot)) => *slot = byte,
                (_, None) => return None,
            }
            len += 1;
        }
        None
    }
}
