//! The rules of a job, with a real server of NATS.

#[path = "../../../../tests/src/data.rs"]
mod data;
mod nats;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exportitems_fleet::{
    Backup, Context, Event, Job, Queue, Settings, State, Submitted, Totals, Verdict, Worker,
};
use nats::Nats;

/// A backup by a function of the mailbox and the number of its runs before.
struct Scripted<F> {
    run: F,
    runs: Arc<Mutex<HashMap<String, usize>>>,
    /// Whether each run adds an item.
    progresses: bool,
}

impl<F: Fn(&Job, usize, &Context) -> Verdict + Send + Sync + 'static> Scripted<F> {
    fn new(run: F) -> Self {
        Self {
            run,
            runs: Arc::default(),
            progresses: false,
        }
    }
}

impl<F: Fn(&Job, usize, &Context) -> Verdict + Send + Sync + 'static> Backup for Scripted<F> {
    fn run(&self, job: &Job, context: &Context) -> Verdict {
        let before = {
            let mut runs = self.runs.lock().unwrap();
            let runs = runs.entry(job.mailbox.clone()).or_default();
            *runs += 1;
            *runs - 1
        };
        (self.run)(job, before, context)
    }

    fn totals(&self, job: &Job) -> Result<Totals, String> {
        let runs = self.runs.lock().unwrap();
        let runs = runs.get(&job.mailbox).copied().unwrap_or_default() as u64;
        Ok(Totals {
            progress: if self.progresses { runs } else { 0 },
            items: runs,
            ..Totals::default()
        })
    }
}

fn settings() -> Settings {
    Settings {
        delay: Duration::from_millis(1),
        ..Settings::default()
    }
}

fn job(mailbox: &str, server: &str) -> Job {
    Job {
        run: "night".to_owned(),
        mailbox: mailbox.to_owned(),
        server: server.to_owned(),
    }
}

/// Runs a worker until the queue is empty.
async fn work(queue: &Queue, backup: impl Backup, servers: &[&str]) {
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    let run = async {
        let mut worker = Worker::new(queue.clone(), backup);
        worker.run(&servers, true, &|| false, &mut |_| ()).await;
    };
    let ended = tokio::time::timeout(Duration::from_secs(120), run).await;
    ended.expect("the queue becomes empty");
}

async fn state(queue: &Queue, mailbox: &str) -> (State, Option<String>) {
    let records = queue.mailboxes().await.unwrap();
    let record = records.into_iter().find(|it| it.job.mailbox == mailbox);
    record.map(|it| (it.state, it.reason)).expect("a record")
}

#[tokio::test]
async fn a_mailbox_has_one_job_which_names_a_server() {
    let Some(nats) = Nats::start() else { return };
    let queue = nats.queue("one", &settings()).await;
    let pat = job("Pat@example.test", "main");
    assert_eq!(queue.submit(&pat).await.unwrap(), Submitted::Queued);
    let same = job("pat@EXAMPLE.test", "main");
    assert_eq!(queue.submit(&same).await.unwrap(), Submitted::Discarded);
    assert_eq!(queue.status(None).await.unwrap().all.waiting, 1);
    let stored = async_nats::jetstream::new(nats.client().await)
        .get_stream("exportitems")
        .await
        .unwrap()
        .get_raw_message(1)
        .await
        .unwrap();
    assert_eq!(
        core::str::from_utf8(&stored.payload).unwrap(),
        r#"{"run":"night","mailbox":"Pat@example.test","server":"main"}"#
    );
    work(&queue, Scripted::new(|_, _, _| Verdict::Done), &["main"]).await;
    let status = queue.status(Some("night")).await.unwrap();
    assert_eq!(
        (status.all.waiting, status.all.done, status.all.items),
        (0, 1, 1)
    );
    assert_eq!(queue.status(Some("other")).await.unwrap().all.done, 0);
    // It can be submitted again when it is done.
    assert_eq!(queue.submit(&pat).await.unwrap(), Submitted::Queued);
}

#[tokio::test]
async fn a_throttled_mailbox_is_never_dead() {
    let Some(nats) = Nats::start() else { return };
    let queue = nats.queue("one", &settings()).await;
    queue.submit(&job("busy@x", "main")).await.unwrap();
    let busy = Scripted::new(|_, before, _| match before {
        0..25 => Verdict::Later(Duration::from_millis(1)),
        _ => Verdict::Done,
    });
    work(&queue, busy, &["main"]).await;
    assert_eq!(state(&queue, "busy@x").await, (State::Done, None));
}

