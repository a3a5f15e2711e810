//! A server that plays a script: for what HTTP servers do and the emulator does not.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use exportitems::{Event, IdMatch, Outcome, ResponseItemId, Sink, Summary};

/// The responses of one connection, one per request. The connection ends after the last one.
pub(crate) type Script = Vec<Vec<u8>>;

/// Plays a script per connection.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The requests, head and body, as they were read.
    pub(crate) requests: Receiver<String>,
}

impl Server {
    pub(crate) fn start(connections: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (log, requests) = mpsc::channel();
        thread::spawn(move || {
            for script in connections {
                let (mut stream, _) = listener.accept().unwrap();
                for response in script {
                    let Some(request) = read_request(&mut stream) else {
                        break;
                    };
                    let _ = log.send(request);
                    if stream.write_all(&response).is_err() {
                        break;
                    }
                }
            }
        });
        Self { address, requests }
    }

    /// Answers each request by its ids and its number, from 0, on a connection of its own; `None` closes it unanswered.
    pub(crate) fn answering(
        mut answer: impl FnMut(&[String], usize) -> Option<Vec<u8>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (log, requests) = mpsc::channel();
        thread::spawn(move || {
            for number in 0.. {
                let (mut stream, _) = listener.accept().unwrap();
                let Some(request) = read_request(&mut stream) else {
                    continue;
                };
                let response = answer(&ids(&request), number);
                // The test may be over.
                let _ = log.send(request);
                let _ = stream.write_all(&response.unwrap_or_default());
            }
        });
        Self { address, requests }
    }

    /// The ids that were requested since, a list for each request.
    pub(crate) fn requested(&self) -> Vec<Vec<String>> {
        self.requests
            .try_iter()
            .map(|request| ids(&request))
            .collect()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/EWS/Exchange.asmx", self.address)
    }
}

fn ids(request: &str) -> Vec<String> {
    let ids = request.split(" Id=\"").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// Reads a request to its end; `None` if the stream ends first.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<String> {
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let read = stream.read(&mut buffer).ok().filter(|&read| read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return Some(text.into_owned());
            }
        }
    }
}

/// A server that does what a closure says, which gets each connection and its number, from 0.
pub(crate) fn serve(mut each: impl FnMut(usize, TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for number in 0.. {
            let (stream, _) = listener.accept().unwrap();
            // The written bytes arrive even if the client has not acknowledged the earlier ones.
            stream.set_nodelay(true).unwrap();
            each(number, stream);
        }
    });
    format!("http://{address}/EWS/Exchange.asmx")
}

/// The `client-request-id` of a request.
pub(crate) fn client_request_id(request: &str) -> &str {
    let line = |line: &&str| line.starts_with("client-request-id: ");
    request
        .lines()
        .find(line)
        .unwrap()
        .split_once(": ")
        .unwrap()
        .1
}

/// A response with its length.
pub(crate) fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// A response of SOAP.
pub(crate) fn soap(status: u16, body: &str) -> Vec<u8> {
    response(status, "Content-Type: text/xml; charset=utf-8\r\n", body)
}

/// The answer to a request for so many items: each holds the same 32 bytes, under an id of its own.
pub(crate) fn answer(items: usize) -> String {
    answer_of((0..items).map(|index| message(&format!("answered{index}"))))
}

/// A response message of 32 bytes under this id.
pub(crate) fn message(id: &str) -> String {
    format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
         </m:ResponseCode><m:ItemId Id=\"{id}\" ChangeKey=\"key\"/>\
         <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>"
    )
}

/// A response with these messages.
pub(crate) fn answer_of(messages: impl IntoIterator<Item = String>) -> String {
    let messages: String = messages.into_iter().collect();
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <m:ExportItemsResponse xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
         <m:ResponseMessages>{messages}</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

/// A sink that records its calls.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The bytes of each item that was committed.
    pub(crate) committed: Vec<(u32, Vec<u8>)>,
    /// Each other outcome.
    pub(crate) failed: Vec<(u32, &'static str)>,
    pub(crate) fault: bool,
    pub(crate) back_off_ms: Option<u32>,
    pub(crate) ended: bool,
    /// The position whose answered id is that of another item.
    pub(crate) other: Option<u32>,
    pub(crate) item: Vec<u8>,
}

impl Sink for Notes {
    type Error = std::convert::Infallible;

    fn compare_id(&mut self, index: u32, _: &ResponseItemId<'_>) -> IdMatch {
        match self.other == Some(index) {
            true => IdMatch::Other,
            false => IdMatch::Same,
        }
    }

    fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> {
        self.item.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.item.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Self::Error> {
        self.committed.push((outcome.index, self.item.clone()));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        let error = outcome.error.unwrap().as_str();
        self.failed.push((outcome.index, error));
    }

    fn note(&mut self, event: &Event<'_>) {
        if let Event::Fault(fault) = event {
            self.fault = true;
            self.back_off_ms = fault.back_off_ms;
        }
    }

    fn end(&mut self, _: &Summary) {
        self.ended = true;
    }
}
