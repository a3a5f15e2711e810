//! Shows an exported mail as an Internet message.

use std::fs::File;
use std::path::Path;

use exportitems_convert::eml::{self, Options};
use exportitems_convert::{Item, Summary};

use crate::output::Output;
use crate::status::Failure;

/// Converts the mail in a file, and prints its headers and the headers of its parts.
pub(super) fn print(file: &Path, output: &mut Output) -> Result<(), Failure> {
    let name = file.display().to_string();
    let local = |error: std::io::Error| Failure::local(&name, &error);
    let mut payload = File::open(file).map_err(local)?;
    let item = Item::read(&mut payload).map_err(local)?;
    let options = Options::default();
    let summary = Summary::of(&item, &mut payload, &options).map_err(local)?;
    let mut message = Vec::new();
    eml::write(&item, &mut payload, &mut message, &options).map_err(local)?;
    output.line("");
    output.line("The first item as a mail, as `exportitems convert --to eml` writes it:");
    for (name, value) in summary.headers() {
        output.line(&format!("  {name}: {value}"));
    }
    for line in String::from_utf8_lossy(&message).lines() {
        if line.starts_with("Content-Type: ") {
            output.line(&format!("  {}", line.trim_end_matches(';')));
        }
    }
    output.line(&format!("  ({} bytes)", message.len()));
    Ok(())
}
