//! How fast C and WebAssembly decode beside the Rust API, in one run: `cargo bench -p exportitems-capi`.
//!
//! The three take turns on the same response, and the fastest round of each counts. C must reach 0.95.

use std::error::Error;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use exportitems::{Decoder, Event, Options};

const TURNS: usize = 10;
const ROUNDS: usize = 3;
/// Groups of four base64 symbols of the one item.
const GROUPS: usize = 8 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("throughput");
    std::fs::create_dir_all(&folder)?;
    let scripts = root.join("../../scripts");
    let prefix = folder.join("usr");
    run(Command::new(scripts.join("install-capi")).arg(&prefix))?;
    let c = folder.join("c");
    run(Command::new("cc")
        .args(["-std=c99", "-O2", "-Wl,--gc-sections", "-I"])
        .arg(prefix.join("include"))
        .arg(root.join("benches/throughput.c"))
        .arg(prefix.join("lib/libexportitems.a"))
        .arg("-o")
        .arg(&c))?;
    let module = folder.join("exportitems.wasm");
    run(Command::new(scripts.join("build-wasm"))
        .arg(&module)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO"))?;

    let response = response();
    let file = folder.join("response.xml");
    std::fs::write(&file, &response)?;
    let mut best = [f64::MAX; 3];
    for _ in 0..TURNS {
        let took = [
            rust(&response),
            peer(Command::new(&c), &file, None)?,
            peer(throughput_mjs(root), &file, Some(&module))?,
        ];
        for (best, took) in best.iter_mut().zip(took) {
            *best = best.min(took);
        }
    }
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let megabytes = response.len() as f64 / 1e6;
    for (name, took) in ["Rust", "C", "WebAssembly"].into_iter().zip(best) {
        println!(
            "{name:<12} {:>7.0} MB/s  {:.2}",
            megabytes / took,
            best[0] / took
        );
    }
    if best[0] / best[1] < 0.95 {
        return Err("C is slower than 0.95 of Rust".into());
    }
    Ok(())
}

/// One item of 24 MiB, a single record with a single property, which is whole.
fn response() -> Vec<u8> {
    // Config record; TransferBuffer record; PtypBinary property, all of it zeros: 16 + 8 + 8 bytes, then the value.
    let value = GROUPS * 3 - 32;
    let mut head = vec![1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
    head.extend_from_slice(&u32::try_from(value + 8).unwrap_or(u32::MAX).to_le_bytes());
    head.extend_from_slice(&[0x02, 0x01, 0x13, 0x10]);
    head.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    head.push(0); // 33 bytes, 11 groups
    let mut response =
        b"<Envelope><Body><ExportItemsResponse><ResponseMessages><ExportItemsResponseMessage \
        ResponseClass='Success'><ResponseCode>NoError</ResponseCode><Data>"
            .to_vec();
    for group in head.chunks(3) {
        response.extend_from_slice(&base64(group));
    }
    response.extend_from_slice(&b"AAAA".repeat(GROUPS - head.len() / 3));
    response.extend_from_slice(
        b"</Data></ExportItemsResponseMessage></ResponseMessages></ExportItemsResponse></Body></Envelope>",
    );
    response
}

/// The symbols of three bytes.
fn base64(group: &[u8]) -> [u8; 4] {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = group
        .iter()
        .fold(0, |bits, &byte| bits << 8 | usize::from(byte));
    [18, 12, 6, 0].map(|shift| SYMBOLS[bits >> shift & 63])
}

fn rust(response: &[u8]) -> f64 {
    let round = || {
        let start = Instant::now();
        let mut decoder: Decoder<[u8; 4096]> = Decoder::new(Options::new());
        let (mut total, mut ok) = (0, 0);
        let mut count = |event: Event<'_>| match event {
            Event::Data(bytes) => total += black_box(bytes).len(),
            Event::End(summary) => ok = summary.ok,
            _ => {}
        };
        for mut piece in response.chunks(16384) {
            while let Ok(Some(event)) = decoder.next_event(&mut piece) {
                count(event);
            }
        }
        while let Ok(Some(event)) = decoder.finish() {
            count(event);
        }
        assert_eq!((total, ok), (GROUPS * 3, 1));
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}

fn throughput_mjs(root: &Path) -> Command {
    let mut node = Command::new("node");
    node.arg(root.join("benches/throughput.mjs"));
    node
}

/// The seconds that a program prints.
fn peer(
    mut program: Command,
    file: &Path,
    module: Option<&PathBuf>,
) -> Result<f64, Box<dyn Error>> {
    let program = program.arg(file).arg(ROUNDS.to_string()).args(module);
    let output = program.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{program:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}
