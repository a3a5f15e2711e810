//! Records of a server that are changed on the way to the client.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use embedded_io::{ErrorType, Read, Write};
use embedded_tls::blocking::TlsConnection;
use exportitems_embedded_tls::{EndPoint, Error, Guard, GuardError, Verifier};

use crate::peer::{self, Authority, Kind, HOST};
use crate::{CHAIN, NOW};

/// Types of records and of handshake messages (RFC 8446 §5.1 and §4).
const ENCRYPTED: u8 = 23;
const HANDSHAKE: u8 = 22;
const MESSAGES: [u8; 8] = [2, 4, 8, 11, 13, 15, 20, 24];
/// The records of a handshake with rustls, and some after it.
const RECORDS: usize = 9;

/// A connection whose received records are changed: the function gets the number of a record and its bytes.
struct Changed<F> {
    socket: TcpStream,
    change: F,
    number: usize,
    ready: Vec<u8>,
}

impl<F> ErrorType for Changed<F> {
    type Error = io::Error;
}

impl<F: FnMut(usize, Vec<u8>) -> Vec<u8>> Read for Changed<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let mut record = vec![0; 5];
            if let Err(error) = self.socket.read_exact(&mut record) {
                return match error.kind() {
                    io::ErrorKind::UnexpectedEof => Ok(0),
                    _ => Err(error),
                };
            }
            let len = usize::from(u16::from_be_bytes([record[3], record[4]]));
            record.resize(5 + len, 0);
            self.socket.read_exact(&mut record[5..])?;
            self.ready = (self.change)(self.number, record);
            self.number += 1;
        }
        let len = buffer.len().min(self.ready.len());
        buffer[..len].copy_from_slice(&self.ready[..len]);
        self.ready.drain(..len);
        Ok(len)
    }
}

impl<F> Write for Changed<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Opens a connection, and reads until the greeting or an error. Returns the verified server, and whether it has greeted.
fn open(
    root: &Authority,
    server: &Authority,
    change: impl FnMut(usize, Vec<u8>) -> Vec<u8>,
) -> (Result<EndPoint, Error>, bool) {
    let socket = TcpStream::connect(peer::serve(&[server])).unwrap();
    let timeout = Duration::from_millis(300); // where a record is removed, both sides wait
    socket.set_read_timeout(Some(timeout)).unwrap();
    let stream = Changed {
        socket,
        change,
        number: 0,
        ready: Vec::new(),
    };
    let (mut receive, mut send) = (vec![0; 16_640], vec![0; 2048]);
    let mut tls = TlsConnection::new(Guard::new(stream), &mut receive, &mut send);
    let mut verifier = Verifier::<CHAIN>::new(&root.der, Some(NOW)).unwrap();
    let opened = verifier.open(&mut tls, HOST, rand_core::OsRng);
    let mut greeting = [0; 5];
    let greeted = opened.is_ok() && matches!(tls.read(&mut greeting), Ok(1..));
    (opened, greeted && greeting.starts_with(b"h"))
}

fn certificates() -> (Authority, Authority) {
    let root = Authority::root();
    let server = Authority::new(&root, Kind::Server);
    (root, server)
}

#[test]
fn records_that_no_server_may_send_give_errors() {
    let (root, server) = certificates();
    let (opened, greeted) = open(&root, &server, |_, record| record);
    assert!(opened.is_ok() && greeted);
    for message in MESSAGES {
        // Long enough for a message of each type.
        let mut handshake = vec![HANDSHAKE, 3, 3, 0, 40, message, 0, 0, 36];
        handshake.resize(45, 0);
        // Before each record, also those after the handshake.
        for place in 1..RECORDS {
            let (_, greeted) = open(&root, &server, |number, record| match number == place {
                true => [&handshake[..], &record].concat(),
                false => record,
            });
            assert!(
                !greeted || place > 4,
                "message {message} before record {place}"
            );
        }
    }
}

#[test]
fn changed_handshakes_give_errors() {
    let (root, server) = certificates();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % below
    };
    for round in 0..60 {
        let (place, how, at, bit) = (next(4), next(6), next(1 << 16), next(8));
        let (opened, _) = open(&root, &server, |number, mut record| {
            // The second record changes the cipher: TLS 1.3 ignores it.
            if number != place || number == 1 {
                return record;
            }
            let at = match number {
                0 => at % record.len(),
                // Most changes of an encrypted record only show that the tag is checked.
                _ => at % 21.min(record.len()),
            };
            match how {
                0 => record.truncate(at),
                1 => record.extend(record.clone()),
                2 => drop(record.drain(..at)),
                3 => record[at] = 0,
                4 => record[at] = 0xff,
                _ => record[at] ^= 1 << bit,
            }
            record
        });
        // A change may be one that leaves the bytes as they were, or of a field that is not used.
        if let Err(error) = opened {
            assert!(!error.to_string().is_empty(), "{round}");
        }
    }
}

/// Reads all of these bytes through a guard, at most `most` at a time.
fn read(mut bytes: &[u8], most: usize) -> Result<Vec<u8>, GuardError<core::convert::Infallible>> {
    let (mut guard, mut read, mut buffer) = (Guard::new(&mut bytes), Vec::new(), vec![0; most]);
    loop {
        match Read::read(&mut guard, &mut buffer)? {
            0 => return Ok(read),
            len => read.extend_from_slice(&buffer[..len]),
        }
    }
}

#[test]
fn a_guard_changes_no_byte_and_refuses_records_by_their_headers() {
    let record = |kind: u8, len: u8| {
        let mut record = vec![kind, 3, 3, 0, len];
        record.resize(5 + usize::from(len), ENCRYPTED);
        record
    };
    let handshake = [record(HANDSHAKE, 90), record(20, 1), record(ENCRYPTED, 17)].concat();
    let refused = |last: Vec<u8>| [&handshake[..], &last].concat();
    for most in [1, 2, 4, 5, 6, 17, 100] {
        assert_eq!(read(&handshake, most).as_ref(), Ok(&handshake));
        let more = refused([record(21, 2), record(ENCRYPTED, 200)].concat());
        assert_eq!(read(&more, most).as_ref(), Ok(&more));
        for last in [
            record(HANDSHAKE, 40),
            record(ENCRYPTED, 16),
            record(ENCRYPTED, 0),
        ] {
            assert_eq!(read(&refused(last), most), Err(GuardError::Record));
        }
    }
}
