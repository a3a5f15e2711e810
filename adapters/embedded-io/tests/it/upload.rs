//! Uploads: what is sent, and how they fail.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use embedded_io::{ErrorType, Read};
use exportitems::{
    Decoder, FolderId, ItemError, Options, Summary, UploadItem, UploadItems, UploadItemsOperation,
};
use exportitems_embedded_io::{Client, Error, Server, UploadError, MIN_BUFFER};

use crate::peer::{http, Broken, Call, Journal, Peer, Slow};

type Uploaded = Result<Summary, UploadError<Broken, Broken>>;

/// The data of two items and an empty one.
const DATA: &[u8] = b"first payloadsecond";
const FOLDER: FolderId<'static> = FolderId::new("folder");
const ITEMS: [UploadItem<'static>; 3] = [
    UploadItem::new(FOLDER, 13),
    UploadItem::new(FOLDER, 0),
    UploadItem::new(FOLDER, 6),
];
const REQUEST: UploadItems<'static> = UploadItems::new(&ITEMS);

/// Data that end or fail after some bytes, in pieces of at most `most` bytes.
#[derive(Clone, Copy)]
struct Source {
    rest: &'static [u8],
    most: usize,
    fails_at_end: bool,
}

impl Source {
    fn new(most: usize) -> Self {
        Self {
            rest: DATA,
            most,
            fails_at_end: false,
        }
    }
}

impl ErrorType for Source {
    type Error = Broken;
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        if self.rest.is_empty() && self.fails_at_end {
            return Err(Broken);
        }
        let len = out.len().min(self.most).min(self.rest.len());
        let (read, rest) = self.rest.split_at(len);
        out[..len].copy_from_slice(read);
        self.rest = rest;
        Ok(len)
    }
}

impl embedded_io_async::Read for Source {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        Read::read(self, out)
    }
}

fn response() -> Vec<u8> {
    let stored = "<m:UploadItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError\
                  </m:ResponseCode><m:ItemId Id='new'/></m:UploadItemsResponseMessage>";
    let messages = stored.repeat(3);
    http(
        200,
        "",
        &format!(
            "<s:Envelope><s:Body><m:UploadItemsResponse><m:ResponseMessages>{messages}\
             </m:ResponseMessages></m:UploadItemsResponse></s:Body></s:Envelope>"
        ),
    )
}

fn decoder() -> Decoder<[u8; 64], UploadItemsOperation> {
    Decoder::for_operation(Options::new().items(3))
}

/// Returns the result, the calls of the sink, what was sent, and whether the connection can be used again.
fn blocking(peer: Peer, mut data: Source) -> (Uploaded, Vec<Call>, Vec<u8>, bool) {
    let (mut buffer, mut sink) = ([0; MIN_BUFFER], Journal::default());
    let mut client = Client::new(peer, Server::new("mail.contoso.com"), &mut buffer);
    let result = client.upload(&REQUEST, &mut data, &mut decoder(), &mut sink);
    let ready = client.can_export();
    (result, sink.calls, client.into_transport().sent, ready)
}

