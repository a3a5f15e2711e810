//! A TLS 1.2 connection by Mbed TLS, as a stream of `embedded_io` over another one.
//!
//! ```text
//! Client of exportitems-embedded-io ─► Tls: Read + Write ─► Mbed TLS ─► send, receive ─► transport: Read + Write
//! ```
//!
//! On a microcontroller, compile Mbed TLS with `MBEDTLS_PLATFORM_MEMORY` and give it a heap of some 40 KiB, most of which is
//! two records of 16 KiB.

use core::ffi::{c_char, c_int, c_void, CStr};
use core::fmt;
use core::ptr::NonNull;

use embedded_io::{ErrorKind, ErrorType, Read, Write};

/// Fills bytes from a generator that cannot be predicted. Returns whether it could.
pub type Random = fn(&mut [u8]) -> bool;

/// Any error of a callback. Mbed TLS returns it to its caller, which then takes the error of the transport.
const FAILED: c_int = -0x7fff;
/// `MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED`
const ENTROPY_SOURCE_FAILED: c_int = -0x0034;
/// The most bytes of a TLS record, which fit an `int`.
const RECORD: usize = 16_384;

#[repr(C)]
struct RawTls {
    private: [u8; 0],
}

type Send = unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int;
type Receive = unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> c_int;

extern "C" {
    fn tls_new(ca: *const u8, len: usize, host: *const c_char, code: *mut c_int) -> *mut RawTls;
    fn tls_free(tls: *mut RawTls);
    fn tls_use(tls: *mut RawTls, transport: *mut c_void, send: Send, receive: Receive);
    fn tls_handshake(tls: *mut RawTls, random: Receive, generator: *mut c_void) -> c_int;
    fn tls_read(tls: *mut RawTls, bytes: *mut u8, len: usize) -> c_int;
    fn tls_write(tls: *mut RawTls, bytes: *const u8, len: usize) -> c_int;
    fn tls_certificate_hash(tls: *const RawTls, hash: *mut u8) -> usize;
    fn tls_version(tls: *const RawTls) -> *const c_char;
    fn tls_error_text(code: c_int, text: *mut c_char, len: usize);
}

/// A connection to a verified server.
pub struct Tls<T: ErrorType> {
    raw: Handle,
    carrier: Carrier<T>,
    hash: [u8; 64],
    hash_len: usize,
}

/// The transport, and the error that it returned to Mbed TLS.
struct Carrier<T: ErrorType> {
    transport: T,
    error: Option<T::Error>,
}

impl<T: Read + Write> Tls<T> {
    /// Makes the handshake over `transport`, with at least TLS 1.2.
    ///
    /// `ca` is the certificate of the authority, in DER, and `host` the name in the server's certificate.
    ///
    /// # Errors
    /// The server is not issued by this authority for this host, or the handshake failed.
    pub fn open(
        transport: T,
        ca: &[u8],
        host: &CStr,
        random: Random,
    ) -> Result<Self, Error<T::Error>> {
        let mut code = 0;
        // SAFETY: the pointers are those of slices and texts that outlive the call; Mbed TLS copies both.
        let raw = unsafe { tls_new(ca.as_ptr(), ca.len(), host.as_ptr(), &raw mut code) };
        let raw = Handle(NonNull::new(raw).ok_or(Error::Tls(code))?);
        let carrier = Carrier {
            transport,
            error: None,
        };
        let mut tls = Self {
            raw,
            carrier,
            hash: [0; 64],
            hash_len: 0,
        };
        let generator = random as *mut c_void;
        // SAFETY: the pointer is that of `tls_new`; `fill` gets the function of the type that it expects.
        tls.call(|raw| unsafe { tls_handshake(raw, fill, generator) })?;
        // SAFETY: the hash has at most 64 bytes.
        tls.hash_len = unsafe { tls_certificate_hash(tls.raw.0.as_ptr(), tls.hash.as_mut_ptr()) };
        Ok(tls)
    }

    /// Returns the hash of the server's certificate, for a channel binding of the type `tls-server-end-point`; `None` if
    /// its signature has no hash function.
    pub fn certificate_hash(&self) -> Option<&[u8]> {
        let hash = self.hash.get(..self.hash_len)?;
        Some(hash).filter(|hash| !hash.is_empty())
    }

    /// Returns the version of the protocol, such as `TLSv1.2`.
    pub fn version(&self) -> &str {
        // SAFETY: Mbed TLS returns a constant text.
        let version = unsafe { CStr::from_ptr(tls_version(self.raw.0.as_ptr())) };
        version.to_str().unwrap_or_default()
    }

