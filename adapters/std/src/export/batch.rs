//! The sink for one request of a run: it stores the response, and reports each outcome to the engine.

use core::fmt;
use exportitems::{Event, IdMatch, ItemError, ItemId, Outcome, ResponseItemId, Summary};
use exportitems_engine::{Confirmation, Decision, Failure, Ids, Request, Unanswered};

use super::async_store::{AsyncStore, AsyncStoreSink};
use super::item::Item;
use super::run::{random, Run};
use super::runtime::Runtime;
use super::Progress;
use crate::client::{AsyncSink, ClientError};
use crate::counters::Counter;

/// The sink for one request of a run.
pub(super) struct BatchSink<'b, 'r, V, S: AsyncStore<V> + ?Sized, R> {
    run: &'b Run<'r, V, S, R>,
    /// The number of the connection, from 0.
    connection: usize,
    store: S::Sink<'b>,
    pub(super) request: Request<&'r Item<'r, V>>,
    ids: Ids,
    /// The outcomes of committed items.
    committed: Vec<Outcome>,
    /// The outcomes of refused items.
    refused: Vec<Outcome>,
    /// The number of response messages that were not requested.
    unrequested: u64,
    /// The error of the store.
    pub(super) error: Option<S::Error>,
}

/// The store has failed; its error is in [`BatchSink::error`].
#[derive(Debug)]
pub(super) struct StoreFailed;

impl fmt::Display for StoreFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store failed")
    }
}

impl core::error::Error for StoreFailed {}

impl<'b, 'r, V: Sync, S: AsyncStore<V> + ?Sized, R: Runtime> BatchSink<'b, 'r, V, S, R> {
    pub(super) fn new(
        run: &'b Run<'r, V, S, R>,
        connection: usize,
        request: Request<&'r Item<'r, V>>,
        ids: &'b [ItemId<'b>],
    ) -> Self {
        let items: Vec<_> = request.items().map(|(_, &item)| item).collect();
        Self {
            store: run.store.sink(ids, &items),
            run,
            connection,
            request,
            ids: Ids::new(ids.iter().copied()),
            committed: Vec::new(),
            refused: Vec::new(),
            unrequested: 0,
            error: None,
        }
    }

    /// Reports that there is no response.
    pub(super) async fn fail(&mut self, error: &ClientError, failure: Failure<'_>) {
        self.store.explain(&crate::error_chain(error));
        let unanswered = self.not_received(failure);
        self.unanswered(unanswered).await;
    }

    fn not_received(&mut self, failure: Failure<'_>) -> Option<Unanswered> {
        let mut state = self.run.lock();
        let now = state.now_ms();
        state.engine.fail(&mut self.request, failure, now, random())
    }

    /// Stores the outcome of an item that was requested alone and has no answer.
    async fn unanswered(&mut self, unanswered: Option<Unanswered>) {
        let Some(unanswered) = unanswered else {
            return;
        };
        self.store.judge(unanswered.disposition);
        match unanswered.decision {
            Some(decision) => {
                self.decided(Some(decision));
                self.store.failed(&unanswered.outcome).await;
                self.settle();
            }
            None => self.store.not_answered(&unanswered.outcome),
        }
    }

    /// Records a decision. The store may report its outcome afterwards, in any thread.
    fn decided(&self, decision: Option<Decision>) {
        self.run.lock().decisions.extend(decision);
    }

    /// Reports the outcomes that have become durable.
    fn settle(&mut self) {
        if let Err(error) = self.run.lock().settle(self.run.store) {
            self.error.get_or_insert(error);
        }
    }

    /// Keeps the error of the store.
    fn stored(&mut self, result: Result<(), S::Error>) -> Result<(), StoreFailed> {
        result.map_err(|error| {
            self.error.get_or_insert(error);
            StoreFailed
        })
    }

    fn is_requested(&self, outcome: &Outcome) -> bool {
        usize::try_from(outcome.index).is_ok_and(|index| index < self.request.len())
    }

    /// Reports bytes that the store has taken, and the outcomes that have become durable.
    fn receive(&mut self, bytes: u64) -> Result<(), S::Error> {
        let mut state = self.run.lock();
        let before = state.engine.connections();
        state.engine.receive(&mut self.request);
        if state.engine.connections() > before {
            self.run.changed.send();
        }
        state.counters.add(Counter::ReceivedBytes, bytes);
        (state.progress)(Progress::Bytes(bytes));
        state.settle(self.run.store)
    }

    /// Reports the end of the response to the engine. Returns the outcome of an item that was requested alone and has no
    /// answer.
    fn ended(&mut self, summary: &Summary) -> Option<Unanswered> {
        let mut state = self.run.lock();
        let now = state.now_ms();
        state.unrequested += core::mem::take(&mut self.unrequested);
        state.engine.end(&mut self.request, summary, now, random())
    }

    /// Decides about an item that the end of the response has judged.
    fn judged(&mut self, outcome: &Outcome, confirmation: Confirmation) {
        let mut state = self.run.lock();
        let (index, now, random) = (outcome.index, state.now_ms(), random());
        let decision = state
            .engine
            .confirm(&mut self.request, index, confirmation, now, random);
        state.decisions.extend(decision);
    }

    /// Decides about an item that was not committed.
    fn decide(&mut self, outcome: &Outcome) {
        let mut state = self.run.lock();
        let now = state.now_ms();
        let (disposition, decision) = state
            .engine
            .abort(&mut self.request, outcome, now, random());
        drop(state);
        self.decided(decision);
        if !self.is_requested(outcome) {
            self.unrequested += 1;
        } else if decision.is_none() {
            self.refused.push(*outcome);
        }
        self.store.judge(disposition);
    }
}

