//! Messages for requests without a usable response: the advice must fit the cause.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;

use common::{command, json, response, run, status, stderr, stdout};

/// A server that answers each request with the result of a closure.
fn serve(mut answer: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(request) = read_request(&mut stream) {
                if stream.write_all(&answer(&request)).is_err() {
                    break;
                }
            }
        }
    });
    format!("http://{address}/EWS/Exchange.asmx")
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request);
        let is_empty = text.ends_with("\r\n\r\n") && text.contains("Content-Length: 0\r\n");
        if text.ends_with("Envelope>") || is_empty {
            return Some(text.into_owned());
        }
        let read = stream.read(&mut buffer).ok().filter(|&read| read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn good() -> Vec<u8> {
    let item = "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError\
         </m:ResponseCode><m:ItemId Id=\"AAMkAD0=\"/><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=\
         </m:Data></m:ExportItemsResponseMessage>";
    http("200 OK", "Content-Type: text/xml\r\n", &response(item))
}

/// Exports one item, with no proxy variables except those in `env`.
fn export(url: &str, args: &[&str], env: &[(&str, &Path)]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ids"), "AAMkAD0=\n").unwrap();
    let mut command = command(&["export", "--url", url]);
    for name in ["https_proxy", "all_proxy", "http_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
        .arg("--ids")
        .arg(dir.path().join("ids"))
        .arg("--out")
        .arg(dir.path().join("out"))
        .args(["--retry-for", "0"])
        .args(args)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

/// Advice that helps in none of these cases.
fn has_no_useless_advice(text: &str) {
    for useless in ["smaller", "fewer", "batch-size", "ca-file", "make it"] {
        assert!(!text.contains(useless), "{useless}: {text}");
    }
}

#[test]
fn a_wrong_url_is_wrong_usage() {
    for (url, says) in [
        (
            "https://127.0.0.1:44300000/EWS/Exchange.asmx",
            "from 1 to 65535",
        ),
        ("https://127.0.0.1:/EWS/Exchange.asmx", "from 1 to 65535"),
        ("mail.example.com/EWS/Exchange.asmx", "begin with https://"),
        ("https://pat:secret@mail.example.com/", "user or password"),
        ("https://mail.example.com/EWS Exchange.asmx", "white space"),
        ("https://mail.example.com/EWS#a", "fragment"),
    ] {
        let output = export(url, &[], &[]);
        assert_eq!(status(&output), 2, "{url}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{url}: {}", stderr(&output));
        assert!(!stderr(&output).contains("secret"));
    }
}

#[test]
fn a_server_that_is_not_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("https://{}/", closed.local_addr().unwrap());
    drop(closed);
    for (url, says) in [
        (refused.as_str(), "nothing listens on that port"),
        (
            "https://mail.example.invalid/",
            "cannot find the host mail.example.invalid",
        ),
    ] {
        let output = export(url, &[], &[]);
        assert_eq!(status(&output), 3);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{text}");
        assert!(!text.contains("proxy"), "{text}");
        has_no_useless_advice(&text);
    }
}

#[test]
fn credentials_that_the_server_does_not_take() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let file = secret.to_str().unwrap();
    let user: &[&str] = &["--user", "pat", "--password-file", file];
    let basic: &[&str] = &["--user", "pat", "--password-file", file, "--auth", "basic"];
    let token: &[&str] = &["--bearer-file", file];
    let variable: &[&str] = &["--bearer-env", "TOKEN"];
    for (challenges, args, says) in [
        (
            "Negotiate, NTLM",
            user,
            "offers Negotiate, NTLM, and a login by NTLM or Negotiate did not begin",
        ),
        ("Negotiate, NTLM", basic, "leave --auth basic out"),
        ("Negotiate, NTLM", token, "use user and password"),
        (
            "Digest realm=\"x\"",
            user,
            "and this client supports NTLM, Negotiate, Bearer and Basic",
        ),
        ("Basic realm=\"x\"", basic, "check --user and its password"),
        (
            "Basic realm=\"x\"",
            user,
            "because Basic sends the password",
        ),
        (
            "Basic realm=\"x\"",
            user,
            "give --auth basic if this server may have the password",
        ),
        ("Basic realm=\"x\"", token, "use user and password"),
        ("Basic realm=\"x\"", &[], "give --user"),
        (
            "Bearer",
            user,
            "--bearer-file, --bearer-env or --token-command instead of --user",
        ),
        (
            "Bearer",
            token,
            "write a new token to the file of --bearer-file",
        ),
        (
            "Bearer",
            variable,
            "a variable keeps its value while the command runs",
        ),
        ("Bearer, Basic", &[], "give --user, or an access token"),
        ("", user, "does not say which authentication it accepts"),
        ("", basic, "does not say which authentication it accepts"),
    ] {
        let url = serve(move |_| {
            let challenge = match challenges {
                "" => String::new(),
                challenges => format!("WWW-Authenticate: {challenges}\r\n"),
            };
            http("401 Unauthorized", &challenge, "")
        });
        let output = export(&url, args, &[("TOKEN", Path::new("t0ken"))]);
        assert_eq!(status(&output), 3);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{challenges} {args:?}: {text}");
        assert!(
            !text.contains("s3cret") && !text.contains("t0ken"),
            "{text}"
        );
        has_no_useless_advice(&text);
        let output = export(
            &url,
            &[args, &["--json"]].concat(),
            &[("TOKEN", Path::new("t0ken"))],
        );
        assert_eq!(json(&output).1["disposition"], "auth");
    }
}

#[test]
fn a_token_file_is_read_again_when_the_token_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let renewed = file.clone();
    let url = serve(move |request| {
        if request.contains("Bearer new\r\n") {
            return good();
        }
        assert!(request.contains("Bearer old\r\n"));
        std::fs::write(&renewed, "\u{feff}new\r\n").unwrap();
        http("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "")
    });
    let output = export(&url, &["--bearer-file", file.to_str().unwrap()], &[]);
    assert_eq!(status(&output), 0, "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn pages_and_bytes_that_are_not_ews() {
    let page = "<!DOCTYPE html><html><head><title>Outlook</title></head><body>\
         <form action='/owa/auth.owa'></form></body></html>";
    let gzip = "\u{1f}\u{8b}\u{8}";
    for (answered, disposition, says) in [
        (
            http("200 OK", "Content-Type: text/xml\r\n", page),
            "auth",
            "a sign-in page",
        ),
        (
            http("200 OK", "Content-Type: text/html\r\n", page),
            "auth",
            "HTTP 200 (text/html)",
        ),
        (
            http(
                "302 Found",
                "Location: https://adfs.example.com/adfs/ls/?wa=wsignin1.0\r\n",
                "",
            ),
            "auth",
            "redirected to https://adfs.example.com/adfs/ls/?wa=wsignin1.0: a sign-in page",
        ),
        (
            http("301 Moved", "", ""),
            "permanent",
            "redirects without a Location",
        ),
        (
            http("440 Login Timeout", "", page),
            "auth",
            "a sign-in page",
        ),
        (http("200 OK", "", ""), "permanent", "the response is empty"),
        (
            http("200 OK", "Content-Encoding: br\r\n", gzip),
            "permanent",
            "the body is encoded as br",
        ),
        (
            http("404 Not Found", "", page),
            "permanent",
            "/EWS/Exchange.asmx",
        ),
        (
            http("407 Proxy", "", page),
            "auth",
            "a proxy requires credentials",
        ),
    ] {
        let copy = answered.clone();
        let url = serve(move |_| copy.clone());
        let output = export(&url, &[], &[]);
        assert_eq!(status(&output), 3);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{says}: {text}");
        has_no_useless_advice(&text);
        let output = export(&serve(move |_| answered.clone()), &["--json"], &[]);
        assert_eq!(json(&output).1["disposition"], disposition, "{says}");
    }
}

#[test]
fn one_item_cannot_be_requested_in_smaller_batches() {
    let whole = good();
    for (answered, says) in [
        (
            whole[..whole.len() - 60].to_vec(),
            "run the same command again",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Ty".to_vec(),
            "ended in the middle of the response, after byte 27",
        ),
        (Vec::new(), "closed the connection without a response"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = read_request(&mut stream).map(|_| stream.write_all(&answered));
            }
        });
        let output = export(&url, &[], &[]);
        assert_eq!(status(&output), 3);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{says}: {text}");
        has_no_useless_advice(&text);
    }
}

