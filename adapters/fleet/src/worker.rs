//! Takes jobs and runs them.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt as _;
use tokio::task::{spawn_blocking, JoinError};
use tokio::time::sleep;

use crate::error::FleetError;
use crate::job::Job;
use crate::lease::Lease;
use crate::login::{Access, Logins};
use crate::queue::{read, Queue};
use crate::record::{Login, MailboxRecord, State};
use crate::verdict::{Backup, Context, Totals, Verdict};

/// The time between two looks at an empty or unreachable queue.
const IDLE: Duration = Duration::from_millis(500);

/// The number of attempts to report the result of a job. They take two minutes if the queue is unreachable.
const REPORTS: u32 = 20;

/// An event of a worker.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A job was delivered.
    Started {
        /// The job.
        job: &'a Job,
        /// The number of its deliveries.
        delivery: u64,
    },
    /// A mailbox is backed up, or its job is dead.
    Ended(&'a MailboxRecord),
    /// A job was handed back.
    HandedBack {
        /// The job.
        job: &'a Job,
        /// The time until it is delivered again.
        after: Duration,
        /// Why the delivery failed, unless it did not fail.
        reason: Option<&'a str>,
    },
    /// The lease of a job ended before its delivery did. Another worker may have the job.
    LeaseLost(&'a Job),
    /// The jobs of a server are parked.
    Parked {
        /// The name of the server.
        server: &'a str,
        /// The answer of the server.
        reason: &'a str,
    },
    /// The queue cannot be used. The worker tries again.
    Unreachable(&'a FleetError),
}

/// A worker, which takes one job at a time.
#[derive(Debug)]
pub struct Worker<B> {
    queue: Queue,
    backup: Arc<B>,
    logins: Logins,
}

/// A server, and its consumer once the queue has been reached.
struct Source {
    server: String,
    consumer: Option<PullConsumer>,
    is_parked: bool,
}

/// A delivered job.
struct Delivery {
    message: Message,
    record: MailboxRecord,
    /// The number of the last record that is known.
    number: u64,
    /// The number of this delivery of the job, from 1.
    attempt: u64,
    is_trying_login: bool,
}

/// The result of a turn.
enum Turn {
    /// A job was run.
    Worked,
    /// No server has a job that can be taken now.
    Idle,
    /// No server has a job that is not parked.
    Empty,
}

impl<B: Backup> Worker<B> {
    /// Makes a worker.
    pub fn new(queue: Queue, backup: B) -> Self {
        Self {
            queue,
            backup: Arc::new(backup),
            logins: Logins::default(),
        }
    }

    /// Works on the jobs of these servers until `is_stopped` returns true. With `until_empty`, until they have none that is
    /// not parked.
    ///
    /// It does not end while the queue is unreachable: it tries again.
    pub async fn run(
        &mut self,
        servers: &[String],
        until_empty: bool,
        is_stopped: &(dyn Fn() -> bool + Sync),
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        let source = |server: &String| Source {
            server: server.clone(),
            consumer: None,
            is_parked: false,
        };
        let mut sources: Vec<Source> = servers.iter().map(source).collect();
        let mut was_reached = true;
        while !is_stopped() {
            let turn = self.turn(&mut sources, until_empty, on_event).await;
            match turn {
                Ok(Turn::Worked) => was_reached = true,
                Ok(Turn::Empty) => break,
                Ok(Turn::Idle) => {
                    was_reached = true;
                    sleep(IDLE).await;
                }
                Err(error) => {
                    if core::mem::take(&mut was_reached) {
                        on_event(Event::Unreachable(&error));
                    }
                    sleep(IDLE).await;
                }
            }
        }
    }

    /// Takes a job of the first server that has one, and runs it. The next turn begins with the next server.
    async fn turn(
        &mut self,
        sources: &mut [Source],
        until_empty: bool,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Turn, FleetError> {
        for _ in 0..sources.len() {
            sources.rotate_left(1);
            let Some(source) = sources.last_mut() else {
                break;
            };
            if let Some(delivery) = self.take(source, on_event).await? {
                self.work(delivery, on_event).await;
                return Ok(Turn::Worked);
            }
        }
        if until_empty {
            for source in sources.iter().filter(|source| !source.is_parked) {
                if self.queue.has_jobs(&source.server).await? {
                    return Ok(Turn::Idle);
                }
            }
            return Ok(Turn::Empty);
        }
        Ok(Turn::Idle)
    }

    /// Takes a job of a server, if there is one and the server is not parked.
    async fn take(
        &mut self,
        source: &mut Source,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Option<Delivery>, FleetError> {
        let consumer = match source.consumer.take() {
            Some(consumer) => consumer,
            None => self.queue.consumer(&source.server).await?,
        };
        // If it does not exist any more, it is created anew.
        let has_jobs = self.queue.has_jobs(&source.server).await?;
        source.consumer = Some(consumer.clone());
        if !has_jobs {
            source.is_parked = false;
            return Ok(None);
        }
        let access = self.logins.access(&self.queue, &source.server).await?;
        let was_parked =
            core::mem::replace(&mut source.is_parked, matches!(access, Access::Parked(_)));
        let is_trying_login = match access {
            Access::Open => false,
            Access::Trying => true,
            Access::Wait => return Ok(None),
            Access::Parked(reason) => {
                if !was_parked {
                    let (server, reason) = (&*source.server, &*reason);
                    on_event(Event::Parked { server, reason });
                }
                return Ok(None);
            }
        };
        let message = next(&consumer).await;
        let delivery = match message {
            Ok(Some(message)) => self.delivered(message, is_trying_login).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        if is_trying_login && !matches!(delivery, Ok(Some(_))) {
            self.queue.clear_login(&source.server).await?;
        }
        delivery
    }

    /// Reads a delivered message. One that is no job leaves the queue.
    async fn delivered(
        &self,
        message: Message,
        is_trying_login: bool,
    ) -> Result<Option<Delivery>, FleetError> {
        let job: Job = match read(&message.subject, &message.payload) {
            Ok(job) => job,
            Err(error) => {
                let ended = message.double_ack_with(AckKind::Term).await;
                ended.map_err(FleetError::queue("remove a message"))?;
                return Err(error);
            }
        };
        let info = message
            .info()
            .map_err(FleetError::queue("read a message"))?;
        let sequence = info.stream_sequence;
        let attempt = u64::try_from(info.delivered).unwrap_or(1);
        let last = self.queue.record(&job).await?;
        let number = last.as_ref().map_or(0, |(_, number)| *number);
        let record = last.map(|(record, _)| record);
        let record = record.filter(|record| record.sequence == sequence);
        let record = record.unwrap_or_else(|| MailboxRecord::new(job, sequence));
        Ok(Some(Delivery {
            message,
            record,
            number,
            attempt,
            is_trying_login,
        }))
    }

    /// Runs a job, and reports the result until the queue has it.
    async fn work(&self, mut it: Delivery, on_event: &mut (dyn FnMut(Event<'_>) + Send)) {
        let settings = &self.queue.settings;
        let lease = Lease::new(settings.lease);
        // If the archive cannot be read, the backup reports why.
        if let Ok(totals) = self.totals(&it.record.job).await {
            it.record.note(totals, it.attempt);
        }
        // The workers of all earlier deliveries may have been killed, and have reported nothing.
        if it.record.failures(it.attempt) >= settings.deliveries {
            let reason = it.record.reason.take();
            let reason = reason.unwrap_or_else(|| "each worker ended without a report".to_owned());
            return self.end(&mut it, State::Dead, Some(reason), on_event).await;
        }
        on_event(Event::Started {
            job: &it.record.job,
            delivery: it.attempt,
        });
        it.record.state = State::Running;
        it.record.worker = Some(settings.worker.clone());
        if !self.write(&mut it, on_event).await {
            return;
        }
        let verdict = self.back_up(&it, &lease, on_event).await;
        let verdict = verdict.unwrap_or_else(|error| Verdict::Failed(error.to_string()));
        if let Ok(totals) = self.totals(&it.record.job).await {
            it.record.note(totals, it.attempt);
        }
        self.settle(it, &lease, verdict, on_event).await;
    }

    /// Runs the backup on a thread of its own, and keeps the lease.
    async fn back_up(
        &self,
        it: &Delivery,
        lease: &Lease,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Verdict, JoinError> {
        let context = Context::default();
        let (backup, job) = (Arc::clone(&self.backup), it.record.job.clone());
        let for_backup = context.clone();
        let running = spawn_blocking(move || backup.run(&job, &for_backup));
        let login = async {
            context.until_login_works().await;
            if it.is_trying_login {
                let server = &it.record.job.server;
                self.report(
                    || self.queue.write_login(server, &Login::Works, None),
                    on_event,
                )
                .await;
            }
            core::future::pending::<Infallible>().await
        };
        tokio::select! {
            verdict = running => verdict,
            never = lease.keep(&it.message, self.queue.client()) => match never {},
            never = login => match never {},
        }
    }

    /// Reports the result of a delivery.
    async fn settle(
        &self,
        mut it: Delivery,
        lease: &Lease,
        verdict: Verdict,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        self.settle_login(&it, &verdict, on_event).await;
        if !lease.is_held() {
            on_event(Event::LeaseLost(&it.record.job));
            return;
        }
        if verdict == Verdict::Done {
            return self.end(&mut it, State::Done, None, on_event).await;
        }
        let settings = &self.queue.settings;
        let (after, reason) = match verdict {
            Verdict::Done | Verdict::Stopped => (Duration::ZERO, None),
            Verdict::Later(after) => (after, None),
            Verdict::LoginRefused(reason) => (Duration::ZERO, Some(reason)),
            Verdict::Failed(reason) => {
                let failures = it.record.failures(it.attempt);
                if failures + 1 >= settings.deliveries {
                    return self.end(&mut it, State::Dead, Some(reason), on_event).await;
                }
                it.record.reason = Some(reason);
                let after = settings.delay_after(failures);
                return self.hand_back(&mut it, after, on_event).await;
            }
        };
        it.record.reason = reason;
        it.record.excuse(it.attempt);
        self.hand_back(&mut it, after, on_event).await;
    }

    /// Writes what is known about the login now.
    async fn settle_login(
        &self,
        it: &Delivery,
        verdict: &Verdict,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        let server = &it.record.job.server;
        let login = match verdict {
            Verdict::LoginRefused(reason) => Login::Refused {
                worker: self.queue.settings.worker.clone(),
                reason: reason.clone(),
            },
            Verdict::Done if it.is_trying_login => Login::Works,
            _ => {
                // A try without a result leaves the next try to another worker.
                if it.is_trying_login {
                    let clear = || async {
                        match self.queue.login(server).await? {
                            Some((Login::Trying { .. }, _)) => self.queue.clear_login(server).await,
                            _ => Ok(()),
                        }
                    };
                    self.report(clear, on_event).await;
                }
                return;
            }
        };
        self.report(|| self.queue.write_login(server, &login, None), on_event)
            .await;
    }

    /// Hands a job back to the queue.
    async fn hand_back(
        &self,
        it: &mut Delivery,
        after: Duration,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        it.record.state = State::Waiting;
        if !self.write(it, on_event).await {
            return;
        }
        let delay = (!after.is_zero()).then_some(after);
        self.acknowledge(&it.message, AckKind::Nak(delay), on_event)
            .await;
        on_event(Event::HandedBack {
            job: &it.record.job,
            after,
            reason: it.record.reason.as_deref(),
        });
    }

    /// Removes a job from the queue.
    async fn end(
        &self,
        it: &mut Delivery,
        state: State,
        reason: Option<String>,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        it.record.state = state;
        it.record.reason = reason;
        it.record.worker = Some(self.queue.settings.worker.clone());
        // The record comes first: after a kill in between, the job is delivered again, and ends again.
        if !self.write(it, on_event).await {
            return;
        }
        let kind = match state {
            State::Dead => AckKind::Term,
            _ => AckKind::Ack,
        };
        self.acknowledge(&it.message, kind, on_event).await;
        on_event(Event::Ended(&it.record));
    }

    /// Writes the record of a job. Returns whether the job is still that of this worker; if another one has written a
    /// record, the lease was lost, and the job is left to it.
    async fn write(&self, it: &mut Delivery, on_event: &mut (dyn FnMut(Event<'_>) + Send)) -> bool {
        let (record, number) = (&it.record, it.number);
        let write = || self.queue.write_record(record, number);
        match self.report(write, on_event).await {
            Some(Some(number)) => it.number = number,
            Some(None) => {
                on_event(Event::LeaseLost(&it.record.job));
                return false;
            }
            // The queue is unreachable. The job is delivered again when it is back.
            None => return false,
        }
        true
    }

    async fn acknowledge(
        &self,
        message: &Message,
        kind: AckKind,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) {
        let acknowledge = || async {
            let acknowledged = message.double_ack_with(kind).await;
            acknowledged.map_err(FleetError::queue("acknowledge a job"))
        };
        self.report(acknowledge, on_event).await;
    }

    /// Repeats a request to the queue while it is unreachable. If it stays so, the job is delivered again.
    async fn report<T, F>(
        &self,
        mut request: impl FnMut() -> F,
        on_event: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Option<T>
    where
        F: core::future::Future<Output = Result<T, FleetError>>,
    {
        for attempt in 0..REPORTS {
            match request().await {
                Ok(result) => return Some(result),
                Err(error) if attempt == 0 => on_event(Event::Unreachable(&error)),
                Err(_) => {}
            }
            sleep(2 * IDLE).await;
        }
        None
    }

    async fn totals(&self, job: &Job) -> Result<Totals, String> {
        let (backup, job) = (Arc::clone(&self.backup), job.clone());
        let totals = spawn_blocking(move || backup.totals(&job)).await;
        totals.unwrap_or_else(|error| Err(error.to_string()))
    }
}

/// Returns the next message of a consumer, if there is one now.
async fn next(consumer: &PullConsumer) -> Result<Option<Message>, FleetError> {
    let failed = "take a job";
    let messages = consumer.fetch().max_messages(1).messages().await;
    let mut messages = messages.map_err(FleetError::queue(failed))?;
    let message = messages.next().await.transpose();
    message.map_err(FleetError::queue(failed))
}
