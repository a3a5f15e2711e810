//! Decides what an export by EWS `ExportItems` requests, when, and over how many connections. Sans-IO: no sockets, no
//! clock, no random numbers.
//!
//! An [`Engine`] holds the items of a run. [`Engine::poll`] returns the next [`Request`] or says how long to wait. The
//! caller sends the request, reports what the response says, and finally [finishes](Engine::finish) the request:
//!
//! ```text
//!            ┌──────────────── poll ─► Wait, Stop, Done
//!            │
//!  add ─► Engine ─► poll ─► Request ─► receive ─► commit, abort, not_answered ─► end ─► confirm ─┐
//!            ▲                  └───────────────── no response: fail ────────────────────────────┤
//!            └─────────────────────────────────── finish ────────────────────────────────────────┘
//! ```
//!
//! The engine decides about
//! - **requests**: how many items, up to a number and to a sum of listed sizes; new items before those that have failed;
//! - **connections**: how many requests are in flight. A busy server halves them, and answers raise them again slowly.
//!   Until a server answers, a single request finds out whether it does;
//! - **items**: whether an item is requested again, when, and whether alone ([`Decision`]). A request that fails as a whole
//!   is halved until the item that causes the failure is alone;
//! - **the server**: how long it is waited for, and when the run [ends](StopReason).
//!
//! The engine never blocks. So a blocking driver has a thread for each connection and one mutex around the engine, and
//! an asynchronous driver has a task for each connection and the same mutex.
//!
//! [`Ids`] compares the ids of a response with those of its request, [`Rate`] limits the bytes per second, and
//! [`Window`] the hours of the day.
//!
//! # Life cycle
//! ```
//! use exportitems::{Decoder, Event, ItemId, Options};
//! use exportitems_engine::{Action, Confirmation, Engine, Ids, ItemState, Settings};
//!
//! # let answer = |items: usize| "<ExportItemsResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode>\
//! #     <Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</Data></ExportItemsResponseMessage>".repeat(items);
//! # let send = |ids: &[ItemId<'_>]| format!("<Envelope><Body><ExportItemsResponse><ResponseMessages>{}\
//! #     </ResponseMessages></ExportItemsResponse></Body></Envelope>", answer(ids.len()));
//! # let (mut now_ms, random) = (0, 0x8000_0000);
//! let mut engine = Engine::new(Settings::default(), now_ms);
//! for id in ["first", "second"] {
//!     engine.add(id, None, ItemState::New, 0);
//! }
//!
//! let mut exported = Vec::new();
//! loop {
//!     let mut request = match engine.poll(now_ms) {
//!         Action::Ask(request) => request,
//!         Action::Wait { until_ms: Some(until), .. } => {
//!             now_ms = until;
//!             continue;
//!         }
//!         _ => break, // Stop or Done
//!     };
//!     let items: Vec<_> = request.items().map(|(_, id)| ItemId::new(id)).collect();
//!     let response = send(&items);
//!
//!     let mut ids = Ids::new(items.iter().copied());
//!     let mut committed = Vec::new();
//!     let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(request.len() as u32));
//!     let mut input = response.as_bytes();
//!     loop {
//!         let event = match decoder.next_event(&mut input) {
//!             Ok(None) => decoder.finish(),
//!             event => event,
//!         };
//!         match event {
//!             Ok(Some(Event::Data(_bytes))) => engine.receive(&mut request),
//!             Ok(Some(Event::Outcome(outcome))) if outcome.error.is_none() => {
//!                 request.commit(&outcome);
//!                 committed.push(outcome);
//!             }
//!             Ok(Some(Event::Outcome(outcome))) => {
//!                 engine.abort(&mut request, &outcome, now_ms, random);
//!             }
//!             Ok(Some(Event::End(summary))) => {
//!                 engine.end(&mut request, &summary, now_ms, random);
//!                 let judgement = ids.judge(&summary);
//!                 for outcome in &committed {
//!                     let confirmation = judgement.committed(outcome);
//!                     let decision =
//!                         engine.confirm(&mut request, outcome.index, confirmation, now_ms, random);
//!                     if confirmation == Confirmation::Confirmed {
//!                         exported.extend(decision.map(|decision| decision.position));
//!                     }
//!                 }
//!             }
//!             Ok(Some(_)) => {}
//!             Ok(None) | Err(_) => break,
//!         }
//!     }
//!     engine.finish(request, now_ms, random);
//! }
//! assert!(matches!(engine.poll(now_ms), Action::Done));
//! assert_eq!(exported, [0, 1]);
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod connections;
mod ending;
mod engine;
mod ids;
mod item;
mod queue;
mod rate;
mod request;
mod settings;
mod window;

pub use ending::Failure;
pub use engine::{Action, Added, Decision, Engine, Finished, StopReason, Unanswered, Why};
pub use ids::{Confirmation, Ids, Judgement};
pub use item::ItemState;
pub use rate::Rate;
pub use request::Request;
pub use settings::Settings;
pub use window::{Window, WindowError};
