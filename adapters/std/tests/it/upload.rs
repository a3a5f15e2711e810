//! Uploads: what is sent, and when it is sent again.

use std::io::{self, Read, Write as _};
use std::sync::mpsc;

use exportitems::{FolderId, Options, Outcome, RequestHeaders, ResponseItemId, Sink, UploadItem};
use exportitems_std::client::{Client, ClientError, Credentials};

use crate::server::{read_request, response, serve, soap, Server};

/// The ids of the new items, and the number of other outcomes.
#[derive(Debug, Default)]
struct NewIds {
    new: Vec<String>,
    stored: u32,
    failed: u32,
}

impl Sink for NewIds {
    type Error = std::convert::Infallible;

    fn begin(&mut self, _: u32, ids: ResponseItemId<'_>) -> Result<(), Self::Error> {
        self.new.extend(ids.id.value().map(str::to_owned));
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }

    fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> {
        self.stored += 1;
        Ok(())
    }

    fn abort(&mut self, _: &Outcome) {
        self.failed += 1;
    }

    fn failed(&mut self, _: &Outcome) {
        self.failed += 1;
    }
}

#[allow(clippy::format_collect)] // a few messages
fn stored(ids: &[&str]) -> Vec<u8> {
    let messages: String = (ids.iter())
        .map(|id| {
            format!(
                "<m:UploadItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
                 </m:ResponseCode><m:ItemId Id=\"{id}\"/></m:UploadItemsResponseMessage>"
            )
        })
        .collect();
    soap(
        200,
        &format!(
            "<s:Envelope><s:Body><m:UploadItemsResponse><m:ResponseMessages>{messages}\
             </m:ResponseMessages></m:UploadItemsResponse></s:Body></s:Envelope>"
        ),
    )
}

const DATA: [&[u8]; 2] = [b"first payload", b"second"];

fn upload(client: &mut Client) -> (Result<u16, ClientError>, NewIds) {
    let folder = FolderId::new("folder");
    let items = DATA.map(|data| UploadItem::new(folder, data.len() as u64));
    let mut sink = NewIds::default();
    let open = |index: usize| Ok(DATA[index]);
    let answer = client.upload(
        &RequestHeaders::new(),
        &items,
        open,
        &mut sink,
        Options::new(),
    );
    (answer.map(|answer| answer.status), sink)
}

#[test]
fn items_are_sent_and_their_new_ids_received() {
    let server = Server::start(vec![vec![stored(&["new0", "new1"])]]);
    let mut client = Client::builder(&server.url()).build().unwrap();
    let (status, sink) = upload(&mut client);
    assert_eq!(status.unwrap(), 200);
    assert_eq!(
        (sink.new, sink.stored),
        (vec!["new0".to_owned(), "new1".to_owned()], 2)
    );
    let request = server.requests.recv().unwrap();
    assert!(request.contains(
        "SOAPAction: \"http://schemas.microsoft.com/exchange/services/2006/messages/UploadItems\""
    ));
    // base64 of the two texts
    assert!(request.contains("<t:Data>Zmlyc3QgcGF5bG9hZA==</t:Data>"));
    assert!(request.contains("<t:Data>c2Vjb25k</t:Data>"));
}

/// A server that closes the connection after the whole request may have stored the items.
#[test]
fn a_request_that_the_server_may_have_is_not_sent_again() {
    let (log, requests) = mpsc::channel();
    let url = serve(move |number, mut stream| {
        // The second request of the first connection gets no response.
        for is_answered in [true, number > 0] {
            let Some(request) = read_request(&mut stream) else {
                return;
            };
            log.send((number, request.contains("<t:Data>c2Vjb25k</t:Data>")))
                .unwrap();
            if is_answered {
                stream.write_all(&stored(&["new0", "new1"])).unwrap();
            }
        }
    });
    let mut client = Client::builder(&url).build().unwrap();
    assert_eq!(upload(&mut client).1.stored, 2);
    let (result, sink) = upload(&mut client);
    assert!(
        matches!(result, Err(ClientError::Transport(_))),
        "{result:?}"
    );
    assert_eq!((sink.stored, sink.failed), (0, 0));
    let requests: Vec<_> = requests.try_iter().collect();
    assert_eq!(requests, [(0, true), (0, true)]);
}

#[test]
fn a_refused_login_stores_nothing() {
    let challenge = response(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
    let server = Server::start(vec![vec![challenge]]);
    let credentials = Credentials::basic("pat", "wrong").unwrap();
    let mut client = Client::builder(&server.url())
        .credentials(credentials)
        .build()
        .unwrap();
    let (result, sink) = upload(&mut client);
    assert!(matches!(result, Err(ClientError::Status(_))), "{result:?}");
    assert_eq!((sink.stored, sink.failed), (0, 0));
}

#[test]
fn data_that_are_too_short_or_fail_end_the_upload() {
    let server = Server::start(vec![vec![stored(&["new0"])], vec![stored(&["new0"])]]);
    let mut client = Client::builder(&server.url()).build().unwrap();
    let items = [UploadItem::new(FolderId::new("folder"), 10)];
    let mut sink = NewIds::default();
    for (open, kind) in [
        (
            Box::new(|_| Ok(Box::new(&b"too short"[..]) as Box<dyn Read>))
                as Box<dyn Fn(usize) -> io::Result<Box<dyn Read>>>,
            io::ErrorKind::UnexpectedEof,
        ),
        (
            Box::new(|_| Err(io::ErrorKind::NotFound.into())),
            io::ErrorKind::NotFound,
        ),
    ] {
        let headers = RequestHeaders::new();
        let error = client.upload(&headers, &items, open, &mut sink, Options::new());
        let Err(ClientError::Source { index: 0, source }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), kind);
    }
}
