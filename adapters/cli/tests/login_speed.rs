//! Logins cost an export little: 2,000 items by NTLM and by Basic, in the same run.
//!
//! ```sh
//! cargo test --release -p exportitems-cli --test login_speed -- --ignored --nocapture
//! ```

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::server::Setup;
use common::{status, stderr};

const ITEMS: usize = 2_000;
const SIZE: u64 = 40_000;
/// The number of exports by each scheme, in turn. The fastest counts, because the machine may be busy with other things.
const ROUNDS: usize = 9;

/// The processor time of this process, which contains the servers, and of the commands that have ended.
fn processor_time() -> Duration {
    // proc_pid_stat(5): utime, stime, cutime and cstime are the fields 14 to 17, in hundredths of a second.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(4);
    let ticks: u64 = ticks.map(|field| field.parse().unwrap_or(0)).sum();
    Duration::from_millis(10 * ticks)
}

/// The cost of exports by one scheme.
struct Cost {
    fastest: Duration,
    /// Of the server and the command, over all exports.
    processor: Duration,
}

impl Cost {
    const NONE: Self = Self {
        fastest: Duration::MAX,
        processor: Duration::ZERO,
    };

    fn add(&mut self, setup: &Setup, args: &[&str]) {
        let before = processor_time();
        self.fastest = self.fastest.min(export(setup, args));
        self.processor += processor_time().saturating_sub(before);
    }
}

/// Exports once, and returns the time that it took.
fn export(setup: &Setup, args: &[&str]) -> Duration {
    let _ = std::fs::remove_dir_all(setup.path("out"));
    let (password, ca) = (setup.path("password"), setup.path("ca.pem"));
    let all = [
        &[
            "--user",
            r"CONTOSO\pat",
            "--password-file",
            password.to_str().unwrap(),
        ][..],
        &[
            "--ca-file",
            ca.to_str().unwrap(),
            "--batch-size",
            "20",
            "--connections",
            "4",
        ],
        args,
    ];
    let start = Instant::now();
    let output = setup.export(&all.concat());
    let took = start.elapsed();
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    took
}

#[test]
#[ignore = "it measures time: run it on its own, with --release"]
fn ntlm_is_as_fast_as_basic() {
    let sizes = [SIZE; ITEMS];
    let ntlm = Setup::new(
        "tls = true\n[auth.windows]\nuser = 'CONTOSO\\pat'\npassword = 's3cret'\nextended-protection = 'require'",
        &sizes,
    );
    let basic = Setup::new(
        "tls = true\nauth = { basic = { user = 'CONTOSO\\pat', password = 's3cret' } }",
        &sizes,
    );
    for setup in [&ntlm, &basic] {
        std::fs::write(setup.path("password"), "s3cret").unwrap();
    }
    let (mut by_ntlm, mut by_basic) = (Cost::NONE, Cost::NONE);
    for round in 0..ROUNDS {
        // Each scheme goes first in every other round.
        if round % 2 == 0 {
            by_basic.add(&basic, &["--auth", "basic"]);
        }
        let before = ntlm.emulator.logins().len();
        by_ntlm.add(&ntlm, &[]);
        let logins = ntlm.emulator.logins();
        let mut handshakes = BTreeMap::new();
        for login in &logins[before..] {
            *handshakes.entry(login.connection).or_insert(0) += 1;
        }
        assert!(
            handshakes.values().all(|&count| count == 1),
            "{handshakes:?}"
        );
        println!("round {round}: {} connections by NTLM", handshakes.len());
        if round % 2 == 1 {
            by_basic.add(&basic, &["--auth", "basic"]);
        }
    }
    // A body is sent once: with the last leg of a login, or on a connection that is logged in.
    let bodies = ntlm.emulator.requests();
    let bodies = bodies
        .iter()
        .filter(|it| it.header("content-length") != Some("0"));
    let refused = bodies.filter(|request| request.status == Some(401)).count();
    assert_eq!(refused, 0, "bodies that were refused");
    let ratio = by_basic.fastest.as_secs_f64() / by_ntlm.fastest.as_secs_f64();
    println!(
        "NTLM {:?}, Basic {:?}: {ratio:.3} of its throughput; processor time {:?} and {:?}",
        by_ntlm.fastest, by_basic.fastest, by_ntlm.processor, by_basic.processor
    );
    assert!(ratio >= 0.97, "{ratio:.3}");
}
