//! Memory does not depend on the size of an item. A process of its own, since the peak is the process's.

use exportitems::{ExportItems, ItemId};
use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
use exportitems_std::{Archive, Client, Exporter};

/// The most memory this process has held, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn memory_does_not_grow_with_an_item() {
    const MIB: u64 = 1 << 20;
    if peak().is_none() {
        println!("skipped: this system does not tell the peak of memory");
        return;
    }
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = Client::builder(&emulator.url()).build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(dir.path()).unwrap();
    let mut export = |seed, size| {
        let id = item_id(DEFAULT_MAILBOX, seed, size);
        let items = [ItemId::new(&id)];
        let report = Exporter::new(&mut client, &mut archive, ExportItems::new(&[]))
            .run(&items, &mut |_| {})
            .unwrap();
        assert_eq!((report.ok, report.bytes), (1, size));
    };
    export(1, MIB);
    let before = peak().unwrap();
    export(2, 48 * MIB);
    let grown = peak().unwrap() - before;
    assert!(grown < 4 * MIB, "{grown} bytes for an item of 48 MiB");
}
