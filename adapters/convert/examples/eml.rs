//! Converts an exported item to an Internet message: `cargo run --example eml -- ITEM.fts > ITEM.eml`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use exportitems_convert::{eml, Item};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: eml ITEM.fts")?;
    let mut file = File::open(path)?;
    let item = Item::read(&mut file)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let warnings = eml::write(&item, &mut file, &mut out, &eml::Options::default())?;
    out.flush()?;
    for warning in item.warnings.iter().chain(&warnings) {
        eprintln!("{warning}");
    }
    Ok(())
}
