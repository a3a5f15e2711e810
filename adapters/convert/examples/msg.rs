//! Converts an exported item to an Outlook message: `cargo run --example msg -- ITEM.fts ITEM.msg`.

use std::error::Error;
use std::fs::File;

use exportitems_convert::{eml, msg, Item};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1);
    let (Some(from), Some(to)) = (paths.next(), paths.next()) else {
        return Err("usage: msg ITEM.fts ITEM.msg".into());
    };
    let mut file = File::open(from)?;
    let item = Item::read(&mut file)?;
    let out = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(to)?;
    let warnings = msg::write(&item, &mut file, out, &eml::Options::default())?;
    for warning in item.warnings.iter().chain(&warnings) {
        eprintln!("{warning}");
    }
    Ok(())
}
