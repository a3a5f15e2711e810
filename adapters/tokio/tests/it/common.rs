//! What the tests share.

use exportitems::{Event, IdMatch, Outcome, ResponseItemId, Sink as _, Summary};
use exportitems_testkit::sink::{Checked, Failed};
use exportitems_tokio::AsyncSink;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A sink that yields to other tasks before each call.
pub(crate) struct Waiting<'s>(pub(crate) &'s mut Checked);

impl AsyncSink for Waiting<'_> {
    type Error = Failed;

    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        yield_now().await;
        self.0.compare_id(index, ids)
    }

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), Failed> {
        yield_now().await;
        self.0.begin(index, ids)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        yield_now().await;
        self.0.write(bytes)
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), Failed> {
        yield_now().await;
        self.0.commit(outcome)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        yield_now().await;
        self.0.abort(outcome);
    }

    async fn failed(&mut self, outcome: &Outcome) {
        yield_now().await;
        self.0.failed(outcome);
    }

    async fn note(&mut self, event: &Event<'_>) {
        self.0.note(event);
    }

    async fn end(&mut self, summary: &Summary) {
        self.0.end(summary);
    }
}