#[tokio::test]
async fn a_job_is_dead_after_ten_deliveries_without_progress() {
    let Some(nats) = Nats::start() else { return };
    let queue = nats.queue("one", &settings()).await;
    queue.submit(&job("dead@x", "main")).await.unwrap();
    let failing = Scripted::new(|_, _, _| Verdict::Failed("no such mailbox".to_owned()));
    let runs = Arc::clone(&failing.runs);
    work(&queue, failing, &["main"]).await;
    let reason = Some("no such mailbox".to_owned());
    assert_eq!(state(&queue, "dead@x").await, (State::Dead, reason));
    assert_eq!(runs.lock().unwrap()["dead@x"], 10);
    // With progress it is not.
    queue.submit(&job("slow@x", "main")).await.unwrap();
    let mut slow = Scripted::new(|_, before, _| match before {
        0..25 => Verdict::Failed("cut".to_owned()),
        _ => Verdict::Done,
    });
    slow.progresses = true;
    work(&queue, slow, &["main"]).await;
    assert_eq!(state(&queue, "slow@x").await, (State::Done, None));
}

#[tokio::test]
async fn a_job_that_kills_its_workers_is_dead() {
    let Some(nats) = Nats::start() else { return };
    let settings = Settings {
        lease: Duration::from_secs(1),
        deliveries: 3,
        ..settings()
    };
    let queue = nats.queue("one", &settings).await;
    queue.submit(&job("kill@x", "main")).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    for killed in 1..=3 {
        let counter = Arc::clone(&runs);
        let (until_killed, has_ended) = std::sync::mpsc::channel::<()>();
        let has_ended = Mutex::new(has_ended);
        let backup = Scripted::new(move |_: &Job, _, context: &Context| {
            context.login_works();
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = has_ended.lock().unwrap().recv();
            Verdict::Done
        });
        let servers = ["main".to_owned()];
        let mut worker = Worker::new(queue.clone(), backup);
        // The worker ends before it can report.
        let mut ignore = |_: Event<'_>| ();
        let run = worker.run(&servers, true, &|| false, &mut ignore);
        tokio::select! {
            biased;
            () = async {
                while runs.load(Ordering::SeqCst) < killed {
                    tokio::task::yield_now().await;
                }
            } => {}
            () = run => panic!("the worker ended"),
        }
        drop(until_killed);
    }
    work(&queue, Scripted::new(|_, _, _| Verdict::Done), &["main"]).await;
    assert_eq!(state(&queue, "kill@x").await.0, State::Dead);
}