/// The same, with the upload polled `polls` times and then dropped, if it is not done by then.
fn asynchronous(
    peer: Peer,
    mut data: Source,
    polls: usize,
) -> (Option<Uploaded>, Vec<Call>, Vec<u8>, bool) {
    let (mut buffer, mut sink, mut decoder) =
        ([0; MIN_BUFFER], Slow(Journal::default()), decoder());
    let mut client = Client::new(peer, Server::new("mail.contoso.com"), &mut buffer);
    let mut context = Context::from_waker(Waker::noop());
    let result = {
        let mut upload = pin!(client.upload_async(&REQUEST, &mut data, &mut decoder, &mut sink));
        (0..polls).find_map(|_| match upload.as_mut().poll(&mut context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    };
    let ready = client.can_export();
    (result, sink.0.calls, client.into_transport().sent, ready)
}

/// Uploads with both clients, which must agree.
fn upload(peer: impl Fn() -> Peer, data: Source) -> (Uploaded, Vec<Call>, Vec<u8>, bool) {
    let blocking = blocking(peer(), data);
    let (result, calls, sent, ready) = asynchronous(peer(), data, usize::MAX);
    assert_eq!(
        (result.as_ref(), &calls, &sent, ready),
        (Some(&blocking.0), &blocking.1, &blocking.2, blocking.3)
    );
    blocking
}

fn answered() -> Peer {
    Peer::new(&response())
}

fn unanswered() -> Vec<Call> {
    (0..3)
        .map(|index| Call::Failed(index, ItemError::NotAnswered))
        .collect()
}

#[test]
fn the_request_is_the_same_for_pieces_of_every_size() {
    let mut expected = vec![0; 4096];
    let mut encoder = REQUEST.encoder().unwrap();
    let len = encoder.write(&mut &*DATA, &mut expected);
    assert!(encoder.is_done());
    for most in 1..=DATA.len() {
        let (result, calls, sent, ready) = upload(answered, Source::new(most));
        assert_eq!(result.unwrap().ok, 3);
        assert_eq!(calls.len(), 6, "{calls:?}");
        assert!(ready);
        let sent = String::from_utf8(sent).unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\nContent-Length: {len}\r\n")));
        assert_eq!(body.as_bytes(), &expected[..len], "{most}");
    }
}

#[test]
fn data_that_end_early_or_fail_end_the_upload() {
    for len in 0..DATA.len() {
        for fails_at_end in [false, true] {
            let data = Source {
                rest: &DATA[..len],
                most: 5,
                fails_at_end,
            };
            let (result, calls, sent, ready) = upload(answered, data);
            let expected = match fails_at_end {
                false => UploadError::SourceEnded,
                true => UploadError::Source(Broken),
            };
            assert_eq!(result, Err(expected));
            assert_eq!(calls, unanswered());
            assert!(!ready);
            assert!(!sent.ends_with(b"</s:Envelope>"));
        }
    }
}

/// A peer that accepts some bytes, and then no more.
fn full(response: &[u8], accepts: usize) -> Peer {
    let mut peer = Peer::new(response);
    peer.accepts = accepts;
    peer
}

#[test]
fn a_refusal_before_the_request_is_sent_is_received() {
    let refused = http(413, "Connection: close\r\n", "too large");
    for accepts in [0, 1, 100, 600] {
        let (result, calls, _, ready) = upload(|| full(&refused, accepts), Source::new(5));
        let Err(UploadError::Client(Error::Status(status))) = result else {
            panic!("{result:?}");
        };
        assert_eq!((status.code, ready), (413, false));
        assert_eq!(calls, unanswered());
        // Without a response, the error is that of the transport.
        let (result, calls, _, ready) = upload(|| full(b"", accepts), Source::new(5));
        assert_eq!(result, Err(UploadError::Client(Error::WriteZero)));
        assert_eq!((calls, ready), (unanswered(), false));
    }
}

#[test]
fn nothing_is_sent_of_a_request_that_cannot_be_encoded() {
    let (mut buffer, mut sink) = ([0; MIN_BUFFER], Journal::default());
    let server = Server::new("mail.contoso.com");
    let mut client = Client::new(answered(), server, &mut buffer);
    let result = client.upload(
        &UploadItems::new(&[]),
        &mut Source::new(5),
        &mut decoder(),
        &mut sink,
    );
    assert!(matches!(
        result,
        Err(UploadError::Client(Error::Request(_)))
    ));
    assert!(client.can_export());
    assert_eq!((client.into_transport().sent, sink.calls), (vec![], vec![]));
}

#[test]
fn an_upload_dropped_at_any_await_leaves_a_connection_that_cannot_be_used() {
    let (_, whole, ..) = asynchronous(answered(), Source::new(5), usize::MAX);
    for polls in 0.. {
        let (result, calls, _, ready) = asynchronous(answered(), Source::new(5), polls);
        assert!(whole.starts_with(&calls), "{polls}: {calls:?}");
        if let Some(result) = result {
            assert!(polls > 20, "{polls} awaits show little");
            assert!(ready && result.is_ok());
            break;
        }
        assert_eq!(ready, polls == 0);
    }
}
