//! NTLM with Extended Protection over TLS.

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_emulator::{item_id, Emulator, LoginResult, Scenario, DEFAULT_MAILBOX};
use exportitems_std::client::{ChannelBinding, ClientError, Credentials};
use exportitems_testkit::sink::Checked;
use exportitems_tokio::Client;

use crate::common::{runtime, Waiting};

fn export(
    password: &str,
    binding: ChannelBinding,
    clients: usize,
) -> (Vec<bool>, Vec<LoginResult>) {
    let scenario = "tls = true\n[auth.windows]\nuser = 'CONTOSO\\jörg'\npassword = 'pässwörd'\n\
                    extended-protection = 'require'";
    let scenario = Scenario::from_toml(scenario).unwrap();
    let emulator = Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, emulator.ca_pem().unwrap()).unwrap();
    let credentials = Credentials::password("CONTOSO\\jörg", password).unwrap();
    let builder = exportitems_std::Client::builder(&emulator.url())
        .ca_file(&ca)
        .channel_binding(binding)
        .credentials(credentials);
    let results = runtime().block_on(async {
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let builder = builder.clone();
                tokio::spawn(async move {
                    let mut client = Client::new(builder).unwrap();
                    let id = item_id(DEFAULT_MAILBOX, 1, 1_000);
                    let (items, headers) = ([ItemId::new(&id)], RequestHeaders::new());
                    let mut sink = Checked::default();
                    let mut waiting = Waiting(&mut sink);
                    match client
                        .export(&headers, &items, &mut waiting, Options::new())
                        .await
                    {
                        Ok(answer) => answer.summary.ok == 1,
                        Err(ClientError::Status(error)) => {
                            assert_eq!(error.status, 401);
                            false
                        }
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    });
    let logins = emulator.logins();
    (results, logins.iter().map(|login| login.result).collect())
}

#[test]
fn connections_log_in_with_the_binding() {
    let (results, logins) = export("pässwörd", ChannelBinding::Auto, 6);
    assert_eq!(results, [true; 6]);
    assert_eq!(logins, [LoginResult::Accepted; 6]);
}

#[test]
fn a_wrong_password_is_tried_once_by_all_connections() {
    let (results, logins) = export("passwort", ChannelBinding::Auto, 6);
    assert_eq!(results, [false; 6]);
    assert_eq!(logins.len(), 1);
}

#[test]
fn a_login_without_the_binding_is_refused() {
    let (results, logins) = export("pässwörd", ChannelBinding::Off, 1);
    assert_eq!(results, [false]);
    assert_eq!(logins.len(), 1);
    assert_ne!(logins, [LoginResult::Accepted]);
}