#[tokio::test]
async fn a_refused_login_parks_the_jobs_of_its_server() {
    let Some(nats) = Nats::start() else { return };
    let queue = nats.queue("one", &settings()).await;
    for at in 0..6 {
        let server = if at == 5 { "other" } else { "main" };
        queue
            .submit(&job(&format!("{at}@x"), server))
            .await
            .unwrap();
    }
    let tried = Arc::new(AtomicUsize::new(0));
    let backup = || {
        let tried = Arc::clone(&tried);
        Scripted::new(move |job: &Job, _, _| match &*job.server {
            "main" => {
                tried.fetch_add(1, Ordering::SeqCst);
                Verdict::LoginRefused("401".to_owned())
            }
            _ => Verdict::Done,
        })
    };
    let second = nats.queue("two", &settings()).await;
    tokio::join!(
        work(&queue, backup(), &["main", "other"]),
        work(&second, backup(), &["main", "other"]),
    );
    assert_eq!(tried.load(Ordering::SeqCst), 1, "the account may be locked");
    let status = queue.status(None).await.unwrap();
    let (main, other) = (&status.servers["main"], &status.servers["other"]);
    assert_eq!((main.waiting, other.done), (5, 1));
    assert!(main.parked.as_ref().unwrap().contains("401"), "{main:?}");
    assert_eq!(other.parked, None);
    assert!(queue.resume("main").await.unwrap());
    assert!(!queue.resume("main").await.unwrap());
    work(&queue, Scripted::new(|_, _, _| Verdict::Done), &["main"]).await;
    assert_eq!(queue.status(None).await.unwrap().all.done, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_stopped_leaves_the_job_to_the_next_one() {
    let Some(nats) = Nats::start() else { return };
    let settings = Settings {
        lease: Duration::from_secs(1),
        ..settings()
    };
    let queue = nats.queue("next", &settings).await;
    queue.submit(&job("pat@x", "main")).await.unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (resume, until_resumed) = std::sync::mpsc::channel::<()>();
    let url = nats.url().to_owned();
    // Its thread is blocked like a process that has received SIGSTOP.
    let first = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let client = async_nats::connect(url).await.unwrap();
            let settings = Settings {
                worker: "stopped".to_owned(),
                ..settings
            };
            let queue = Queue::open(client, settings).await.unwrap();
            let backup = Scripted::new(|_, _, context: &Context| {
                context.login_works();
                Verdict::Failed("late".to_owned())
            });
            let has_lost = Arc::new(AtomicBool::new(false));
            let lost = Arc::clone(&has_lost);
            let mut on_event = move |event: Event<'_>| match event {
                Event::Started { .. } => {
                    begun.send(()).unwrap();
                    until_resumed.recv().unwrap();
                }
                Event::LeaseLost(_) => lost.store(true, Ordering::SeqCst),
                _ => {}
            };
            let is_stopped = || has_lost.load(Ordering::SeqCst);
            let servers = ["main".to_owned()];
            let mut worker = Worker::new(queue, backup);
            worker
                .run(&servers, false, &is_stopped, &mut on_event)
                .await;
            is_stopped()
        })
    });
    has_begun.recv().unwrap();
    work(&queue, Scripted::new(|_, _, _| Verdict::Done), &["main"]).await;
    resume.send(()).unwrap();
    assert!(
        first.join().unwrap(),
        "it does not know that its lease was lost"
    );
    assert_eq!(state(&queue, "pat@x").await, (State::Done, None));
    assert_eq!(
        queue.submit(&job("pat@x", "main")).await.unwrap(),
        Submitted::Queued
    );
}

#[tokio::test]
async fn a_worker_that_is_asked_to_stop_hands_its_job_back() {
    let Some(nats) = Nats::start() else { return };
    let queue = nats.queue("one", &settings()).await;
    queue.submit(&job("pat@x", "main")).await.unwrap();
    for _ in 0..12 {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let backup = Scripted::new(move |_, _, context| {
            context.login_works();
            flag.store(true, Ordering::SeqCst);
            Verdict::Stopped
        });
        let mut worker = Worker::new(queue.clone(), backup);
        let servers = ["main".to_owned()];
        let is_stopped = || stop.load(Ordering::SeqCst);
        let mut ignore = |_: Event<'_>| ();
        let run = worker.run(&servers, false, &is_stopped, &mut ignore);
        let ended = tokio::time::timeout(Duration::from_secs(60), run).await;
        ended.expect("the worker stops");
        assert_eq!(state(&queue, "pat@x").await, (State::Waiting, None));
    }
    work(&queue, Scripted::new(|_, _, _| Verdict::Done), &["main"]).await;
    assert_eq!(state(&queue, "pat@x").await, (State::Done, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_survives_that_the_queue_is_killed() {
    let Some(mut nats) = Nats::start() else {
        return;
    };
    let queue = nats.queue("one", &settings()).await;
    for at in 0..3 {
        queue
            .submit(&job(&format!("{at}@x"), "main"))
            .await
            .unwrap();
    }
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (resume, until_resumed) = std::sync::mpsc::channel::<()>();
    let until_resumed = Mutex::new(until_resumed);
    let backup = Scripted::new(move |job: &Job, _, context: &Context| {
        context.login_works();
        if job.mailbox == "0@x" {
            begun.send(()).unwrap();
            until_resumed.lock().unwrap().recv().unwrap();
        }
        Verdict::Done
    });
    let working = queue.clone();
    let worker = tokio::spawn(async move { work(&working, backup, &["main"]).await });
    tokio::task::spawn_blocking(move || {
        has_begun.recv().unwrap();
        nats.kill_and_restart();
        resume.send(()).unwrap();
        nats
    })
    .await
    .map(|nats| async move {
        worker.await.unwrap();
        let status = nats
            .queue("two", &settings())
            .await
            .status(None)
            .await
            .unwrap();
        assert_eq!((status.all.done, status.all.is_open()), (3, false));
    })
    .unwrap()
    .await;
}