    /// Makes a call of Mbed TLS, which can use the transport.
    fn call(&mut self, call: impl Fn(*mut RawTls) -> c_int) -> Result<usize, Error<T::Error>> {
        let raw = self.raw.0.as_ptr();
        let transport = (&raw mut self.carrier).cast();
        // SAFETY: the callbacks get the pointer to the carrier of their own type, and run only within `call`, while
        // nothing else uses the carrier.
        unsafe { tls_use(raw, transport, send::<T>, receive::<T>) };
        let code = call(raw);
        match (usize::try_from(code), self.carrier.error.take()) {
            (Ok(len), _) => Ok(len),
            (Err(_), Some(error)) => Err(Error::Transport(error)),
            (Err(_), None) => Err(Error::Tls(code)),
        }
    }
}

impl<T: ErrorType> ErrorType for Tls<T> {
    type Error = Error<T::Error>;
}

impl<T: Read + Write> Read for Tls<T> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let len = buffer.len().min(RECORD);
        if len == 0 {
            return Ok(0);
        }
        let bytes = buffer.as_mut_ptr();
        // SAFETY: `bytes` points to at least `len` bytes.
        self.call(|raw| unsafe { tls_read(raw, bytes, len) })
    }
}

impl<T: Read + Write> Write for Tls<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        let len = bytes.len().min(RECORD);
        if len == 0 {
            return Ok(0);
        }
        // SAFETY: `bytes` has at least `len` bytes.
        self.call(|raw| unsafe { tls_write(raw, bytes.as_ptr(), len) })
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.carrier.transport.flush().map_err(Error::Transport)
    }
}

/// Owns the client of Mbed TLS.
struct Handle(NonNull<RawTls>);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the pointer is that of `tls_new`, and is not used again.
        unsafe { tls_free(self.0.as_ptr()) };
    }
}

/// Sends bytes, for Mbed TLS.
unsafe extern "C" fn send<T: Read + Write>(
    carrier: *mut c_void,
    bytes: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: `Tls::call` has passed this pointer, and Mbed TLS passes its own bytes.
    let (carrier, bytes) = unsafe {
        (
            &mut *carrier.cast::<Carrier<T>>(),
            core::slice::from_raw_parts(bytes, len),
        )
    };
    let sent = carrier.transport.write(bytes);
    carrier.code(sent)
}

/// Receives bytes, for Mbed TLS.
unsafe extern "C" fn receive<T: Read + Write>(
    carrier: *mut c_void,
    bytes: *mut u8,
    len: usize,
) -> c_int {
    // SAFETY: as in `send`.
    let (carrier, bytes) = unsafe {
        (
            &mut *carrier.cast::<Carrier<T>>(),
            core::slice::from_raw_parts_mut(bytes, len),
        )
    };
    // The server waits for what was sent before.
    let flushed = carrier.transport.flush();
    let received = flushed.and_then(|()| carrier.transport.read(bytes));
    carrier.code(received)
}

impl<T: ErrorType> Carrier<T> {
    fn code(&mut self, result: Result<usize, T::Error>) -> c_int {
        match result {
            Ok(len) => c_int::try_from(len).unwrap_or(FAILED),
            Err(error) => {
                self.error = Some(error);
                FAILED
            }
        }
    }
}

/// Fills bytes from the generator, for Mbed TLS.
unsafe extern "C" fn fill(generator: *mut c_void, bytes: *mut u8, len: usize) -> c_int {
    // SAFETY: `Tls::open` has passed a `Random`, and Mbed TLS passes its own bytes.
    let (random, bytes) = unsafe {
        (
            core::mem::transmute::<*mut c_void, Random>(generator),
            core::slice::from_raw_parts_mut(bytes, len),
        )
    };
    match random(bytes) {
        true => 0,
        false => ENTROPY_SOURCE_FAILED,
    }
}

/// The connection cannot be opened, or broke.
#[derive(Debug)]
pub enum Error<E> {
    /// The transport failed.
    Transport(E),
    /// TLS failed, with this code of Mbed TLS.
    Tls(c_int),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::Tls(code) => {
                let mut text = [0; 160];
                // SAFETY: Mbed TLS ends the text within the array.
                let text = unsafe {
                    tls_error_text(*code, text.as_mut_ptr(), text.len());
                    CStr::from_ptr(text.as_ptr())
                };
                write!(f, "TLS failed: {}", text.to_str().unwrap_or_default())
            }
        }
    }
}

impl<E: core::error::Error> core::error::Error for Error<E> {}

impl<E: embedded_io::Error> embedded_io::Error for Error<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Transport(error) => error.kind(),
            Self::Tls(_) => ErrorKind::Other,
        }
    }
}
