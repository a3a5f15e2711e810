//! What benches/end-to-end.sh compares with.
//!
//! - `end-to-end null URL IDS [CA]` exports the ids of a file, one a line, over one connection, and keeps nothing.
//! - `end-to-end write DIRECTORY COUNT BYTES` hashes, writes and syncs so many files of bytes that are in memory,
//!   and prints the seconds that took.

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_benches::corpus::payload;
use exportitems_benches::ours::Count;
use exportitems_std::Client;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["null", url, ids] => null(url, ids, None),
        ["null", url, ids, ca] => null(url, ids, Some(ca)),
        ["write", directory, count, bytes] => {
            write(Path::new(directory), count.parse()?, bytes.parse()?)
        }
        _ => Err("usage: end-to-end null URL IDS [CA] | write DIRECTORY COUNT BYTES".into()),
    }
}

fn null(url: &str, ids: &str, ca: Option<&str>) -> Result<(), Box<dyn Error>> {
    let ids = fs::read_to_string(ids)?;
    let items: Vec<_> = ids.lines().map(ItemId::new).collect();
    let mut builder = Client::builder(url);
    if let Some(ca) = ca {
        builder = builder.ca_file(ca);
    }
    let mut count = Count::default();
    builder
        .build()?
        .export(&RequestHeaders::new(), &items, &mut count, Options::new())?;
    if usize::try_from(count.ok)? != items.len() {
        return Err(format!("{} of {} items", count.ok, items.len()).into());
    }
    Ok(())
}

fn write(directory: &Path, count: u32, bytes: usize) -> Result<(), Box<dyn Error>> {
    let payload = payload(1, bytes);
    fs::create_dir_all(directory)?;
    let start = Instant::now();
    for index in 0..count {
        let mut digest = Sha256::new();
        let mut file = File::create(directory.join(index.to_string()))?;
        for piece in payload.chunks(64 << 10) {
            digest.update(piece);
            file.write_all(piece)?;
        }
        file.sync_all()?;
        black_box(digest.finalize());
    }
    File::open(directory)?.sync_all()?;
    println!("{:.6}", start.elapsed().as_secs_f64());
    Ok(())
}
