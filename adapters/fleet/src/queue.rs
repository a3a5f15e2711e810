//! The streams of a queue.

use core::time::Duration;

use async_nats::jetstream::consumer::{pull, AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, Stream,
};
use async_nats::jetstream::{self, Context};
use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::error::FleetError;
use crate::job::{mailbox_token, token, Job};
use crate::record::{Login, MailboxRecord};
use crate::settings::Settings;

/// The largest number of records in one answer.
const PAGE: usize = 500;

/// A queue of jobs, with a record of each mailbox and server.
#[derive(Clone, Debug)]
pub struct Queue {
    context: Context,
    pub(crate) jobs: Stream,
    states: Stream,
    pub(crate) settings: Settings,
}

/// What has become of a submitted job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // there is no third
pub enum Submitted {
    /// It waits in the queue.
    Queued,
    /// It was discarded, because the queue already has a job of the mailbox.
    Discarded,
}

impl Queue {
    /// Opens a queue, and creates it if it does not exist.
    ///
    /// # Errors
    /// The server cannot be reached, has no JetStream, or refuses this user.
    pub async fn open(client: async_nats::Client, settings: Settings) -> Result<Self, FleetError> {
        let context = jetstream::new(client);
        let name = &settings.name;
        let base = Config {
            max_messages_per_subject: 1,
            num_replicas: settings.replicas,
            ..Config::default()
        };
        let jobs = Config {
            name: name.clone(),
            description: Some("mailboxes that exportitems is to back up".to_owned()),
            subjects: vec![format!("{name}.jobs.>")],
            // A job that is done leaves the queue, so its mailbox can be submitted again.
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            discard_new_per_subject: true,
            ..base.clone()
        };
        let states = Config {
            name: format!("{name}-state"),
            description: Some("the last record of each mailbox and server".to_owned()),
            subjects: vec![format!("{name}.state.>")],
            ..base
        };
        let open = |config| context.get_or_create_stream(config);
        let failed = "open the queue";
        Ok(Self {
            jobs: open(jobs).await.map_err(FleetError::queue(failed))?,
            states: open(states).await.map_err(FleetError::queue(failed))?,
            context,
            settings,
        })
    }

