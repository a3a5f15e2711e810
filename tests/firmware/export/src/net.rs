//! TCP with smoltcp, one connection at a time, as an `embedded_io` stream that polls.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use semihosting::sys::arm_compat::sys_clock;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpCidr, Ipv4Address};

use crate::mac::Mac;

const HARDWARE_ADDRESS: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
/// The address that QEMU's user network assigns to a guest.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
/// The gateway. QEMU forwards its ports to the loopback interface of the host.
const HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
/// How long a server may be silent.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Interface and socket.
pub struct Net<'a> {
    mac: Mac,
    interface: Interface,
    sockets: SocketSet<'a>,
    handle: SocketHandle,
    local_port: u16,
}

/// The connection broke.
#[derive(Clone, Copy, Debug)]
pub enum NetError {
    Refused,
    Reset,
    TimedOut,
}

fn now() -> Instant {
    // Hundredths of a second.
    Instant::from_millis(sys_clock().map_or(0, |time| time as i64 * 10))
}

impl<'a> Net<'a> {
    pub fn new(
        storage: &'a mut [SocketStorage<'a>],
        receive: &'a mut [u8],
        send: &'a mut [u8],
    ) -> Self {
        let mut mac = Mac::new(HARDWARE_ADDRESS);
        let mut interface = Interface::new(
            Config::new(smoltcp::wire::EthernetAddress(HARDWARE_ADDRESS).into()),
            &mut mac,
            now(),
        );
        interface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(ADDRESS.into(), 24));
        });
        let mut sockets = SocketSet::new(storage);
        let handle = sockets.add(Socket::new(
            SocketBuffer::new(receive),
            SocketBuffer::new(send),
        ));
        Self {
            mac,
            interface,
            sockets,
            handle,
            local_port: 49152,
        }
    }

    /// Makes a new connection to a port of the host, and ends the previous one.
    pub fn connect(&mut self, port: u16) -> Result<Connection<'_, 'a>, NetError> {
        self.socket().abort();
        self.poll();
        self.local_port += 1;
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
        socket.set_timeout(Some(TIMEOUT));
        socket
            .connect(self.interface.context(), (HOST, port), self.local_port)
            .map_err(|_| NetError::Refused)?;
        let mut connection = Connection(self);
        connection.wait(|socket| match socket.state() {
            State::Established => Some(Ok(())),
            State::Closed => Some(Err(NetError::Refused)),
            _ => None,
        })?;
        Ok(connection)
    }

    fn socket(&mut self) -> &mut Socket<'a> {
        self.sockets.get_mut(self.handle)
    }

    fn poll(&mut self) {
        self.interface.poll(now(), &mut self.mac, &mut self.sockets);
    }
}

/// The connection.
pub struct Connection<'n, 'a>(&'n mut Net<'a>);

impl Connection<'_, '_> {
    /// Polls the network until `ready` returns something.
    fn wait<R>(
        &mut self,
        mut ready: impl FnMut(&mut Socket<'_>) -> Option<Result<R, NetError>>,
    ) -> Result<R, NetError> {
        let deadline = now() + TIMEOUT;
        while now() < deadline {
            self.0.poll();
            if let Some(result) = ready(self.0.socket()) {
                return result;
            }
        }
        Err(NetError::TimedOut)
    }
}

impl ErrorType for Connection<'_, '_> {
    type Error = NetError;
}

impl Read for Connection<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, NetError> {
        self.wait(|socket| match socket.recv_slice(buffer) {
            Ok(0) => None,
            Ok(len) => Some(Ok(len)),
            Err(smoltcp::socket::tcp::RecvError::Finished) => Some(Ok(0)),
            Err(_) => Some(Err(NetError::Reset)),
        })
    }
}

impl Write for Connection<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        self.wait(|socket| match socket.send_slice(bytes) {
            Ok(0) => None,
            Ok(len) => Some(Ok(len)),
            Err(_) => Some(Err(NetError::Reset)),
        })
    }

    fn flush(&mut self) -> Result<(), NetError> {
        self.0.poll();
        Ok(())
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::TimedOut => "timed out",
        })
    }
}

impl core::error::Error for NetError {}

impl embedded_io::Error for NetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
        }
    }
}
