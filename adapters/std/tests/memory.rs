//! Memory does not depend on the size of an item. A process of its own, since the peak is the process's.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::net::TcpListener;

use exportitems::{ItemId, RequestHeaders};
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
        exportitems_testkit::data::skip("this system does not report the peak of memory");
        return;
    }
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = Client::builder(&emulator.url()).build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    let mut export = |seed, size| {
        let id = item_id(DEFAULT_MAILBOX, seed, size);
        let items = [ItemId::new(&id)];
        let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
            .run(&items, &mut |_| {})
            .unwrap();
        assert_eq!((report.ok, report.bytes), (1, size));
    };
    export(1, MIB);
    let before = peak().unwrap();
    export(2, 48 * MIB);
    let grown = peak().unwrap() - before;
    assert!(grown < 4 * MIB, "{grown} bytes for an item of 48 MiB");

    // Nor with messages that were not requested: 40 MB of them.
    let mut client = Client::builder(&flood(100_000)).build().unwrap();
    let items = [ItemId::new("requested")];
    let before = peak().unwrap();
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .run(&items, &mut |_| {})
        .unwrap();
    assert_eq!((report.ok, report.unrequested), (1, 100_000));
    let grown = peak().unwrap() - before;
    assert!(grown < 4 * MIB, "{grown} bytes for a flood of messages");
    let manifest = std::fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap();
    // The first line is the header.
    assert_eq!(manifest.lines().count(), 4);
}

/// The URL of a server that answers one request with the item and so many other messages.
fn flood(messages: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/EWS/Exchange.asmx",
        listener.local_addr().unwrap()
    );
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        // The request ends in its envelope.
        while !line.contains(":Envelope>") {
            line.clear();
            let mut bytes = Vec::new();
            reader.read_until(b'>', &mut bytes).unwrap();
            line = String::from_utf8(bytes).unwrap();
        }
        let mut out = BufWriter::new(&stream);
        let mut write = |text: &str| out.write_all(text.as_bytes()).unwrap();
        write("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>\
               <s:Body><m:ExportItemsResponse xmlns:m='m'><m:ResponseMessages>");
        for index in 0..=messages {
            let id = if index == 0 { "requested" } else { "other" };
            write("<m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode><m:ItemId Id='");
            write(&format!(
                "{id}{}' ChangeKey='key'/>",
                if index == 0 {
                    String::new()
                } else {
                    index.to_string()
                }
            ));
            write("<m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>");
        }
        write("</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>");
    });
    url
}
