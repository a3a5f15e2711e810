//! Backs up many mailboxes with many workers, which take their work from a queue of NATS JetStream.
//!
//! ```text
//! submit ─► stream NAME: one subject per mailbox, at most one job each ─► one consumer per server ─► worker ─► Backup
//!                                                                                                      │
//! status ◄───────────── stream NAME-state: the last record of each mailbox and server ◄────────────────┘
//! ```
//!
//! The queue says whose mailbox is next. What is done is in the archives only, so a job may be delivered twice: the second
//! delivery finds the mailbox backed up. A [`Job`] has no address, path or credential; the worker's [`Backup`] has them.
//!
//! - [`Queue`] submits jobs, and reads and changes records.
//! - [`Worker`] takes jobs, keeps their leases while [`Backup::run`] works, and follows the rules below.
//! - [`Status`] counts what is waiting, running, done and dead.
//!
//! # Rules of a job
//! - A worker has a lease of [`Settings::lease`], which it renews three times in that time. After a lost lease the job is
//!   delivered to another worker.
//! - At most [`Settings::at_once`] jobs of a server are delivered and not ended. A job that is handed back with a delay
//!   counts until it is delivered again, because JetStream counts it.
//! - [`Verdict::Later`] and [`Verdict::Stopped`] are no failures. After [`Settings::deliveries`] other deliveries in which
//!   [`Totals::progress`] has not changed, the job is dead: it is removed, and its record says why.
//! - While no login at a server has worked, one worker tries it alone. A refused login parks all jobs of the server until
//!   [`Queue::resume`], because further attempts could lock the account.
//!
//! # Errors
//! A worker survives a restart of the queue: it continues its job, and reports the result when the queue is back.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod error;
mod job;
mod lease;
mod login;
mod queue;
mod record;
mod settings;
mod status;
mod verdict;
mod worker;

pub use async_nats;
pub use error::FleetError;
pub use job::Job;
pub use queue::{Queue, Submitted};
pub use record::{MailboxRecord, State};
pub use settings::Settings;
pub use status::{ServerStatus, Status};
pub use verdict::{Backup, Context, Totals, Verdict};
pub use worker::{Event, Worker};
