//! A scripted peer that sends a few bytes at a time, and sinks that record their calls.

use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use embedded_io::{ErrorKind, ErrorType};
use exportitems::{IdMatch, ItemError, Outcome, ResponseItemId, Sink};
use exportitems_embedded_io::AsyncSink;

/// The base64 of the shortest whole payload.
pub(crate) const WHOLE: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";

/// A response message each: with data, or refused.
pub(crate) fn soap(items: &[Option<&str>]) -> String {
    let messages: String = items
        .iter()
        .map(|item| match item {
            Some(data) => format!(
                "<m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
                 <m:Data>{data}</m:Data></m:ExportItemsResponseMessage>"
            ),
            None => "<m:ExportItemsResponseMessage ResponseClass='Error'><m:ResponseCode>ErrorItemNotFound\
                     </m:ResponseCode></m:ExportItemsResponseMessage>"
                .to_owned(),
        })
        .collect();
    format!(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><m:ExportItemsResponse \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages'><m:ResponseMessages>{messages}\
         </m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

/// An HTTP response with that body.
pub(crate) fn http(status: u16, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} x\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The transport's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// The peer.
pub(crate) struct Peer {
    response: Vec<u8>,
    given: usize,
    pub(crate) sent: Vec<u8>,
    /// The most bytes that one read returns or one write accepts.
    pub(crate) most: usize,
    /// The bytes that it accepts. Then `write` returns 0.
    pub(crate) accepts: usize,
    /// Whether the response is followed by an error instead of the end.
    pub(crate) fails_at_end: bool,
}

impl Peer {
    pub(crate) fn new(response: &[u8]) -> Self {
        Self {
            response: response.to_vec(),
            given: 0,
            sent: Vec::new(),
            most: 97,
            accepts: usize::MAX,
            fails_at_end: false,
        }
    }

    fn give(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        let rest = &self.response[self.given..];
        if rest.is_empty() && self.fails_at_end {
            return Err(Broken);
        }
        let len = rest.len().min(out.len()).min(self.most);
        out[..len].copy_from_slice(&rest[..len]);
        self.given += len;
        Ok(len)
    }

    fn take(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(self.most).min(self.accepts);
        self.accepts -= len;
        self.sent.extend_from_slice(&bytes[..len]);
        len
    }
}

impl ErrorType for Peer {
    type Error = Broken;
}

impl embedded_io::Read for Peer {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        self.give(out)
    }
}

impl embedded_io::Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        Ok(self.take(bytes))
    }

    fn flush(&mut self) -> Result<(), Broken> {
        Ok(())
    }
}

/// Pending once, then ready.
async fn pause() {
    let mut paused = false;
    poll_fn(|context| match core::mem::replace(&mut paused, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

impl embedded_io_async::Read for Peer {
    async fn read(&mut self, out: &mut [u8]) -> Result<usize, Broken> {
        pause().await;
        self.give(out)
    }
}

impl embedded_io_async::Write for Peer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        pause().await;
        Ok(self.take(bytes))
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        pause().await;
        Ok(())
    }
}

/// A call of a sink that begins or ends an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Begin(u32),
    Commit(u32, usize),
    Abort(u32, ItemError),
    Failed(u32, ItemError),
}

impl Call {
    /// The index of the item whose outcome it is.
    pub(crate) fn outcome(&self) -> Option<u32> {
        match *self {
            Self::Begin(_) => None,
            Self::Commit(index, _) | Self::Abort(index, _) | Self::Failed(index, _) => Some(index),
        }
    }
}

/// The error of the sink.
#[derive(Debug)]
pub(crate) struct Refused;

/// A sink that records its calls.
#[derive(Default)]
pub(crate) struct Journal {
    pub(crate) calls: Vec<Call>,
    pub(crate) bytes: usize,
    pub(crate) fallible_calls: usize,
    /// Which of the calls that can fail does fail.
    pub(crate) fails_at: Option<usize>,
    /// The item whose id compares as that of another item.
    pub(crate) other_at: Option<u32>,
    /// The ids that were to be compared.
    pub(crate) compared: Vec<(u32, String)>,
}

impl Journal {
    fn call(&mut self) -> Result<(), Refused> {
        self.fallible_calls += 1;
        match self.fails_at {
            Some(call) if call + 1 == self.fallible_calls => Err(Refused),
            _ => Ok(()),
        }
    }
}

impl Sink for Journal {
    type Error = Refused;

    fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let id = ids.id.value().unwrap_or_default().to_owned();
        self.compared.push((index, id));
        match self.other_at {
            None => IdMatch::Unknown,
            Some(other) if other == index => IdMatch::Other,
            Some(_) => IdMatch::Same,
        }
    }

    fn begin(&mut self, index: u32, _: ResponseItemId<'_>) -> Result<(), Refused> {
        self.call()?;
        self.bytes = 0;
        self.calls.push(Call::Begin(index));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.bytes == 0 {
            self.call()?;
        }
        self.bytes += bytes.len();
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Refused> {
        self.call()?;
        assert_eq!(outcome.bytes, self.bytes as u64);
        self.calls.push(Call::Commit(outcome.index, self.bytes));
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.calls
            .push(Call::Abort(outcome.index, outcome.error.unwrap()));
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.calls
            .push(Call::Failed(outcome.index, outcome.error.unwrap()));
    }
}

/// A journal that waits once before each call.
#[derive(Default)]
pub(crate) struct Slow(pub(crate) Journal);

impl AsyncSink for Slow {
    type Error = Refused;

    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        pause().await;
        self.0.compare_id(index, ids)
    }

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Refused> {
        pause().await;
        self.0.begin(index, ids)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        pause().await;
        self.0.write(bytes)
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Refused> {
        pause().await;
        self.0.commit(outcome)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        pause().await;
        self.0.abort(outcome);
    }

    async fn failed(&mut self, outcome: &Outcome) {
        pause().await;
        self.0.failed(outcome);
    }
}
