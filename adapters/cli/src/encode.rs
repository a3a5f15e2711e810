//! `exportitems encode`: prints the request.

use exportitems::{ExportItems, ItemId};

use crate::output::Output;
use crate::request::RequestOptions;
use crate::status::{Failure, Status};

/// Prints the request for a list of items.
///
/// The output is the XML of one request for all items.
#[derive(Debug, clap::Args)]
pub(crate) struct Encode {
    #[command(flatten)]
    request: RequestOptions,
}

pub(crate) fn run(args: &Encode, output: &mut Output) -> Result<Status, Failure> {
    let requested = args.request.requested()?;
    let items: Vec<ItemId<'_>> = requested.iter().map(Into::into).collect();
    let roles = args.request.soap().roles();
    let headers = args.request.soap().headers(&roles);
    let mut encoder = ExportItems::new(&items).headers(headers).encoder()?;
    let mut piece = [0; 8 * 1024];
    while !encoder.is_done() {
        let len = encoder.write(&mut piece);
        output.bytes(&piece[..len]);
        output.check()?;
    }
    output.line("");
    output.check()?;
    Ok(Status::Exported)
}
