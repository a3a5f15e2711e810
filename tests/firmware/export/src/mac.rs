//! The Ethernet controller of the LM3S6965, as far as QEMU emulates it.
//!
//! Registers: LM3S6965 data sheet, chapter 15.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

const BASE: usize = 0x4004_8000;
const RECEIVE_CONTROL: usize = 0x08;
const TRANSMIT_CONTROL: usize = 0x0C;
const DATA: usize = 0x10;
const ADDRESS_LOW: usize = 0x14;
const ADDRESS_HIGH: usize = 0x18;
const THRESHOLD: usize = 0x1C;
const FRAMES: usize = 0x34;
const TRANSMIT_REQUEST: usize = 0x38;

/// Bytes of an Ethernet frame without its checksum.
const FRAME: usize = 1514;

/// The controller, with a buffer for one frame in each direction.
pub struct Mac {
    received: [u8; FRAME],
    sent: [u8; FRAME],
}

fn read(register: usize) -> u32 {
    // SAFETY: the address is a register of the controller, and nothing else in this program uses the controller.
    unsafe { ((BASE + register) as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above.
    unsafe { ((BASE + register) as *mut u32).write_volatile(value) }
}

impl Mac {
    pub fn new([a, b, c, d, e, f]: [u8; 6]) -> Self {
        write(ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
        write(ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
        write(THRESHOLD, 0x3F); // send on request, not at a fill level
        write(TRANSMIT_CONTROL, 0x17); // duplex, checksum, padding, on
        write(RECEIVE_CONTROL, 0x13); // empty the FIFO, multicast, on
        Self {
            received: [0; FRAME],
            sent: [0; FRAME],
        }
    }
}

impl Device for Mac {
    type RxToken<'a> = Frame<'a>;
    type TxToken<'a> = Room<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Frame<'_>, Room<'_>)> {
        if read(FRAMES) & 0x3F == 0 {
            return None;
        }
        // The FIFO returns words: 2 bytes of length, which includes these 2 bytes, the frame, 4 bytes of checksum.
        let [low, high, first, second] = read(DATA).to_le_bytes();
        let total = usize::from(u16::from_le_bytes([low, high]));
        let len = total.saturating_sub(6).min(FRAME);
        let mut room = self.received.iter_mut();
        for byte in [first, second] {
            room.next().map(|slot| *slot = byte);
        }
        for _ in 0..total.saturating_sub(4).div_ceil(4) {
            for byte in read(DATA).to_le_bytes() {
                room.next().map(|slot| *slot = byte);
            }
        }
        Some((Frame(&self.received[..len]), Room(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Room<'_>> {
        Some(Room(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// A received frame.
pub struct Frame<'a>(&'a [u8]);

impl RxToken for Frame<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// A buffer for a frame to send.
pub struct Room<'a>(&'a mut [u8]);

impl TxToken for Room<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let frame = &mut self.0[..len];
        let result = fill(frame);
        // Wait until the previous frame has been sent.
        while read(TRANSMIT_REQUEST) & 1 != 0 {}
        // The first word starts with the length of the bytes after the 14 bytes of header.
        let length = (len as u16 - 14).to_le_bytes();
        write(
            DATA,
            u32::from_le_bytes([length[0], length[1], frame[0], frame[1]]),
        );
        for bytes in frame[2..].chunks(4) {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            write(DATA, u32::from_le_bytes(word));
        }
        write(TRANSMIT_REQUEST, 1);
        result
    }
}
