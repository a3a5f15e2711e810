//! Exports of many items.

use core::future::Future;
use core::time::Duration;

use exportitems::RequestHeaders;
use exportitems_std::client::Connector;
use exportitems_std::Runtime;

use crate::client::Client;
use crate::connector::TcpConnector;

/// Exports a list of items into a [`Store`](crate::Store), with as many requests and connections as necessary.
///
/// [`Client::exporter`] makes one. Its options are those of [`exportitems_std::Exporter`], and its rules are those of
/// exportitems-engine, which the blocking exporter uses too.
/// [`run_async`](exportitems_std::Exporter::run_async) with the runtime [`Tokio`] runs it. The connections share the task
/// that polls the future.
pub type Exporter<'a, S, C = TcpConnector> = exportitems_std::Exporter<'a, S, C>;

/// The timer of tokio, for [`run_async`](exportitems_std::Exporter::run_async).
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)] // a marker
pub struct Tokio;

impl Runtime for Tokio {
    fn sleep(&self, wait: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(wait)
    }
}

impl<C: Connector> Client<C> {
    /// Returns an exporter whose requests have these headers. Their version is ignored;
    /// [`limits`](exportitems_std::Exporter::limits) sets it.
    ///
    /// This client has one connection. If there are to be several, the others have the same settings and credentials.
    ///
    /// ```
    /// # use exportitems_emulator::{item_id, Emulator, Scenario, DEFAULT_MAILBOX};
    /// use exportitems::{ItemId, RequestHeaders};
    /// use exportitems_std::{Archive, BlockingStore};
    /// use exportitems_tokio::{Client, Tokio};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
    /// # let (url, dir) = (emulator.url(), tempfile::tempdir()?);
    /// # let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000), item_id(DEFAULT_MAILBOX, 2, 50_000)];
    /// let mut client = Client::new(exportitems_std::Client::builder(&url))?;
    /// let archive = Archive::open(dir.path())?;
    /// // An archive writes to the disk, so it blocks its thread for a moment.
    /// let store = BlockingStore(&archive);
    /// let items = ids.each_ref().map(|id| ItemId::new(id));
    /// let report = client
    ///     .exporter(&store, RequestHeaders::new())
    ///     .run_async(Tokio, &items, &mut |_| {})
    ///     .await?;
    /// assert_eq!((report.ok, report.bytes), (2, 51_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn exporter<'a, S: ?Sized>(
        &'a mut self,
        store: &'a S,
        headers: RequestHeaders<'a>,
    ) -> Exporter<'a, S, C> {
        Exporter::over(&mut self.0, store, headers)
    }
}