    /// Submits a job, unless the queue has one of the same mailbox.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub async fn submit(&self, job: &Job) -> Result<Submitted, FleetError> {
        let record = self.state_subject(job);
        let before = self.last::<MailboxRecord>(&record).await?;
        let before = before.map_or(0, |(_, sequence)| sequence);
        let Some(sequence) = self.publish(self.job_subject(job), job, Some(0)).await? else {
            return Ok(Submitted::Discarded);
        };
        // A worker that has the job already has written a later record.
        let waiting = MailboxRecord::new(job.clone(), sequence);
        self.publish(record, &waiting, Some(before)).await?;
        Ok(Submitted::Queued)
    }

    /// Releases the jobs of a server that were parked after a refused login. Returns whether they were parked.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub async fn resume(&self, server: &str) -> Result<bool, FleetError> {
        let was_parked = self.parked(server).await?.is_some();
        self.clear_login(server).await?;
        Ok(was_parked)
    }

    /// Returns why the jobs of a server are parked, if they are.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub async fn parked(&self, server: &str) -> Result<Option<String>, FleetError> {
        Ok(match self.login(server).await? {
            Some((Login::Refused { worker, reason }, _)) => Some(format!("{reason} ({worker})")),
            _ => None,
        })
    }

    /// Returns the records of all mailboxes.
    ///
    /// # Errors
    /// The queue cannot be read, or has messages of another program.
    pub async fn mailboxes(&self) -> Result<Vec<MailboxRecord>, FleetError> {
        self.all(&format!("{}.state.mailbox.>", self.settings.name))
            .await
    }

    pub(crate) fn client(&self) -> async_nats::Client {
        self.context.client()
    }

    pub(crate) fn job_subject(&self, job: &Job) -> String {
        let (server, mailbox) = (token(&job.server), mailbox_token(&job.mailbox));
        format!("{}.jobs.{server}.{mailbox}", self.settings.name)
    }

    fn state_subject(&self, job: &Job) -> String {
        let (server, mailbox) = (token(&job.server), mailbox_token(&job.mailbox));
        format!("{}.state.mailbox.{server}.{mailbox}", self.settings.name)
    }

    fn login_subject(&self, server: &str) -> String {
        format!("{}.state.server.{}", self.settings.name, token(server))
    }

    /// Returns the consumer of a server's jobs.
    pub(crate) async fn consumer(&self, server: &str) -> Result<PullConsumer, FleetError> {
        let name = token(server);
        let config = pull::Config {
            filter_subject: format!("{}.jobs.{name}.>", self.settings.name),
            durable_name: Some(name),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.settings.lease,
            max_ack_pending: self.settings.at_once.into(),
            // A throttled mailbox is delivered often. The records count the deliveries without progress.
            max_deliver: -1,
            ..pull::Config::default()
        };
        let consumer = self.jobs.create_consumer(config).await;
        consumer.map_err(FleetError::queue("create the consumer of a server"))
    }

    /// Returns the record of a mailbox, and its number.
    pub(crate) async fn record(
        &self,
        job: &Job,
    ) -> Result<Option<(MailboxRecord, u64)>, FleetError> {
        self.last(&self.state_subject(job)).await
    }

    /// Writes the record of a mailbox, unless another one has been written after that of this number. Returns the number of
    /// the new record, or `None` if it was not written.
    pub(crate) async fn write_record(
        &self,
        record: &MailboxRecord,
        after: u64,
    ) -> Result<Option<u64>, FleetError> {
        let subject = self.state_subject(&record.job);
        if let Some(number) = self.publish(subject, record, Some(after)).await? {
            return Ok(Some(number));
        }
        // An earlier attempt may have been stored, although its answer was lost.
        let last = self.record(&record.job).await?;
        Ok(last
            .filter(|(last, _)| last == record)
            .map(|(_, number)| number))
    }

    /// Returns what is known about the login at a server, and the number of the record.
    pub(crate) async fn login(&self, server: &str) -> Result<Option<(Login, u64)>, FleetError> {
        self.last(&self.login_subject(server)).await
    }

    /// Writes what is known about a login. With `after`, only if no other record has been written after that one. Returns
    /// whether it was written.
    pub(crate) async fn write_login(
        &self,
        server: &str,
        login: &Login,
        after: Option<u64>,
    ) -> Result<bool, FleetError> {
        let written = self.publish(self.login_subject(server), login, after);
        Ok(written.await?.is_some())
    }

    pub(crate) async fn clear_login(&self, server: &str) -> Result<(), FleetError> {
        let purge = self.states.purge().filter(self.login_subject(server));
        let purged = purge.await;
        purged
            .map(drop)
            .map_err(FleetError::queue("clear the record of a server"))
    }

    /// Publishes a message, and returns its sequence number. With `after`, only if that is the number of the last message of
    /// its subject, or 0 for none; `None` if it is another.
    async fn publish(
        &self,
        subject: String,
        value: &impl Serialize,
        after: Option<u64>,
    ) -> Result<Option<u64>, FleetError> {
        let text = serde_json::to_vec(value);
        let text = text.map_err(FleetError::queue("write a message"))?;
        let mut message = PublishMessage::build().payload(text.into());
        if let Some(after) = after {
            message = message.expected_last_subject_sequence(after);
        }
        let sent = self
            .context
            .send_publish(subject, message)
            .await
            .map_err(FleetError::queue("write to the queue"))?;
        match sent.await {
            Ok(ack) => Ok(Some(ack.sequence)),
            Err(error)
                if after.is_some() && error.kind() == PublishErrorKind::WrongLastSequence =>
            {
                Ok(None)
            }
            Err(error) => Err(FleetError::queue("write to the queue")(error)),
        }
    }

    /// Returns the last message of a subject of the states, and its number.
    async fn last<T: DeserializeOwned>(
        &self,
        subject: &str,
    ) -> Result<Option<(T, u64)>, FleetError> {
        match self.states.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some((read(subject, &message.payload)?, message.sequence))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(FleetError::queue("read the queue")(error)),
        }
    }

    /// Returns all messages of the states below a subject.
    async fn all<T: DeserializeOwned>(&self, filter: &str) -> Result<Vec<T>, FleetError> {
        let config = pull::Config {
            filter_subject: filter.to_owned(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            ..pull::Config::default()
        };
        let failed = "read the records";
        let consumer = self.states.create_consumer(config).await;
        let consumer: PullConsumer = consumer.map_err(FleetError::queue(failed))?;
        let mut found = Vec::new();
        let mut left = consumer.cached_info().num_pending;
        while left > 0 {
            let page = consumer.fetch().max_messages(PAGE).messages().await;
            let page = page.map_err(FleetError::queue(failed))?;
            let page: Vec<_> = page
                .try_collect()
                .await
                .map_err(FleetError::queue(failed))?;
            // Records that were replaced meanwhile are not delivered.
            if page.is_empty() {
                break;
            }
            for message in page {
                left = message.info().map_or(0, |info| info.pending);
                found.push(read(&message.subject, &message.payload)?);
            }
        }
        // It would end by itself after its threshold.
        let _ = self
            .states
            .delete_consumer(&consumer.cached_info().name)
            .await;
        Ok(found)
    }
}

/// Reads the text of a message.
pub(crate) fn read<T: DeserializeOwned>(subject: &str, text: &[u8]) -> Result<T, FleetError> {
    serde_json::from_slice(text).map_err(|source| FleetError::Message {
        subject: subject.to_owned(),
        source,
    })
}
