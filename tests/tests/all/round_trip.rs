//! What the encoder writes, as the emulator's parser reads it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use exportitems::{
    ExchangeImpersonation as Who, ExportItems, ItemId, ManagementRole, RequestHeaders,
    RequestServerVersion as V,
};
use exportitems_emulator::{Emulator, RequestedId, Scenario};

/// Sends a request; what the emulator read of it.
fn sent(emulator: &Emulator, request: ExportItems<'_>) -> exportitems_emulator::ExportItems {
    let mut encoder = request.encoder().expect("a request");
    let head = format!(
        "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        encoder.encoded_len()
    );
    let mut stream = TcpStream::connect(emulator.address()).expect("the emulator");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut piece = [0; 61];
    while !encoder.is_done() {
        let len = encoder.write(&mut piece);
        stream.write_all(&piece[..len]).expect("sent");
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    let logged = emulator
        .requests()
        .pop()
        .and_then(|request| request.export_items);
    logged.unwrap_or_else(|| panic!("not valid to the emulator: {answer}"))
}

#[test]
fn the_emulator_reads_what_the_encoder_writes() {
    let scenario = Scenario::from_toml("").expect("a scenario");
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let emulator = Emulator::start(scenario, loopback).expect("a port");
    let items = [
        ItemId::new("AAMk/+=="),
        ItemId {
            id: "<&>\"' \u{20ac}\u{1f4e7}",
            change_key: Some("&lt;"),
        },
    ];
    let asked: Vec<_> = (items.iter())
        .map(|item| RequestedId {
            id: item.id.to_owned(),
            change_key: item.change_key.map(str::to_owned),
        })
        .collect();
    let headers = RequestHeaders::new();
    let sent = |headers| sent(&emulator, ExportItems::new(&items).headers(headers));
    for &version in V::ALL {
        let read = sent(headers.server_version(version));
        assert_eq!(
            (&*read.version, read.ids),
            (version.as_str(), asked.clone())
        );
        assert_eq!(read.headers, ["RequestServerVersion"]);
    }
    let value = "a&b@example.test";
    for who in [
        Who::PrincipalName(value),
        Who::Sid(value),
        Who::PrimarySmtpAddress(value),
        Who::SmtpAddress(value),
    ] {
        let read = sent(headers.impersonation(who));
        let expected = (who.kind().to_owned(), value.to_owned());
        assert_eq!(read.impersonation, Some(expected));
    }
    for (user_roles, application_roles) in
        [(&["a", "b"][..], &["c"][..]), (&["a"], &[]), (&[], &["c"])]
    {
        let role = ManagementRole {
            user_roles,
            application_roles,
        };
        let headers = headers
            .impersonation(Who::SmtpAddress(value))
            .mailbox_culture("de-DE");
        let read = sent(headers.management_role(role));
        assert_eq!(read.roles, [user_roles, application_roles].concat());
        assert_eq!(read.mailbox_culture.as_deref(), Some("de-DE"));
        let headers = [
            "RequestServerVersion",
            "ExchangeImpersonation",
            "MailboxCulture",
            "ManagementRole",
        ];
        assert_eq!(read.headers, headers);
        assert_eq!(read.ids, asked);
    }
}
