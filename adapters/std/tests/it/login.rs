//! Logins by NTLM and Negotiate, judged by the emulator's own side of NTLM.

use std::thread;
use std::time::Duration;

use exportitems::policy::Limits;
use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, LoginResult, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{
    Answer, AuthError, ChannelBinding, Client, ClientBuilder, ClientError, Credentials,
    SentBinding, SentCredentials, StatusError, StatusKind,
};
use exportitems_std::{Archive, Exporter};

use crate::server::Notes;

const USER: &str = r"CONTOSO\jörg";
const PASSWORD: &str = "pässwörd \u{1f511}";

/// A server that takes one user, and whose certificate a client trusts.
struct Server {
    emulator: Emulator,
    dir: tempfile::TempDir,
}

impl Server {
    fn new(tls: bool, options: &str) -> Self {
        let scenario = format!(
            "tls = {tls}\n[auth.windows]\nuser = '{USER}'\npassword = '{PASSWORD}'\n{options}"
        );
        let scenario = Scenario::from_toml(&scenario).unwrap();
        let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ca = emulator.ca_pem().unwrap_or_default();
        std::fs::write(dir.path().join("ca.pem"), ca).unwrap();
        Self { emulator, dir }
    }

    fn builder(&self, credentials: Credentials) -> ClientBuilder {
        let builder = Client::builder(&self.emulator.url()).credentials(credentials);
        match self.emulator.ca_pem() {
            Some(_) => builder.ca_file(self.dir.path().join("ca.pem")),
            None => builder,
        }
    }

    fn client(&self, credentials: Credentials) -> Client {
        self.builder(credentials).build().unwrap()
    }

    fn results(&self) -> Vec<LoginResult> {
        let logins = self.emulator.logins();
        logins.iter().map(|login| login.result).collect()
    }

    /// Of each request: its connection, whether it has `Authorization`, whether it has a body, the status.
    fn legs(&self) -> Vec<(u64, bool, bool, u16)> {
        let requests = self.emulator.requests();
        let legs = requests.iter().map(|request| {
            let length = request.header("content-length").unwrap();
            let shown = request.header("authorization").is_some();
            (
                request.connection,
                shown,
                length != "0",
                request.status.unwrap(),
            )
        });
        legs.collect()
    }
}

fn right() -> Credentials {
    Credentials::password(USER, PASSWORD).unwrap()
}

fn wrong() -> Credentials {
    Credentials::password(USER, "passwort").unwrap()
}

fn export(client: &mut Client) -> Result<Answer, ClientError> {
    let id = item_id(DEFAULT_MAILBOX, 1, 1_000);
    let items = [ItemId::new(&id)];
    client.export(
        &RequestHeaders::new(),
        &items,
        &mut Notes::default(),
        Options::new(),
    )
}

fn refused(result: Result<Answer, ClientError>) -> (StatusError, SentCredentials) {
    let error = result.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("pässwörd") && !text.contains("TlRM"),
        "{text}"
    );
    let ClientError::Status(error) = error else {
        panic!("{error}")
    };
    let StatusKind::Unauthorized { sent, .. } = error.kind.clone() else {
        panic!("{error}")
    };
    (*error, sent)
}

#[test]
fn only_the_last_leg_has_the_body_and_a_connection_logs_in_once() {
    for affinity in [false, true] {
        let server = Server::new(
            true,
            &format!("extended-protection = \"require\"\naffinity = {affinity}"),
        );
        let mut client = server.client(right());
        for _ in 0..2 {
            assert_eq!(export(&mut client).unwrap().summary.ok, 1);
        }
        let (probe, first) = ((0, false, false, 401), (0, true, false, 401));
        let (last, next) = ((0, true, true, 200), (0, false, true, 200));
        assert_eq!(server.legs(), [probe, first, last, next]);
        assert_eq!(server.results(), [LoginResult::Accepted]);
    }
}

#[test]
fn each_connection_logs_in_and_asks_no_more_what_is_offered() {
    let server = Server::new(true, "");
    let mut client = server.client(right());
    export(&mut client).unwrap();
    client.set_credentials(right()).unwrap();
    export(&mut client).unwrap();
    let connections: Vec<_> = server
        .emulator
        .logins()
        .iter()
        .map(|it| it.connection)
        .collect();
    assert_eq!(connections, [0, 1]);

    let close = "[[request]]\nclose = true";
    let server = Server::new(true, close);
    let mut client = server.client(right());
    for _ in 0..2 {
        export(&mut client).unwrap();
    }
    let legs = server.legs();
    assert_eq!(legs[3..], [(1, true, false, 401), (1, true, true, 200)]);
    // Nor does a client for another connection.
    export(&mut client.another()).unwrap();
    let legs = server.legs();
    assert_eq!(legs[5..], [(2, true, false, 401), (2, true, true, 200)]);
}