#[test]
fn a_server_that_speaks_something_else() {
    let raw = |bytes: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(bytes);
            }
        });
        address
    };
    let http = raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let tls = raw(b"\x15\x03\x01\x00\x02\x02\x46");
    for (url, says) in [
        (
            format!("https://{http}/"),
            "uses HTTP without TLS on this port",
        ),
        (format!("https://{tls}/"), "enable TLS 1.2 on the server"),
        (format!("http://{tls}/"), "begin the URL with https://"),
    ] {
        let output = export(&url, &[], &[]);
        assert_eq!(status(&output), 3);
        let text = stdout(&output) + &stderr(&output);
        assert!(text.contains(says), "{text}");
        has_no_useless_advice(&text);
        let output = export(&url, &["--json"], &[]);
        assert_eq!(json(&output).1["disposition"], "permanent", "{text}");
    }
}

/// A message contains the error of the operating system once, before the advice.
#[test]
fn a_cause_is_printed_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (ids, missing, out) = (path("ids.txt"), path("missing"), path("out"));
    std::fs::write(&ids, "AAMkAGYz+1=\n").unwrap();
    let nowhere = "http://127.0.0.1:1/EWS/Exchange.asmx";
    let export = ["export", "--ids", &ids, "--retry-for", "0", "--url"];
    for args in [
        vec!["emulate", "--scenario", &missing],
        vec!["verify", &missing],
        vec!["decode", &missing],
        [&export[..], &[nowhere, "--out", &out]].concat(),
        [&export[..], &[nowhere, "--out", &ids]].concat(),
        [
            &export[..],
            &[nowhere, "--out", &out, "--ca-file", &missing],
        ]
        .concat(),
    ] {
        let output = run(&args, b"");
        let said = stderr(&output);
        assert_eq!(said.matches("os error").count(), 1, "{said}");
        let cause = said.find("os error");
        let advice = said.find("; ");
        assert!(advice.is_none() || cause < advice, "{said}");
    }
}