impl<V: Sync, S: AsyncStore<V> + ?Sized, R: Runtime> AsyncSink for BatchSink<'_, '_, V, S, R> {
    type Error = StoreFailed;

    async fn compare_id(&mut self, index: u32, ids: &ResponseItemId<'_>) -> IdMatch {
        let is_requested = usize::try_from(index).is_ok_and(|index| index < self.request.len());
        ids.id.value().map_or(IdMatch::Unknown, |id| {
            self.ids.answer(index, is_requested, id)
        })
    }

    async fn begin(&mut self, index: u32, ids: ResponseItemId<'_>) -> Result<(), StoreFailed> {
        let result = self.store.begin(index, ids).await;
        self.stored(result)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreFailed> {
        let result = self.store.write(bytes).await;
        self.stored(result)?;
        let bytes = bytes.len() as u64;
        let result = self.receive(bytes);
        self.stored(result)?;
        if let Some(limit) = &self.run.rate {
            self.run.runtime.sleep(limit.take(bytes)).await;
        }
        Ok(())
    }

    async fn commit(&mut self, outcome: &Outcome) -> Result<(), StoreFailed> {
        let disposition = self.request.commit(outcome);
        self.store.judge(disposition);
        if !self.is_requested(outcome) {
            self.unrequested += 1;
        } else if self.store.has_failed() {
            let decision = self
                .run
                .lock()
                .engine
                .lose(&mut self.request, outcome.index);
            self.decided(decision);
        } else {
            self.committed.push(*outcome);
        }
        let result = self.store.commit(outcome).await;
        self.stored(result)?;
        let result = self.run.lock().settle(self.run.store);
        self.stored(result)
    }

    async fn abort(&mut self, outcome: &Outcome) {
        self.decide(outcome);
        self.store.abort(outcome).await;
        self.settle();
    }

    async fn failed(&mut self, outcome: &Outcome) {
        // The end of the response shows why the item was not answered.
        if outcome.error == Some(ItemError::NotAnswered) {
            self.request.not_answered(outcome);
        } else {
            self.decide(outcome);
            self.store.failed(outcome).await;
            self.settle();
        }
    }

    async fn note(&mut self, event: &Event<'_>) {
        if let Event::Fault(fault) = event {
            self.request.fault(fault);
        }
        let connection = self.connection;
        (self.run.lock().progress)(Progress::Note { connection, event });
        self.store.note(event).await;
    }

    async fn end(&mut self, summary: &Summary) {
        let unanswered = self.ended(summary);
        self.unanswered(unanswered).await;
        let judgement = self.ids.judge(summary);
        let refused = core::mem::take(&mut self.refused).into_iter();
        let refused = refused.map(|outcome| (outcome, judgement.refused()));
        let committed = core::mem::take(&mut self.committed).into_iter();
        let committed = committed.map(|outcome| (outcome, judgement.committed(&outcome)));
        for (outcome, confirmation) in refused.chain(committed) {
            self.judged(&outcome, confirmation);
            self.store.confirm(&outcome, confirmation).await;
        }
        self.settle();
    }
}
