//! What must hold for every response, including arbitrary bytes. A fuzz target runs this too.

use exportitems_http1::{BodyDecoder, Error, ErrorKind, Framing, HeadDecoder, HeadEvent};

/// The decoded response, in owned form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub interim: Vec<u16>,
    /// A value is `None` for a field that did not fit the scratch.
    pub fields: Vec<(String, Option<Vec<u8>>)>,
    pub head: Option<(u16, Framing)>,
    pub body: Vec<u8>,
    pub end: Result<End, Error>,
}

/// The end of a good response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// Bytes of the response.
    pub len: usize,
    pub can_reuse: bool,
}

impl Reading {
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        self.end.err().map(|error| error.kind)
    }
}

/// Reads a response that arrives in `pieces` and then ends, and checks the contract of each call.
pub(crate) fn read<'i>(pieces: impl IntoIterator<Item = &'i [u8]>, scratch: usize) -> Reading {
    let mut reading = Reading {
        interim: Vec::new(),
        fields: Vec::new(),
        head: None,
        body: Vec::new(),
        end: Ok(End {
            len: 0,
            can_reuse: false,
        }),
    };
    reading.end = read_into(&mut reading, &mut pieces.into_iter(), scratch);
    reading
}

fn read_into(
    reading: &mut Reading,
    pieces: &mut dyn Iterator<Item = &[u8]>,
    scratch: usize,
) -> Result<End, Error> {
    let mut scratch = vec![0; scratch];
    let mut decoder = HeadDecoder::new(&mut scratch);
    let mut input: &[u8] = &[];
    let mut received = 0;
    let head = loop {
        match decoder.next(&mut input) {
            Ok(Some(HeadEvent::Interim(status))) => reading.interim.push(status),
            Ok(Some(HeadEvent::Field(field))) => {
                let value = Some(field.value.to_vec());
                reading.fields.push((field.name.to_owned(), value));
            }
            Ok(Some(HeadEvent::FieldTooLong { name })) => {
                reading.fields.push((name.to_owned(), None));
            }
            Ok(Some(HeadEvent::Head(head))) => {
                let rest = input;
                assert_eq!(decoder.next(&mut input), Ok(None));
                assert_eq!(input, rest, "the body's bytes are left alone");
                assert_eq!(decoder.finish(), Ok(()));
                break head;
            }
            Ok(None) => {
                assert!(input.is_empty(), "Ok(None) means that the input is used up");
                match pieces.next() {
                    Some(piece) => input = piece,
                    None => {
                        decoder.finish()?;
                        panic!("finish accepts an incomplete head");
                    }
                }
                received += input.len();
            }
            Err(error) => {
                assert_eq!(decoder.next(&mut input), Err(error), "errors are sticky");
                assert_eq!(decoder.finish(), Err(error), "errors are sticky");
                return Err(error);
            }
        }
    };
    reading.head = Some((head.status(), head.framing()));

    let mut decoder = BodyDecoder::new(&head);
    while !decoder.is_complete() {
        match decoder.next(&mut input) {
            Ok(Some(data)) => {
                assert!(!data.is_empty());
                reading.body.extend_from_slice(data);
            }
            Ok(None) if decoder.is_complete() => {}
            Ok(None) => {
                assert!(input.is_empty(), "Ok(None) means that the input is used up");
                match pieces.next() {
                    Some(piece) => input = piece,
                    None => decoder.finish().inspect_err(|&error| {
                        assert_eq!(decoder.next(&mut input), Err(error), "errors are sticky");
                    })?,
                }
                received += input.len();
            }
            Err(error) => {
                assert_eq!(decoder.next(&mut input), Err(error), "errors are sticky");
                assert_eq!(decoder.finish(), Err(error), "errors are sticky");
                return Err(error);
            }
        }
    }
    assert_eq!(decoder.finish(), Ok(()));
    let len = received - input.len();
    for piece in pieces {
        input = if input.is_empty() { piece } else { input };
    }
    Ok(End {
        len,
        can_reuse: decoder.can_reuse(input),
    })
}

/// Checks that no split changes the result, and that no cut response is accepted as complete.
pub(crate) fn check(response: &[u8], scratch: usize) -> Reading {
    let whole = read([response], scratch);
    assert_eq!(read(response.chunks(1), scratch), whole, "byte by byte");
    for at in 0..=response.len() {
        let (before, after) = response.split_at(at);
        assert_eq!(read([before, after], scratch), whole, "split at {at}");
        check_cut(before, &whole, scratch);
    }
    whole
}

/// Checks that a cut response is an error of the connection, unless the remaining bytes already decide the result, or
/// the body ends with the connection.
fn check_cut(before: &[u8], whole: &Reading, scratch: usize) {
    let cut = read([before], scratch);
    assert!(whole.body.starts_with(&cut.body));
    match (cut.end, whole.end) {
        (
            Err(Error {
                kind: ErrorKind::Closed,
                ..
            }),
            _,
        ) => assert!(before.is_empty()),
        (
            Err(Error {
                kind: ErrorKind::Cut,
                offset,
            }),
            end,
        ) => {
            assert_eq!(offset, before.len() as u64);
            assert!(end.map_or(true, |end| before.len() < end.len));
        }
        (Err(error), end) => assert_eq!(Err(error), end),
        (Ok(_), Ok(_)) if matches!(cut.head, Some((_, Framing::UntilClose))) => {}
        (Ok(cut), end) => assert_eq!(end.map(|end| end.len), Ok(cut.len)),
    }
}