#[test]
fn schemes_and_bindings() {
    use LoginResult::{Accepted, NoBinding};
    type Make = fn(&str, &str) -> Result<Credentials, exportitems_std::client::CredentialsError>;
    let (any, ntlm, negotiate): (Make, Make, Make) = (
        Credentials::password,
        Credentials::ntlm,
        Credentials::negotiate,
    );
    for (make, offers, protection, tls, bind, expected) in [
        (
            any,
            r#"["negotiate", "ntlm"]"#,
            "require",
            true,
            true,
            Accepted,
        ),
        (any, r#"["negotiate"]"#, "require", true, true, Accepted),
        (any, r#"["basic", "ntlm"]"#, "allow", true, true, Accepted),
        (
            any,
            r#"["kerberos", "ntlm"]"#,
            "require",
            true,
            true,
            Accepted,
        ),
        (
            ntlm,
            r#"["negotiate", "ntlm"]"#,
            "require",
            true,
            true,
            Accepted,
        ),
        (
            negotiate,
            r#"["ntlm", "negotiate"]"#,
            "require",
            true,
            true,
            Accepted,
        ),
        (any, r#"["ntlm"]"#, "require", true, false, NoBinding),
        (any, r#"["ntlm"]"#, "allow", true, false, Accepted),
        (any, r#"["ntlm"]"#, "none", true, false, Accepted),
        (any, r#"["ntlm"]"#, "none", false, true, Accepted),
        (any, r#"["ntlm"]"#, "require", false, true, NoBinding),
    ] {
        let options = format!("offers = {offers}\nextended-protection = \"{protection}\"");
        let server = Server::new(tls, &options);
        let builder = server.builder(make(USER, PASSWORD).unwrap());
        let mut client = builder
            .channel_binding(if bind {
                ChannelBinding::Auto
            } else {
                ChannelBinding::Off
            })
            .build()
            .unwrap();
        let result = export(&mut client);
        assert_eq!(server.results(), [expected], "{options} {tls} {bind}");
        if expected == Accepted {
            result.unwrap();
            continue;
        }
        let (error, sent) = refused(result);
        let binding = if tls {
            SentBinding::Off
        } else {
            SentBinding::NoTls
        };
        let scheme = "NTLM".to_owned();
        assert_eq!(sent, SentCredentials::Login { scheme, binding });
        let text = error.to_string();
        assert!(
            text.contains("password is wrong") && text.contains("channel binding"),
            "{text}"
        );
    }
}

#[test]
fn a_wrong_password_costs_one_try() {
    let server = Server::new(true, "extended-protection = \"require\"");
    let credentials = wrong();
    let mut client = server.client(credentials.clone());
    for _ in 0..3 {
        let (error, sent) = refused(export(&mut client));
        let (scheme, binding) = ("NTLM".to_owned(), SentBinding::Sent);
        assert_eq!(sent, SentCredentials::Login { scheme, binding });
        assert_eq!(error.retry_after, None);
        let text = error.to_string();
        assert!(text.contains("the login by NTLM was refused"), "{text}");
        assert!(
            text.contains("password is wrong") && text.contains("proxy"),
            "{text}"
        );
        assert!(text.contains("the server offers Negotiate, NTLM"), "{text}");
    }
    // Sixteen connections that start at once wait for the first.
    let credentials = (wrong(), credentials);
    thread::scope(|scope| {
        for _ in 0..16 {
            let mut client = server.client(credentials.0.clone());
            scope.spawn(move || refused(export(&mut client)));
        }
    });
    assert_eq!(server.results(), [LoginResult::WrongPassword; 2]);
    // Others may log in.
    client.set_credentials(right()).unwrap();
    export(&mut client).unwrap();
}

/// Exports two items by Basic with a request each from a server that refuses the second request and `refusals` in all.
/// Returns how many items were exported and the statuses of the responses.
fn refused_later(refusals: usize) -> (usize, Vec<u16>) {
    let scenario = format!(
        "auth = {{ basic = {{ user = 'pat', password = 's3cret' }} }}\n\
         [[request]]\nanswer = 'normal'\nclose = true\n\
         [[request]]\ntimes = {refusals}\n\
         answer = {{ http = {{ status = 401, headers = {{ WWW-Authenticate = 'Basic realm=\"x\"' }}, body = '' }} }}"
    );
    let scenario = Scenario::from_toml(&scenario).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let rest = Duration::from_millis(20);
    let credentials = Credentials::basic("pat", "s3cret").unwrap().rest(rest);
    let builder = Client::builder(&emulator.url()).credentials(credentials);
    let mut client = builder.build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    let ids = [1, 2].map(|at| item_id(DEFAULT_MAILBOX, at, 1_000));
    let items = ids.each_ref().map(|id| ItemId::new(id));
    let limits = Limits {
        items: 1,
        connections: 1,
        ..Limits::default()
    };
    let report = Exporter::new(&mut client, &archive, RequestHeaders::new())
        .limits(limits)
        // A short wait in place of the real one, but longer than the rest.
        .sleep(|_| thread::sleep(Duration::from_millis(30)))
        .run(&items, &mut |_| {})
        .unwrap();
    let requests = emulator.requests();
    let statuses = requests.iter().map(|request| request.status.unwrap());
    (report.ok, statuses.collect())
}

/// Servers also throttle by 401.
#[test]
fn credentials_that_have_worked_are_tried_once_more_after_a_rest() {
    assert_eq!(refused_later(1), (2, vec![200, 401, 200]));
    assert_eq!(refused_later(9), (1, vec![200, 401, 401]));
}

/// A connection whose session has ended logs in again only if the credentials were not refused meanwhile.
#[test]
fn sessions_that_end_cost_one_try() {
    let ended =
        "times = 2\nanswer = 'normal'\n[[request]]\ntimes = 9\nanswer = { http = { status = 401, \
                 headers = { WWW-Authenticate = 'NTLM' }, body = '' } }";
    let server = Server::new(false, &format!("[[request]]\n{ended}"));
    let mut one = server.client(right());
    export(&mut one).unwrap();
    let mut other = one.another();
    export(&mut other).unwrap();
    for client in [&mut one, &mut other] {
        let (error, _) = refused(export(client));
        assert!(error.retry_after > Some(Duration::from_mins(4)), "{error}");
    }
    assert_eq!(server.emulator.logins().len(), 3);
}

#[test]
fn sixteen_connections_share_credentials() {
    let server = Server::new(true, "affinity = true");
    let credentials = right();
    thread::scope(|scope| {
        for _ in 0..16 {
            let mut client = server.client(credentials.clone());
            scope.spawn(move || export(&mut client).unwrap());
        }
    });
    assert_eq!(server.results(), [LoginResult::Accepted; 16]);
}

#[test]
fn what_is_not_offered_is_not_sent() {
    for (offers, says) in [
        (r#"["basic"]"#, "Basic sends the password"),
        (
            r#"["kerberos"]"#,
            "the server may require a Kerberos ticket",
        ),
        ("[]", "does not say which authentication it accepts"),
    ] {
        let server = Server::new(true, &format!("offers = {offers}"));
        for credentials in [right(), Credentials::ntlm(USER, PASSWORD).unwrap()] {
            let (error, sent) = refused(export(&mut server.client(credentials)));
            assert!(matches!(sent, SentCredentials::Withheld { .. }), "{sent:?}");
            let text = error.to_string();
            assert!(
                text.contains(says) || text.contains("the credentials were not sent"),
                "{text}"
            );
        }
        let (error, _) = refused(export(&mut server.client(right())));
        assert!(error.to_string().contains(says), "{error}");
        assert!(server.emulator.requests().iter().all(|request| {
            let shown = request.header("authorization").unwrap_or_default();
            !shown.starts_with("Basic")
        }));
        assert_eq!(server.results(), []);
    }
}

#[test]
fn a_connection_that_ends_between_the_legs_is_named() {
    let server = Server::new(true, "close = true");
    let error = export(&mut server.client(right())).unwrap_err();
    assert!(
        matches!(error, ClientError::Auth(AuthError::Closed)),
        "{error}"
    );
    assert!(error.to_string().contains("load balancer"), "{error}");
    assert_eq!(server.results(), []);
}

#[test]
fn a_server_without_logins_gets_no_credentials() {
    let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse().unwrap()).unwrap();
    let builder = Client::builder(&emulator.url()).credentials(right());
    let mut client = builder.build().unwrap();
    for _ in 0..2 {
        assert_eq!(export(&mut client).unwrap().summary.ok, 1);
    }
    let requests = emulator.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests
        .iter()
        .all(|it| it.header("authorization").is_none()));
}

#[test]
fn names_that_cannot_log_in_are_refused_at_once() {
    for user in ["", r"A\B\c", r"CONTOSO\"] {
        let error = Credentials::password(user, "secret")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cannot log in by NTLM") && !error.contains("secret"),
            "{error}"
        );
    }
}
