//! When to repeat a request, and how: pure functions and small state machines, without a clock or random numbers.
//!
//! Two things fail in two ways, and each has its own [`Retry`]:
//! - an **item**: the server refuses it, or its data is not complete. [`Attempt::item`] returns advice
//!   on it, [`Policy::next`] whether to request it again. The other items of the request are unaffected.
//! - the **endpoint**: a fault, an HTTP error, a lost connection. [`Endpoint::end`] says how long to wait
//!   before the next request and when to stop, and [`Endpoint::limits`] what that request should be like: fewer
//!   items where a request took too long, fewer connections, an older version.
//!
//! ```
//! use exportitems::policy::{Disposition, Endpoint, Limits, Policy, Retry};
//! use exportitems::{Decoder, Event, Options, ResponseOutcome};
//! # use exportitems::RequestServerVersion;
//!
//! # let busy = "<Envelope><Body><Fault><detail><ResponseCode>ErrorServerBusy</ResponseCode><MessageXml>\
//! #     <Value Name=\"BackOffMilliseconds\">5000</Value></MessageXml></detail></Fault></Body></Envelope>";
//! # let answer = "<Envelope><Body><ExportItemsResponse><ResponseMessages>\
//! #     <ExportItemsResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode><Data>\
//! #     AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</Data>\
//! #     </ExportItemsResponseMessage><ExportItemsResponseMessage ResponseClass=\"Error\"><ResponseCode>\
//! #     ErrorItemNotFound</ResponseCode></ExportItemsResponseMessage></ResponseMessages></ExportItemsResponse></Body></Envelope>";
//! # let mut answers = [(500, busy), (200, answer)].into_iter();
//! # let mut send = |_items: &[(&str, Retry)], _version: RequestServerVersion| answers.next().unwrap();
//! # let elapsed_ms = 0;
//! # let random = || 0x8000_0000;
//! # let mut waited = Vec::new();
//! # let mut sleep_ms = |wait| waited.push(wait);
//! let policy = Policy::DEFAULT;
//! let mut endpoint = Endpoint::new(Limits::default());
//! let mut pending = vec![("first", Retry::new()), ("second", Retry::new())];
//! let mut finished = Vec::new();
//!
//! while !pending.is_empty() {
//!     let items = pending.len().min(endpoint.limits().items);
//!     let batch: Vec<_> = pending.drain(..items).collect();
//!     let mut attempt = endpoint.attempt(items);
//!     let (status, body) = send(&batch, attempt.version());
//!     attempt.http(status, None, None);
//!
//!     let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(batch.len() as u32));
//!     let mut input = body.as_bytes();
//!     loop {
//!         // Before an error, the decoder has emitted everything else.
//!         let event = match decoder.next_event(&mut input) {
//!             Ok(None) => decoder.finish(),
//!             event => event,
//!         };
//!         match event {
//!             Ok(Some(Event::Fault(fault))) => attempt.fault(&fault),
//!             Ok(Some(Event::Outcome(outcome))) => {
//!                 let advice = attempt.item(&outcome);
//!                 let Some(&(id, mut retry)) = batch.get(outcome.index as usize) else {
//!                     continue; // more messages than items
//!                 };
//!                 match policy.next(&mut retry, advice, elapsed_ms, random()) {
//!                     // A client with other work returns to this item after the wait.
//!                     Some(_wait) => pending.push((id, retry)),
//!                     None => finished.push((id, advice.disposition)),
//!                 }
//!             }
//!             Ok(Some(Event::End(summary))) if summary.response == ResponseOutcome::Cut => attempt.cut(),
//!             Ok(Some(_)) => {}
//!             Ok(None) | Err(_) => break,
//!         }
//!     }
//!
//!     match endpoint.end(&policy, attempt, elapsed_ms, random()) {
//!         Some(wait) => sleep_ms(wait),
//!         None => break, // the items that are pending can be requested another day
//!     }
//! }
//!
//! assert_eq!(finished, [("first", Disposition::Done), ("second", Disposition::Permanent)]);
//! # assert_eq!(waited, [5000, 0]);
//! ```

mod advice;
mod attempt;
mod disposition;
mod endpoint;
mod limits;
mod retry;
#[cfg(test)]
mod tests;

pub use advice::Advice;
pub use attempt::Attempt;
pub use disposition::{Disposition, Relief};
pub use endpoint::Endpoint;
pub use limits::Limits;
pub use retry::{Policy, Retry, Schedule};
