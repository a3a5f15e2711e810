//! The root function of uploads.

use core::convert::Infallible;

use exportitems::{Decoder, Discard, Summary, UploadItems, UploadItemsOperation};
use exportitems_embedded_io::{Client, UploadError};

use crate::flash::Stream;

/// The blocking client: an upload whose data come from another stream.
#[no_mangle]
pub fn flash_upload(
    client: &mut Client<'_, Stream>,
    request: &UploadItems<'_>,
    data: &mut Stream,
    decoder: &mut Decoder<[u8; 512], UploadItemsOperation>,
) -> Result<Summary, UploadError<Infallible, Infallible>> {
    client.upload(request, data, decoder, &mut Discard)
}
