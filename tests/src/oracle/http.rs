//! HTTP/1.1 framing: the same in every split, and what was chunked comes out as it was.

use exportitems_http1::{BodyDecoder, Error, HeadDecoder, HeadEvent, ResponseHead};

use crate::chunks::Chunking;

/// What comes of a response: fields and lines by their text, the body joined.
#[derive(Debug, Default, PartialEq, Eq)]
struct Exchange {
    head: Vec<String>,
    body: Vec<u8>,
    complete: bool,
    error: Option<Error>,
}

/// Any bytes, as a response and as the body of one.
pub fn http(bytes: &[u8]) {
    let whole = exchange(&[bytes], 512);
    assert!(whole.body.len() <= bytes.len());
    for chunking in [
        Chunking::Every(1),
        Chunking::Every(3),
        Chunking::Random(bytes.len() as u64),
    ] {
        assert_eq!(
            exchange(&chunking.split(bytes), 512),
            whole,
            "by {chunking:?}"
        );
    }

    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in Chunking::Random(bytes.len() as u64).split(bytes) {
        if !piece.is_empty() {
            chunked.extend(format!("{:x};x=\"y\"\r\n", piece.len()).bytes());
            chunked.extend(piece);
            chunked.extend(b"\r\n");
        }
    }
    chunked.extend(b"0\r\nTrailer: x\r\n\r\n");
    let sized = [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes(),
        bytes,
    ]
    .concat();
    let closed = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes].concat();
    for (response, is_framed) in [(&chunked, true), (&sized, true), (&closed, false)] {
        for chunking in [Chunking::Whole, Chunking::Every(1), Chunking::Every(17)] {
            let read = exchange(&chunking.split(response), 64);
            assert_eq!((&*read.body, read.error), (bytes, None));
            assert!(read.complete);
        }
        if is_framed {
            // Without its last byte, nothing that says where it ends is complete.
            let cut = exchange(&[&response[..response.len() - 1]], 64);
            assert!(cut.error.is_some(), "a cut response is complete");
        }
    }
}

fn exchange(pieces: &[&[u8]], scratch: usize) -> Exchange {
    let mut read = Exchange::default();
    if let Err(error) = read_into(pieces, scratch, &mut read) {
        read.error = Some(error);
    }
    read
}

fn read_into(pieces: &[&[u8]], scratch: usize, read: &mut Exchange) -> Result<(), Error> {
    let mut scratch = vec![0; scratch];
    let mut head = HeadDecoder::new(&mut scratch);
    let mut pieces = pieces.iter().copied();
    let mut input: &[u8] = b"";
    let response: ResponseHead = loop {
        match head.next(&mut input)? {
            Some(HeadEvent::Head(response)) => break response,
            Some(event) => read.head.push(format!("{event:?}")),
            None => {
                assert!(input.is_empty(), "input left over");
                match pieces.next() {
                    Some(piece) => input = piece,
                    None => return head.finish(),
                }
            }
        }
    };
    read.head.push(format!("{response:?}"));
    let mut body = BodyDecoder::new(&response);
    while !body.is_complete() {
        match body.next(&mut input)? {
            Some(data) => read.body.extend_from_slice(data),
            None if body.is_complete() => {}
            None => {
                assert!(input.is_empty(), "input left over");
                match pieces.next() {
                    Some(piece) => input = piece,
                    None => body.finish()?,
                }
            }
        }
    }
    read.complete = true;
    Ok(())
}
