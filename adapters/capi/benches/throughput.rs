//! Compares the speed of decoding in C and WebAssembly with that in Rust: `cargo bench -p exportitems-capi`.
//!
//! The three decode the same response in turns. Each round of C or WebAssembly is compared with the round of Rust next to
//! it, so that other load on the machine affects both. The median of the ratios counts; for C it must be at least 0.95.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use exportitems::{Decoder, Event, Options};

const ROUNDS: usize = 401;
/// Groups of four base64 symbols in the item. With this number, a round is short compared with changes of the load.
const GROUPS: usize = 2 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("throughput");
    std::fs::create_dir_all(&folder)?;
    let scripts = root.join("scripts");
    let prefix = folder.join("usr");
    run(Command::new(scripts.join("install")).arg(&prefix))?;
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
    let mut node = Command::new("node");
    node.arg(root.join("benches/throughput.mjs"));
    let mut peers = [
        Peer::start("C", Command::new(c).arg(&file))?,
        Peer::start("WebAssembly", node.arg(&file).arg(&module))?,
    ];
    let mut alone = Vec::new();
    for round in 0..ROUNDS {
        for peer in &mut peers {
            // Alternate the order.
            let before = (round % 2 == 0).then(|| rust(&response));
            let took = peer.once()?;
            let beside = before.unwrap_or_else(|| rust(&response));
            alone.push(beside);
            peer.took.push(took);
            peer.ratios.push(beside / took);
        }
    }

    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let megabytes = response.len() as f64 / 1e6;
    println!(
        "the median of {ROUNDS} rounds, and the fastest; the ratio to Rust of each pair of rounds"
    );
    let (median, min) = middle(&mut alone);
    println!(
        "Rust         {:>6.0} {:>6.0} MB/s",
        megabytes / median,
        megabytes / min
    );
    for peer in &mut peers {
        let (median, min) = middle(&mut peer.took);
        let (ratio, worst) = middle(&mut peer.ratios);
        println!(
            "{:<12} {:>6.0} {:>6.0} MB/s  median {ratio:.3}, min {worst:.3}",
            peer.name,
            megabytes / median,
            megabytes / min
        );
    }
    if middle(&mut peers[0].ratios).0 < 0.95 {
        return Err("C is slower than 0.95 of Rust".into());
    }
    Ok(())
}

/// The median and the least.
fn middle(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0])
}

/// A program that decodes the response once for each line of its input, and prints the seconds.
struct Peer {
    name: &'static str,
    child: Child,
    seconds: BufReader<ChildStdout>,
    took: Vec<f64>,
    ratios: Vec<f64>,
}

impl Peer {
    fn start(name: &'static str, program: &mut Command) -> Result<Self, Box<dyn Error>> {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let seconds = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut peer = Self {
            name,
            child,
            seconds,
            took: Vec::new(),
            ratios: Vec::new(),
        };
        // Node.js compiles while it runs.
        for _ in 0..10 {
            peer.once()?;
        }
        Ok(peer)
    }

    fn once(&mut self) -> Result<f64, Box<dyn Error>> {
        let input = self.child.stdin.as_mut().ok_or("no input")?;
        input.write_all(b"\n")?;
        let mut line = String::new();
        self.seconds.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take()); // it ends with its input
        let _ = self.child.wait();
    }
}

/// A response with one item of 6 MiB, a whole payload of one record with one property.
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

/// The seconds of one round of the Rust API.
fn rust(response: &[u8]) -> f64 {
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
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}
