//! One request and its response, without I/O: shared by the blocking and the async client.

use exportitems::Encoder;
use exportitems_http1::{BodyDecoder, Field, HeadDecoder, HeadEncoder, HeadEvent};

use crate::error::Status;
use crate::request_id::RequestId;

/// Smallest size of a client's buffer, in bytes. A quarter of it has to hold every line of a response's head that
/// decides where the body ends.
pub const MIN_BUFFER: usize = 512;

/// Writes the next bytes of the request to `buffer` and returns them. The slice is empty at the end.
pub(crate) fn next_bytes<'b>(
    head: &mut HeadEncoder<'_>,
    body: Option<&mut Encoder<'_>>,
    buffer: &'b mut [u8],
) -> &'b [u8] {
    let mut len = head.write(buffer);
    if let (Some(body), Some(free)) = (body, buffer.get_mut(len..)) {
        len = len.saturating_add(body.write(free));
    }
    buffer.get(..len).unwrap_or_default()
}

/// The response, as far as it has been received.
pub(crate) struct Response<'l> {
    part: Part<'l>,
    status: Status,
    request_id: &'l RequestId,
    /// Whether the response echoes the id of another request.
    pub(crate) is_foreign: bool,
}

enum Part<'l> {
    Head(HeadDecoder<'l>),
    Body(BodyDecoder),
    /// A body that cannot be the response to the request. It is not read.
    Refused,
}

impl<'l> Response<'l> {
    /// Returns the state before the response to the request with this id. `line` holds one line of the head.
    pub(crate) fn new(line: &'l mut [u8], request_id: &'l RequestId) -> Self {
        Self {
            part: Part::Head(HeadDecoder::new(line)),
            status: Status {
                code: 0,
                retry_after: None,
            },
            request_id,
            is_foreign: false,
        }
    }

    /// Consumes bytes from the front of `input` and returns the next data of the body. `None` means that the input is
    /// used up or the response is complete.
    ///
    /// A body that cannot be the response to the request is not read: the response then counts as complete, and
    /// [`export_error`](crate::client::export_error) returns the reason.
    pub(crate) fn next<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<&'i [u8]>, exportitems_http1::Error> {
        self.next_with(input, &mut |_| {})
    }

    /// Does the same as [`next`](Self::next), and passes the events of the head to `watch`.
    pub(crate) fn next_with<'i>(
        &mut self,
        input: &mut &'i [u8],
        watch: &mut impl FnMut(&HeadEvent<'_>),
    ) -> Result<Option<&'i [u8]>, exportitems_http1::Error> {
        loop {
            let head = match &mut self.part {
                Part::Head(head) => head,
                Part::Body(body) => return body.next(input),
                Part::Refused => return Ok(None),
            };
            let event = head.next(input)?;
            if let Some(event) = &event {
                watch(event);
            }
            let field = match event {
                Some(HeadEvent::Field(field)) => field,
                // The value is longer than an id, and no number.
                Some(HeadEvent::FieldTooLong { name }) => Field { name, value: b"-" },
                Some(HeadEvent::Head(head)) => {
                    self.status.code = head.status();
                    self.part = if self.is_foreign || head.is_coded() {
                        Part::Refused
                    } else {
                        Part::Body(BodyDecoder::new(&head))
                    };
                    continue;
                }
                Some(HeadEvent::Interim(_)) => continue,
                None => return Ok(None),
            };
            if let Some(seconds) = field.retry_after_seconds() {
                self.status.retry_after = Some(seconds);
            }
            self.is_foreign |= self.request_id.is_not(&field);
        }
    }

    /// Checks that the response is complete. The connection has ended.
    pub(crate) fn finish(&mut self) -> Result<(), exportitems_http1::Error> {
        match &mut self.part {
            Part::Head(head) => head.finish(),
            Part::Body(body) => body.finish(),
            Part::Refused => Ok(()),
        }
    }

    pub(crate) const fn is_complete(&self) -> bool {
        match &self.part {
            Part::Head(_) => false,
            Part::Body(body) => body.is_complete(),
            Part::Refused => true,
        }
    }

    /// Returns whether the body cannot be the response to the request.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self.part, Part::Refused)
    }

    /// Returns whether the connection can carry another request. `rest` is the input that was not consumed.
    pub(crate) const fn can_reuse(&self, rest: &[u8]) -> bool {
        matches!(&self.part, Part::Body(body) if body.can_reuse(rest))
    }

    /// Returns the status. Its code is 0 before the end of the head.
    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    /// Returns the status if it is known and not successful.
    pub(crate) const fn bad_status(&self) -> Option<Status> {
        match self.status.code {
            0 | 200..=299 => None,
            _ => Some(self.status),
        }
    }
}
