//! `exportitems decode`: decodes a saved response.

mod lines;
mod own;
mod sink;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use exportitems::{Decoder, FeedError, Options, ResponseOutcome};
use exportitems_std::{error_chain, Archive};

use crate::advice;
use crate::integrity::IntegrityOption;
use crate::output::{say, Format, Output};
use crate::size::SizeOption;
use crate::status::{Failure, Status};
use sink::DecodeSink;

/// Decodes a saved response.
///
/// The file must contain only the body of the HTTP response, without its headers.
#[derive(Debug, clap::Args)]
pub(crate) struct Decode {
    /// The file that holds the response. `-`, which is the default, reads the standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Write the items and a manifest into this directory. The files are named by the position of their item,
    /// so the directory must not hold items of another response. Without this option the items are only checked.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The number of items in the request. If it is given, items without an answer fail, and so do response
    /// messages beyond that number.
    #[arg(long, value_name = "N")]
    items: Option<u32>,
    #[command(flatten)]
    size: SizeOption,
    #[command(flatten)]
    integrity: IntegrityOption,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// The number of bytes read at a time.
const CHUNK: usize = 64 * 1024;

type Input = Box<dyn Read>;

/// The number of leading bytes that are kept, to recognise a file that is not a response.
const HEAD: usize = 16;

pub(crate) fn run(args: &Decode, output: &mut Output) -> Result<Status, Failure> {
    let (name, mut input) = open(&args.file)?;
    let mut options = (args.size).limit(Options::new().integrity(args.integrity.get()));
    if let Some(items) = args.items {
        options = options.items(items);
    }
    let archive = match &args.out {
        Some(out) => {
            input = own::check(out, &name, input, options)?;
            Some(Archive::open(out)?)
        }
        None => None,
    };
    let format = Format::new(args.json);
    let mut sink = DecodeSink::new(args.items, archive.as_ref(), output, format);
    let mut head = Vec::new();
    decode(&name, &mut input, options, &mut sink, &mut head)?;

    let (summary, unwritten) = sink.finish()?;
    if let Some(hint) = advice::of_file(&head) {
        say(&format!("{name}: {hint}"));
    }
    // A truncated response does not show how many items are missing, unless the number of items is known.
    let is_judged = summary.response == ResponseOutcome::Complete
        || args.items.is_some() && summary.response == ResponseOutcome::Truncated;
    Ok(match summary.failed + summary.suspect {
        _ if unwritten => Status::Local,
        0 if is_judged => Status::Exported,
        _ if summary.response == ResponseOutcome::Complete => Status::ItemsFailed,
        _ => Status::Response,
    })
}

fn open(path: &Path) -> Result<(String, Input), Failure> {
    if path == Path::new("-") {
        return Ok(("standard input".to_owned(), Box::new(io::stdin().lock())));
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::local(&name, &error))?;
    Ok((name, Box::new(file)))
}

/// Decodes `input` to its end, or to the first error in the response.
fn decode(
    name: &str,
    input: &mut dyn Read,
    options: Options,
    sink: &mut DecodeSink<'_>,
    head: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut decoder = Decoder::<[u8; 4096]>::new(options);
    let mut chunk = vec![0; CHUNK];
    loop {
        let len = match input.read(&mut chunk) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::local(name, &error)),
        };
        let mut bytes = &chunk[..len];
        head.extend(bytes.iter().take(HEAD - head.len()));
        loop {
            let done = match len {
                0 => decoder.finish_into(sink).map(drop),
                _ => decoder.feed(&mut bytes, sink),
            };
            match done {
                Ok(()) => break,
                // The summary line reports the error.
                Err(FeedError::Response(_)) => {
                    if let Some(encoding) = decoder.declared_encoding() {
                        say(&format!(
                            "{name}: the encoding is {encoding}; convert the file to UTF-8"
                        ));
                    }
                    return Ok(());
                }
                // This item could not be written; the decoder continues with the next one.
                Err(FeedError::Sink(error)) => sink.failed_to_write(&error_chain(&error)),
            }
        }
        sink.print_ready()?;
        if len == 0 {
            return Ok(());
        }
    }
}
