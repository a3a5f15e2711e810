//! The root functions of TLS and TCP, whose types take what is known only at run time.

use core::mem::size_of;

use embedded_tls::blocking::{Aes128GcmSha256, TlsConnection};
use exportitems_embedded_tls::{EndPoint, Error, Guard, Verifier};
use rand_core::{CryptoRng, RngCore};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::Socket;
use smoltcp::time::Instant;
use smoltcp::wire::Ipv4Address;

use crate::flash::Stream;

/// A generator whose function is known only at run time.
pub struct Random(fn(&mut [u8]));

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random {}

/// The handshake of TLS 1.3 with a verified server, and records in both directions.
#[no_mangle]
pub fn flash_tls(
    tls: &mut TlsConnection<'_, Guard<Stream>, Aes128GcmSha256>,
    (ca, host, time): (&[u8], &str, Option<u64>),
    random: &mut Random,
    (send, receive): (&[u8], &mut [u8]),
) -> Result<(EndPoint, usize, usize), Error> {
    let end_point = Verifier::<1024>::new(ca, time)?.open(tls, host, random)?;
    let written = tls.write(send).map_err(Error::Tls)?;
    tls.flush().map_err(Error::Tls)?;
    let read = tls.read(receive).map_err(Error::Tls)?;
    Ok((end_point, written, read))
}

/// A network device whose functions are known only at run time, with a buffer for one frame in each direction.
pub struct Port {
    receive: fn(&mut [u8]) -> Option<usize>,
    send: fn(&[u8]),
    received: [u8; FRAME],
    sent: [u8; FRAME],
}

const FRAME: usize = 1514;

pub struct Received<'a>(&'a [u8]);
pub struct Room<'a>(&'a mut [u8], fn(&[u8]));

impl Device for Port {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Room<'_>)> {
        let len = (self.receive)(&mut self.received)?;
        let frame = self.received.get(..len)?;
        Some((Received(frame), Room(&mut self.sent, self.send)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room(&mut self.sent, self.send))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let Self(frame, send) = self;
        let frame = &mut frame[..len];
        let result = fill(frame);
        send(frame);
        result
    }
}

/// Ethernet, ARP, IPv4 and one TCP connection of a client, without the driver.
#[no_mangle]
pub fn flash_tcp(
    (interface, port, sockets): (&mut Interface, &mut Port, &mut SocketSet<'_>),
    handle: SocketHandle,
    (now, server): (Instant, Option<(Ipv4Address, u16)>),
    (send, receive): (&[u8], &mut [u8]),
) -> Option<(usize, usize)> {
    interface.poll(now, port, sockets);
    let socket = sockets.get_mut::<Socket<'_>>(handle);
    if let Some(server) = server {
        socket.connect(interface.context(), server, 49152).ok()?;
    }
    let sent = socket.send_slice(send).ok()?;
    Some((sent, socket.recv_slice(receive).ok()?))
}

crate::ram::sizes! {
    ram_tls: TlsConnection<'static, Guard<Stream>, Aes128GcmSha256>;
    ram_verifier: Verifier<'static, 1024>;
    ram_tcp: (Interface, Port);
}

/// An allocator whose functions are those of the caller. RSA needs one.
#[cfg(feature = "rsa")]
mod heap {
    use core::alloc::{GlobalAlloc, Layout};

    struct Heap;

    extern "C" {
        fn heap_alloc(size: usize, align: usize) -> *mut u8;
        fn heap_free(pointer: *mut u8);
    }

    // SAFETY: the caller's functions are an allocator.
    unsafe impl GlobalAlloc for Heap {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as above.
            unsafe { heap_alloc(layout.size(), layout.align()) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
            // SAFETY: as above.
            unsafe { heap_free(pointer) }
        }
    }

    #[global_allocator]
    static HEAP: Heap = Heap;
}
