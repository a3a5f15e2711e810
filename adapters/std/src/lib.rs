//! Exports Exchange items by EWS `ExportItems` over TCP and TLS, blocking, into a resumable archive.
//!
//! ```text
//! Exporter ── batches, retries, budget (exportitems::policy)
//!   ├─ Client ── one connection, rustls, exportitems-http1, logins by NTLM, Negotiate, Basic or Bearer
//!   │    └─ exportitems::Decoder ── what is whole, and what is not
//!   └─ Archive ── one file per payload, manifest.jsonl
//! ```
//!
//! Each of the three can be used without the one above it: the client feeds any
//! [`Sink`](exportitems::Sink), and the archive's sink takes any response.
//!
//! - **Memory** does not depend on the size of an item or a batch: an item goes from the socket through
//!   fixed buffers into its file.
//! - **A kill at any instant** costs what was in flight, and nothing else: see [`archive`].
//! - **Secrets** are never printed, are wiped from memory, and go over TLS or to this machine only, unless
//!   [that is allowed](client::ClientBuilder::allow_plaintext_credentials).
//! - **Item ids** are in the manifest and nowhere else; nothing is logged.
//!
//! # Life cycle
//! ```
//! # use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
//! use exportitems::{RequestHeaders, ItemId};
//! use exportitems_std::archive::{verify, FileState, Finding};
//! use exportitems_std::client::Credentials;
//! use exportitems_std::{Archive, Client, Exporter, Progress};
//!
//! # let auth = "auth = { basic = { user = \"user\", password = \"secret\" } }";
//! # let emulator = Emulator::start(Scenario::from_toml(auth)?, "127.0.0.1:0".parse()?)?;
//! # let url = emulator.url();
//! # let dir = tempfile::tempdir()?;
//! # let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000), item_id(DEFAULT_MAILBOX, 2, 50_000)];
//! let mut client = Client::builder(&url)
//!     .credentials(Credentials::basic("user", "secret")?)
//!     .build()?;
//! let mut archive = Archive::open(dir.path())?;
//! let items = ids.each_ref().map(|id| ItemId::new(id));
//!
//! let mut arrived = 0;
//! let report = Exporter::new(&mut client, &mut archive, RequestHeaders::new()).run(
//!     &items,
//!     &mut |progress| {
//!         if let Progress::Item { entry, .. } = progress {
//!             arrived += entry.bytes;
//!         }
//!     },
//! )?;
//! assert_eq!((report.ok, report.bytes, arrived), (2, 51_000, 51_000));
//! assert!(report.missing.is_empty() && archive.is_done(&ids[1]));
//!
//! // Again: nothing is left to do.
//! let report = Exporter::new(&mut client, &mut archive, RequestHeaders::new())
//!     .run(&items, &mut |_| {})?;
//! assert_eq!((report.ok, report.skipped), (0, 2));
//!
//! verify(dir.path(), |finding| {
//!     assert!(matches!(finding, Finding::Payload { state: FileState::Intact, .. }));
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod archive;
pub mod backup;
mod chain;
pub mod client;
mod counters;
mod export;
pub mod list;
pub mod restore;
mod texts;

pub use archive::{Archive, ArchiveError, ArchiveSink};
pub use chain::error_chain;
pub use client::{Client, ClientError};
pub use counters::{Counter, Counters, Totals};
pub use export::{
    AsyncStore, AsyncStoreSink, BlockingStore, BlockingStoreSink, Confirmation, ConnectionPool,
    ExportError, Exporter, Item, OnProgress, PoolMember, Progress, Published, RateLimit, Report,
    Runtime, Stop, Store, StoreSink, Why, Window, WindowError,
};
pub use texts::{ResponseTexts, Texts};
