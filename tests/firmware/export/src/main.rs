//! Exports items over TCP, TLS 1.3 and NTLM from an emulated Cortex-M3 with 64 KiB of RAM and 256 KiB of flash: LM3S6965,
//! its Ethernet controller, smoltcp, embedded-tls.
//!
//! Files of the host, read by semihosting, are the configuration:
//! - `plan`: the server's port, the user's password, and the ids, one per line.
//! - `ca`: the certificate of the authority that is trusted, in DER.
//! - `seed`: 32 random bytes. FOR TESTS ONLY: this board has no random generator. A product needs one.
//!
//! The result of each item is printed. A failed item is requested again, unless the server refused it permanently.
//! After a refused certificate or login nothing is tried again.
#![no_std]
#![no_main]

mod digests;
mod mac;
mod net;
mod plan;
mod session;
mod stack;

use cortex_m_rt::entry;
use rand_chacha::rand_core::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use semihosting::{println, process};
use smoltcp::iface::SocketStorage;

use net::Net;
use plan::Plan;
use session::{End, Protocol, Records, Session, Verifier};

/// How often an item is requested.
const ATTEMPTS: u32 = 3;

/// The buffers of the socket, for receiving and sending.
static mut SOCKETS: ([u8; 3072], [u8; 1024]) = ([0; 3072], [0; 1024]);
static mut RECORDS: Records = Records::new();
static mut PROTOCOL: Protocol = Protocol::new();
/// The certificate of the authority.
static mut CA: [u8; 1024] = [0; 1024];

#[entry]
fn main() -> ! {
    // SAFETY: `main` runs once, and nothing else refers to these statics.
    let (sockets, records, protocol, ca) = unsafe {
        (
            &mut *(&raw mut SOCKETS),
            &mut *(&raw mut RECORDS),
            &mut *(&raw mut PROTOCOL),
            &mut *(&raw mut CA),
        )
    };
    let mut storage = [SocketStorage::EMPTY; 1];
    let mut net = Net::new(&mut storage, &mut sockets.0, &mut sockets.1);

    let Some(ca) = plan::file(c"ca", ca) else {
        panic!("no file `ca`")
    };
    let mut seed = [0; 32];
    if plan::file(c"seed", &mut seed).map(<[u8]>::len) != Some(32) {
        panic!("no 32 bytes in the file `seed`");
    }
    let mut rng = ChaCha20Rng::from_seed(seed);
    // The board has no clock.
    let mut verifier = match Verifier::new(ca, None) {
        Ok(verifier) => verifier,
        Err(error) => {
            println!("tls: {error}");
            process::exit(0)
        }
    };

    let mut settled = 0;
    'attempts: for attempt in 1..=ATTEMPTS {
        let Some((mut plan, port, password)) = Plan::open() else {
            panic!("no file `plan`")
        };
        println!("attempt {attempt}");
        let mut session = Session {
            port,
            password: password.text(),
            net: &mut net,
            verifier: &mut verifier,
            rng: &mut rng,
            settled: &mut settled,
        };
        loop {
            match session.run(&mut plan, records, protocol) {
                End::Connection => {}
                End::Plan => break,
                End::Refused => break 'attempts,
            }
        }
    }
    println!("end {}", settled.count_ones());
    process::exit(0)
}
