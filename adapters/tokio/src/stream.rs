//! Decoding a body that another HTTP client has received.

use core::fmt;
use core::future::poll_fn;
use core::pin::{pin, Pin};

use exportitems::{Decoder, Options, Summary};
use exportitems_std::client::{AsyncSink, AsyncTap};
use futures_core::Stream;

/// The scratch of the decoder: the largest piece of data that a sink gets.
const SCRATCH: usize = 48 * 1024;

/// Decodes the body of a response into `sink`. `stream` is the body of hyper, reqwest or axum, in pieces of any size.
///
/// The caller has sent the request, and set the number of its items in [`Options::items`]. Check the HTTP status only if
/// the result is an error: Exchange sends SOAP faults with status 500, and login pages with status 200.
///
/// While the sink waits, the stream is not polled. The future may be dropped at any `await`; items that the sink has
/// committed stay committed.
///
/// ```
/// use exportitems::Options;
/// # use exportitems::{Outcome, ResponseItemId};
/// use exportitems_tokio::decode_stream;
/// # use exportitems_tokio::AsyncSink;
/// # struct Discard;
/// # impl AsyncSink for Discard {
/// #     type Error = std::convert::Infallible;
/// #     async fn begin(&mut self, _: u32, _: ResponseItemId<'_>) -> Result<(), Self::Error> { Ok(()) }
/// #     async fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> { Ok(()) }
/// #     async fn commit(&mut self, _: &Outcome) -> Result<(), Self::Error> { Ok(()) }
/// #     async fn abort(&mut self, _: &Outcome) {}
/// #     async fn failed(&mut self, _: &Outcome) {}
/// # }
/// # struct Body(Option<bytes::Bytes>);
/// # impl futures_core::Stream for Body {
/// #     type Item = std::io::Result<bytes::Bytes>;
/// #     fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>)
/// #         -> std::task::Poll<Option<Self::Item>> { std::task::Poll::Ready(self.0.take().map(Ok)) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let text = concat!(
/// #     r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>"#,
/// #     r#"<m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
/// #     r#"<m:ResponseMessages><m:ExportItemsResponseMessage ResponseClass="Success">"#,
/// #     r#"<m:ResponseCode>NoError</m:ResponseCode><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data>"#,
/// #     r#"</m:ExportItemsResponseMessage></m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"#);
/// # let body = Body(Some(bytes::Bytes::from_static(text.as_bytes())));
/// # let mut sink = Discard;
/// // With reqwest: `let body = response.bytes_stream();`
/// let summary = decode_stream(body, Options::new().items(1), &mut sink).await?;
/// assert_eq!(summary.ok, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`StreamError`]. The sink has received the outcome of every item.
pub async fn decode_stream<S, B, E, K>(
    stream: S,
    options: Options,
    sink: &mut K,
) -> Result<Summary, StreamError<E, K::Error>>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    K: AsyncSink + ?Sized,
{
    let mut stream = pin!(stream);
    let mut decoder = Decoder::with_scratch(options, vec![0; SCRATCH])
        .unwrap_or_else(|_| unreachable!("the scratch is larger than MIN_SCRATCH"));
    let mut tap = AsyncTap::new(sink, None);
    let mut failure = None;
    while let Some(piece) = next(&mut stream).await {
        let fed = match piece {
            Ok(piece) => tap.feed(&mut decoder, &mut piece.as_ref()).await,
            Err(error) => {
                failure = Some(error);
                break;
            }
        };
        // The decoder returns the error again at the end, after the outcomes.
        if fed.is_err() {
            break;
        }
    }
    let finished = tap.finish(&mut decoder).await;
    let (summary, error) = tap.into_parts();
    match (finished, summary) {
        (Err(_), _) if failure.is_some() => {
            Err(failure.map_or_else(|| unreachable!("it was checked"), StreamError::Stream))
        }
        (Err(error), _) => Err(StreamError::Response(error)),
        (Ok(()), None) => unreachable!("a decoder returns the summary before it ends"),
        (Ok(()), Some(summary)) => match error {
            Some(error) => Err(StreamError::Sink(error)),
            None => Ok(summary),
        },
    }
}

async fn next<S: Stream>(stream: &mut Pin<&mut S>) -> Option<S::Item> {
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// The error of [`decode_stream`]. `E` is the error of the stream, and `K` that of the sink.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamError<E, K> {
    /// The stream failed before the response was complete.
    Stream(E),
    /// The response is incomplete, or it is not a response to ExportItems.
    Response(exportitems::Error),
    /// The response is complete, but the sink failed for at least one item. This is its first error.
    Sink(K),
}

impl<E: fmt::Display, K: fmt::Display> fmt::Display for StreamError<E, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E, K> core::error::Error for StreamError<E, K>
where
    E: core::error::Error + 'static,
    K: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // `Display` prints the text of the error within, so the chain continues with that error's cause.
        match self {
            Self::Stream(error) => error.source(),
            Self::Response(error) => error.source(),
            Self::Sink(error) => error.source(),
        }
    }
}
