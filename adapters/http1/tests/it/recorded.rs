//! Recorded Exchange responses.

use super::hyper::agree;
use super::oracle::{check, read};

#[path = "../../../../tests/src/data.rs"]
mod data;

/// A recording is a head with LF line ends and a body with its framing taken off; this puts both
/// back, the body in chunks of `chunk` bytes if it is chunked.
fn on_the_wire(recording: &[u8], chunk: usize) -> (Vec<u8>, Vec<u8>) {
    let end = recording.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&recording[..end], &recording[end + 2..]),
        None => (recording.trim_ascii_end(), &b""[..]),
    };
    let head = String::from_utf8(head.to_vec()).unwrap();
    let mut wire = head.replace('\n', "\r\n").into_bytes();
    wire.extend_from_slice(b"\r\n\r\n");
    if head
        .to_ascii_lowercase()
        .contains("\ntransfer-encoding: chunked")
    {
        for chunk in body.chunks(chunk) {
            wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\n\r\n");
    } else {
        wire.extend_from_slice(body);
    }
    (wire, body.to_vec())
}

#[test]
fn recordings_are_read() {
    let Some(recorded) = data::path("samples/recorded") else {
        return;
    };
    let mut count = 0;
    for entry in recorded.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // A recording without a status.
        if path.extension().is_none_or(|extension| extension != "http") || name.contains("_None") {
            continue;
        }
        let recording = std::fs::read(&path).unwrap();
        for chunk in [1, 7, 1000, usize::MAX] {
            let (wire, body) = on_the_wire(&recording, chunk);
            // A microcontroller's scratch and reads.
            let reading = read(wire.chunks(536), 256);
            let end = reading
                .end
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(end.len, wire.len(), "{name}");
            assert!(
                name[4..].starts_with(&reading.head.unwrap().0.to_string()),
                "{name}"
            );
            assert_eq!(reading.body, body, "{name}");
            agree(&wire);
        }
        check(
            &on_the_wire(&recording[..recording.len().min(1500)], 300).0,
            256,
        );
        count += 1;
    }
    assert!(count >= 16);
}
