//! The way to the server: proxies, trust and compression.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use common::server::{Scripted, Setup};
use common::tls::Identity;
use common::{command, response, status, stderr, stdout};
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// An export with these variables, and none of a proxy beside them.
fn export(setup: &Setup, url: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = command(&["export", "--url", url, "--retry-for", "0"]);
    for name in ["https_proxy", "all_proxy", "http_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let (ids, out) = (setup.path("ids"), setup.path("out"));
    command
        .args([Path::new("--ids"), &ids, Path::new("--out"), &out])
        .args(args)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

#[test]
fn exports_go_through_a_proxy() {
    let setup = Setup::new(
        "tls = true\n[proxy]\nuser = 'pat'\npassword = 's3cret'",
        &[300, 5_000],
    );
    let proxy = setup.emulator.proxy_url().unwrap();
    let with_password = proxy.replace("//", "//pat:s3cret@");
    let ca = setup.path("ca.pem");
    let ca = ["--ca-file", ca.to_str().unwrap()];
    let url = setup.emulator.url();
    // This machine needs no proxy, unless one is given.
    let output = export(&setup, &url, &ca, &[("https_proxy", "http://127.0.0.1:9")]);
    assert_eq!(status(&output), 0, "{}", printed(&output));
    assert!(setup.emulator.tunnels().is_empty());
    std::fs::remove_dir_all(setup.path("out")).unwrap();

    let output = export(&setup, &url, &[&ca[..], &["--proxy", &proxy]].concat(), &[]);
    assert_eq!(status(&output), 3);
    let text = printed(&output);
    assert!(
        text.contains("it requires a user and a password (407)"),
        "{text}"
    );
    assert!(
        text.contains("https_proxy=http://USER:PASSWORD@HOST:PORT"),
        "{text}"
    );

    let output = export(
        &setup,
        &url,
        &[&ca[..], &["--proxy", &with_password]].concat(),
        &[],
    );
    assert_eq!(status(&output), 2);
    assert!(!printed(&output).contains("s3cret"));

    // The emulator's tunnels always lead to the emulator.
    let elsewhere = "https://mail.example.test/EWS/Exchange.asmx";
    let env = [("https_proxy", with_password.as_str())];
    let output = export(&setup, elsewhere, &ca, &env);
    assert_eq!(status(&output), 3);
    let text = printed(&output);
    assert!(
        text.contains("its certificate is for") && !text.contains("s3cret"),
        "{text}"
    );
    let tunnels = setup.emulator.tunnels();
    let last = tunnels.last().unwrap();
    assert_eq!(
        (last.target.as_str(), last.status),
        ("mail.example.test:443", 200)
    );

    for (args, env) in [
        (
            &["--proxy", "none"][..],
            vec![("https_proxy", with_password.as_str())],
        ),
        (
            &[],
            vec![
                ("HTTPS_PROXY", with_password.as_str()),
                ("no_proxy", ".example.test"),
            ],
        ),
    ] {
        let output = export(
            &setup,
            "https://mail.example.test/",
            &[&ca[..], args].concat(),
            &env,
        );
        assert!(
            printed(&output).contains("cannot find the host"),
            "{}",
            printed(&output)
        );
    }
    assert_eq!(setup.emulator.tunnels().len(), tunnels.len());

    for (proxy, says) in [
        ("socks5://127.0.0.1:9", "begins with http://"),
        ("http://", "cannot be read"),
    ] {
        for (args, env) in [
            (vec!["--proxy", proxy], vec![]),
            (vec![], vec![("all_proxy", proxy)]),
        ] {
            let output = export(&setup, elsewhere, &args, &env);
            assert_eq!(status(&output), 2);
            assert!(stderr(&output).contains(says), "{}", stderr(&output));
        }
    }
    let output = export(&setup, elsewhere, &["--proxy", "127.0.0.1:9"], &[]);
    assert_eq!(status(&output), 3);
    assert!(printed(&output)
        .contains("no connection through the proxy 127.0.0.1:9: it cannot be reached"));
}

#[test]
fn one_certificate_can_be_trusted() {
    let setup = Setup::new("tls = true", &[300]);
    let digest = Sha256::digest(setup.emulator.certificate().unwrap());
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let url = setup.emulator.url();
    let right = hex.join(":");
    let output = export(
        &setup,
        &url,
        &["--trust-certificate", &right, "--tls-min", "1.3"],
        &[],
    );
    assert_eq!(status(&output), 0, "{}", printed(&output));

    let wrong = "0".repeat(64);
    let output = export(
        &setup,
        &url,
        &["--trust-certificate", &wrong, "--retry-failed"],
        &[],
    );
    assert_eq!(status(&output), 0, "nothing is left to do");
    std::fs::remove_dir_all(setup.path("out")).unwrap();
    let output = export(&setup, &url, &["--trust-certificate", &wrong], &[]);
    assert_eq!(status(&output), 3);
    assert!(
        printed(&output).contains(&hex.concat().to_lowercase()),
        "{}",
        printed(&output)
    );

    for wrong in [
        "",
        "12",
        &right[..62],
        &format!("{right}00"),
        &"g".repeat(64),
    ] {
        let output = export(&setup, &url, &["--trust-certificate", wrong], &[]);
        assert_eq!(status(&output), 2);
        assert!(
            stderr(&output).contains("64 hexadecimal digits"),
            "{}",
            stderr(&output)
        );
    }
    let output = export(&setup, &url, &[], &[]);
    assert!(
        printed(&output).contains("--trust-certificate"),
        "{}",
        printed(&output)
    );
}

#[test]
fn compression_is_asked_for() {
    let setup = Setup::new("", &[300, 90_000]);
    let output = export(&setup, &setup.emulator.url(), &["--gzip"], &[]);
    assert_eq!(status(&output), 0, "{}", printed(&output));
    assert_eq!(setup.exported(), [0, 1]);
    let requests = setup.emulator.requests();
    assert_eq!(requests[0].header("accept-encoding"), Some("gzip"));
}

/// The log contains a warning about a response that expands more than 200 times.
#[test]
fn unusual_compression_is_logged() {
    for (spaces, is_logged) in [(1 << 20, true), (1 << 10, false)] {
        let body = response("").replace("</s:Body>", &format!("{}</s:Body>", " ".repeat(spaces)));
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        let server = Scripted::new(move |_, _| [head.as_bytes(), &packed].concat());
        let setup = Setup::new("", &[300]);
        let log = setup.path("log");
        let log = [
            "--gzip",
            "--log",
            log.to_str().unwrap(),
            "--log-level",
            "warn",
        ];
        export(&setup, &server.url, &log, &[]);
        let logged = std::fs::read_to_string(setup.path("log")).unwrap();
        let text = "expanded more than 200 times compressed=";
        assert_eq!(logged.contains(text), is_logged, "{logged}");
    }
}

#[test]
fn a_client_certificate_is_presented() {
    const BODY: &str = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><m:ExportItemsResponse \
        xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages'><m:ResponseMessages>\
        <m:ExportItemsResponseMessage ResponseClass='Success'><m:ResponseCode>NoError</m:ResponseCode>\
        <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data></m:ExportItemsResponseMessage>\
        </m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>";
    let setup = Setup::new("", &[300]);
    let server = Identity::new(&["127.0.0.1"], |_| ());
    let [client, other] = [(); 2].map(|()| Identity::new(&[], |_| ()));
    let answer = common::server::http(BODY);
    let url = server.serve(&[&client], answer);
    let path = |identity: &Identity, name: &str| identity.file(name).to_str().unwrap().to_owned();
    let trust = path(&server, "certificate.pem");
    let run = |certificate: &str, key: &str| {
        let _ = std::fs::remove_dir_all(setup.path("out"));
        let mut args = vec!["--ca-file", &trust, "--proxy", "none"];
        if !certificate.is_empty() {
            args.extend(["--client-certificate", certificate]);
        }
        if !key.is_empty() {
            args.extend(["--client-key", key]);
        }
        let output = export(&setup, &url, &args, &[]);
        (status(&output), printed(&output))
    };
    let (certificate, key) = (path(&client, "certificate.pem"), path(&client, "key.pem"));
    let (code, text) = run(&certificate, &key);
    assert_eq!(code, 0, "{text}");

    let (code, text) = run("", "");
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("give a client certificate with --client-certificate and --client-key"),
        "{text}"
    );
    let (code, text) = run(&path(&other, "certificate.pem"), &path(&other, "key.pem"));
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("refuses the one that was sent"), "{text}");
    for (certificate, key, code, says) in [
        (&*certificate, "", 2, "--client-key"),
        ("", &*key, 2, "--client-certificate"),
        (&*certificate, "missing.pem", 4, "missing.pem"),
        (
            &*certificate,
            &*certificate,
            4,
            "cannot use the client certificate or key",
        ),
        // Of another certificate.
        (
            &*certificate,
            &path(&other, "key.pem"),
            4,
            "cannot use the client certificate or key",
        ),
    ] {
        let (found, text) = run(certificate, key);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(says), "{text}");
    }
}
