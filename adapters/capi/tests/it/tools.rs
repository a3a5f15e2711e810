//! External programs that the tests run, and their files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty folder of its own, gone when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{name}-{}-{count}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An example, compiled with `cc` and linked with the static library; `None` where there is no `cc`.
pub(crate) fn compile(folder: &Folder, example: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.path().join(example);
    // Beside this test's own program.
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("libexportitems_capi.a");
    let status = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"])
        .arg("-I")
        .arg(root.join("include"))
        .arg(root.join(format!("examples/{example}.c")))
        .arg(library)
        .arg("-Wl,--gc-sections")
        .arg("-o")
        .arg(&program)
        .status();
    match status {
        Err(error) => skip(&format!("cc: {error}")),
        Ok(status) => {
            assert!(status.success(), "{example}.c does not compile");
            Some(program)
        }
    }
}

/// The WebAssembly module; `None` where no compiler for it or no Node.js is at hand.
pub(crate) fn wasm() -> Option<PathBuf> {
    if let Err(error) = Command::new("node").arg("--version").output() {
        return skip(&format!("node: {error}"));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../embedded");
    let output = Command::new(root.join("scripts/build-wasm"))
        .env("EMBEDDED_TARGET_DIR", target)
        // The script uses another compiler than the cargo that runs this test.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return skip(&format!("scripts/build-wasm: {message}"));
    }
    let path = String::from_utf8(output.stdout).unwrap();
    Some(PathBuf::from(path.trim_end()))
}

fn skip<T>(reason: &str) -> Option<T> {
    crate::data::skip_without(reason);
    None
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
