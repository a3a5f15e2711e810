//! Access tokens that expire while an export runs.

use std::io::Write as _;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use exportitems::{ItemId, Options, RequestHeaders};
use exportitems_std::client::{
    Answer, BuildError, Client, ClientError, Credentials, SentCredentials, StatusKind,
};
use zeroize::Zeroizing;

use crate::server::{answer, read_request, response, serve, soap, Notes};

/// A server that takes one token, and the tokens that it was sent.
fn server(good: &'static str) -> (String, Receiver<String>) {
    let (log, tokens) = mpsc::channel();
    let url = serve(move |_, mut stream| {
        while let Some(request) = read_request(&mut stream) {
            let token = request.split("Authorization: Bearer ").nth(1).unwrap();
            let token = token.lines().next().unwrap().to_owned();
            let answered = match token == good {
                true => soap(200, &answer(1)),
                false => response(
                    401,
                    "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n",
                    "",
                ),
            };
            log.send(token).unwrap();
            stream.write_all(&answered).unwrap();
        }
    });
    (url, tokens)
}

/// A client whose tokens are these, one a call; then there is no more.
fn client(url: &str, tokens: &[&str]) -> Client {
    let tokens: Vec<_> = tokens.iter().rev().map(ToString::to_string).collect();
    let tokens = Arc::new(Mutex::new(tokens));
    let credentials = Credentials::bearer_from(move || {
        let next = tokens.lock().unwrap().pop();
        next.map(Zeroizing::new)
            .ok_or_else(|| "the file is gone".into())
    });
    let builder = Client::builder(url).credentials(credentials.unwrap());
    builder.build().unwrap()
}

fn export(client: &mut Client) -> Result<Answer, ClientError> {
    let items = [ItemId::new("a")];
    client.export(
        &RequestHeaders::new(),
        &items,
        &mut Notes::default(),
        Options::new(),
    )
}

fn refused(client: &mut Client) -> (SentCredentials, String) {
    let error = match export(client).unwrap_err() {
        ClientError::Status(error) => error,
        error => panic!("{error}"),
    };
    let text = error.to_string();
    match error.kind {
        StatusKind::Unauthorized { sent, .. } => (sent, text),
        kind => panic!("{kind:?}"),
    }
}

#[test]
fn a_refused_token_is_replaced_by_the_next() {
    let (url, sent) = server("new");
    let mut client = client(&url, &["old", "new"]);
    export(&mut client).unwrap();
    export(&mut client).unwrap();
    assert_eq!(sent.try_iter().collect::<Vec<_>>(), ["old", "new", "new"]);
}

#[test]
fn a_token_is_tried_once_per_change() {
    let (url, sent) = server("new");
    let mut own = client(&url, &["old", "old", "wrong", "wrong"]);
    let (error, text) = refused(&mut own);
    assert_eq!(error, SentCredentials::SameBearer, "{text}");
    assert!(text.contains("there is no new one"), "{text}");
    assert_eq!(sent.try_iter().collect::<Vec<_>>(), ["old"]);
    let (error, _) = refused(&mut own);
    assert_eq!(error, SentCredentials::SameBearer);
    assert_eq!(sent.try_iter().collect::<Vec<_>>(), ["old", "wrong"]);
    // Each change once, but not for ever.
    let mut own = client(&url, &["1", "2", "3", "4", "5", "6"]);
    refused(&mut own);
    assert_eq!(sent.try_iter().collect::<Vec<_>>(), ["1", "2", "3", "4"]);
}

#[test]
fn a_source_that_fails_is_part_of_the_error() {
    let (url, sent) = server("new");
    let (error, text) = refused(&mut client(&url, &["old"]));
    assert!(matches!(error, SentCredentials::NoNewBearer { .. }));
    assert!(
        text.contains("a new one cannot be read: the file is gone"),
        "{text}"
    );
    // What is not a token is not sent.
    let (_, text) = refused(&mut client(&url, &["old", "a\r\nX: y"]));
    assert!(text.contains("a new one cannot be read"), "{text}");
    assert_eq!(sent.try_iter().count(), 2);
    let error = Credentials::bearer_from(|| Err("no such file".into())).unwrap_err();
    assert!(matches!(error, BuildError::TokenSource(_)), "{error}");
    let error = Credentials::bearer_from(|| Ok(String::new().into())).unwrap_err();
    assert!(matches!(error, BuildError::Credentials(_)), "{error}");
}

#[test]
fn a_token_without_a_source_stays() {
    let (url, sent) = server("new");
    let builder = Client::builder(&url).credentials(Credentials::bearer("old").unwrap());
    let (error, _) = refused(&mut builder.build().unwrap());
    assert_eq!(error, SentCredentials::Bearer);
    assert_eq!(sent.try_iter().count(), 1);
}
