//! The entry points of `exportitems-embedded-io`, over a transport that the optimiser knows nothing of.
//!
//! Not the async one: polling a future that is done panics, by the language.

use core::convert::Infallible;

use exportitems::{Decoder, ExportItems, Summary};
use exportitems_embedded_io::{Authorization, Client, CredentialsError, Error, Server};

use crate::Counter;

/// Functions that are known at run time only.
pub struct Stream {
    read: fn(&mut [u8]) -> Result<usize, Infallible>,
    write: fn(&[u8]) -> Result<usize, Infallible>,
}

impl embedded_io::ErrorType for Stream {
    type Error = Infallible;
}

impl embedded_io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        (self.read)(buffer)
    }
}

impl embedded_io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        (self.write)(bytes)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[no_mangle]
pub fn probe_client_export(
    client: &mut Client<'_, Stream>,
    request: &ExportItems<'_>,
    decoder: &mut Decoder,
    sink: &mut Counter,
) -> Result<Summary, Error<Infallible>> {
    client.export(request, decoder, sink)
}

#[no_mangle]
pub fn probe_client_new<'a>(stream: Stream, server: Server<'a>, buffer: &'a mut [u8]) -> bool {
    Client::new(stream, server, buffer).can_export()
}

#[no_mangle]
pub fn probe_authorization_basic<'a>(
    user: &str,
    password: &str,
    buffer: &'a mut [u8],
) -> Result<Authorization<'a>, CredentialsError> {
    Authorization::basic(user, password, buffer)
}

#[no_mangle]
pub fn probe_authorization_bearer<'a>(
    token: &str,
    buffer: &'a mut [u8],
) -> Result<Authorization<'a>, CredentialsError> {
    Authorization::bearer(token, buffer)
}

#[no_mangle]
pub fn probe_client_error_display(error: Error<Infallible>) -> u8 {
    crate::last_byte(&error)
}
