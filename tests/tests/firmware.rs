//! The firmware of `tests/firmware` in QEMU: real TCP to the emulator, and the decoder on the same documents as here.
//!
//! `scripts/check-firmware` builds the firmware and runs these; without it there is nothing to run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::prelude::{Engine as _, BASE64_STANDARD};
use exportitems::{Decoder, Event, Options};
use exportitems_emulator::{
    item_id, payload, CutPlace, Emulator, ErrorAnswer, ItemAnswer, ItemRule, LoginResult,
    MarkerPlace, Position, Scenario, DEFAULT_MAILBOX,
};
use exportitems_testkit::data;
use sha2::{Digest, Sha256};

/// Where `scripts/check-firmware` has built it.
fn built(triple: &str, name: &str) -> PathBuf {
    let root = std::env::var_os("FIRMWARE").expect("scripts/check-firmware sets FIRMWARE");
    Path::new(&root).join(triple).join("release").join(name)
}

/// Runs a firmware among these files, and what it prints.
fn run(machine: &[&str], kernel: &Path, files: &[(&str, &[u8])]) -> String {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let output = Command::new("timeout")
        .arg("120")
        .args(machine)
        .args(["-nographic", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(kernel)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// An item's rule, used once unless it is for good.
fn rule(id: &str, times: Option<u32>, answer: ItemAnswer) -> ItemRule {
    ItemRule {
        id: Some(id.to_owned()),
        times,
        answer,
        ..ItemRule::default()
    }
}

const USER: &str = "CONTOSO\\firmware";
const PASSWORD: &str = "correct horse";

/// A server with TLS and NTLM that requires a channel binding.
fn secure(items: Vec<ItemRule>, rsa: bool) -> Emulator {
    let scenario = format!(
        "tls = true\nrsa = {rsa}\n\
         auth.windows = {{ user = '{USER}', password = '{PASSWORD}', extended-protection = 'require' }}"
    );
    let scenario = Scenario {
        items,
        ..Scenario::from_toml(&scenario).unwrap()
    };
    Emulator::start(scenario, "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// The certificate of the emulator's authority, in DER.
fn ca(emulator: &Emulator) -> Vec<u8> {
    let pem = emulator.ca_pem().unwrap();
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    BASE64_STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// Runs the exporting firmware, which trusts `ca`, and returns what it prints.
fn export(emulator: &Emulator, ca: &[u8], password: &str, ids: &[String]) -> String {
    let mut plan = format!("{}\n{password}\n", emulator.address().port());
    for id in ids {
        writeln!(plan, "{id}").unwrap();
    }
    let machine = [
        "qemu-system-arm",
        "-M",
        "lm3s6965evb",
        "-nic",
        "user,model=stellaris",
    ];
    let kernel = built("thumbv6m-none-eabi", "export");
    let seed: [u8; 32] = Sha256::digest(format!("{:?}", std::time::Instant::now())).into();
    let files = [("plan", plan.as_bytes()), ("ca", ca), ("seed", &seed)];
    let start = std::time::Instant::now();
    let printed = run(&machine, &kernel, &files);
    println!("{printed}{:?}", start.elapsed());
    printed
}

/// At least 50 items, one of 1 MiB, over TLS 1.3 and NTLM with a channel binding; one refused, one truncated by the marker,
/// one cut in silence, one cut with its connection. All but the refused one arrive, byte for byte.
#[test]
#[ignore = "scripts/check-firmware runs it"]
fn a_cortex_m3_exports_over_tls_and_ntlm() {
    const ITEMS: u64 = 56;
    const LARGE: u64 = 20;
    let size = |seed| match seed {
        LARGE => 1 << 20,
        _ => 600 + seed * 777,
    };
    let ids: Vec<String> = (0..ITEMS)
        .map(|seed| item_id(DEFAULT_MAILBOX, seed, size(seed)))
        .collect();
    let half = Position::Fraction(0.5);
    let refused = ErrorAnswer {
        code: "ErrorItemNotFound".to_owned(),
        class: exportitems_emulator::ResponseClass::Error,
        message: None,
        back_off_ms: None,
        inner_code: None,
        mailbox_guid: None,
    };
    let rules = vec![
        rule(&ids[3], None, ItemAnswer::Error(refused)),
        rule(
            &ids[12],
            Some(1),
            ItemAnswer::Marker {
                place: MarkerPlace::InData,
                at: half,
            },
        ),
        rule(
            &ids[17],
            Some(1),
            ItemAnswer::SilentCut {
                place: CutPlace::InRecord,
                at: half,
            },
        ),
        rule(&ids[42], Some(1), ItemAnswer::HangUp { at: half }),
    ];
    let emulator = secure(rules, false);
    let printed = export(&emulator, &ca(&emulator), PASSWORD, &ids);

    let lines: Vec<&str> = printed.lines().collect();
    for seed in 0..ITEMS {
        let bytes = payload(seed, size(seed)).unwrap();
        let expected = format!("ok {seed} {} {}", bytes.len(), hex(&Sha256::digest(&bytes)));
        let times = lines.iter().filter(|&&line| line == expected).count();
        assert_eq!(times, usize::from(seed != 3), "{expected}\n{printed}");
    }
    for failure in [
        "failed 3 refused",
        "failed 12 truncated",
        "failed 17 payload",
        "failed 42 cut",
    ] {
        assert!(lines.contains(&failure), "no {failure}\n{printed}");
    }
    assert!(printed.contains(&format!("end {ITEMS}")), "{printed}");
    // Every login was accepted, and each connection had one.
    let logins = emulator.logins();
    let mut connections: Vec<u64> = logins.iter().map(|login| login.connection).collect();
    connections.dedup();
    assert_eq!(connections.len(), logins.len());
    assert!((logins.len() as u64) < ITEMS / 4, "{}", logins.len());
    assert!(logins
        .iter()
        .all(|login| login.result == LoginResult::Accepted));
}

/// A certificate of another authority gets no login, and a wrong password one attempt.
#[test]
#[ignore = "scripts/check-firmware runs it"]
fn a_cortex_m3_trusts_no_other_server_and_locks_no_account() {
    let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000)];
    let (emulator, other) = (secure(Vec::new(), false), secure(Vec::new(), false));
    let printed = export(&emulator, &ca(&other), PASSWORD, &ids);
    assert!(
        printed.contains("tls: the server's certificate is not issued by the pinned authority"),
        "{printed}"
    );
    assert!(printed.contains("end 0"), "{printed}");
    assert_eq!(emulator.requests(), []);

    let printed = export(&emulator, &ca(&emulator), "wrong", &ids);
    assert!(printed.contains("export: HTTP status 401"), "{printed}");
    assert!(printed.contains("end 0"), "{printed}");
    let logins: Vec<LoginResult> = emulator.logins().iter().map(|it| it.result).collect();
    assert_eq!(logins, [LoginResult::WrongPassword]);
}

/// Exports one item, for the stack of each layer. Certificates with RSA keys are refused: RSA needs a heap.
#[test]
#[ignore = "scripts/check-firmware and scripts/footprint run it"]
fn a_cortex_m3_exports_one_item_and_refuses_rsa() {
    let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000)];
    for (rsa, expected) in [
        (false, "\nok 0 "),
        (
            true,
            "the pinned certificate has a key that is malformed or not supported",
        ),
    ] {
        let emulator = secure(Vec::new(), rsa);
        let printed = export(&emulator, &ca(&emulator), PASSWORD, &ids);
        assert!(printed.contains(expected), "{printed}");
    }
}

/// Runs the program of `tests/mbedtls` on this machine, and returns what it prints, with its error.
fn export_by_mbedtls(
    emulator: &Emulator,
    (ca, name): (&[u8], &str),
    password: &str,
    ids: &[String],
) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (ca_file, input) = (dir.path().join("ca"), dir.path().join("input"));
    std::fs::write(&ca_file, ca).unwrap();
    std::fs::write(&input, format!("{password}\n{}\n", ids.join("\n"))).unwrap();
    // Its unsafe code runs under valgrind.
    let output = Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=9", "--leak-check=full"])
        .arg(built("mbedtls", "export"))
        .args([&emulator.address().to_string(), name])
        .arg(&ca_file)
        .arg(USER)
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert_ne!(output.status.code(), Some(9), "{printed}");
    println!("{printed}");
    printed
}

/// TLS 1.2 by Mbed TLS, with certificates of both kinds of keys.
#[test]
#[ignore = "scripts/check-firmware runs it"]
fn mbedtls_carries_an_export_over_tls_1_2() {
    let sizes = [700, 200_000, 30_001];
    let ids: Vec<String> = (sizes.iter().zip(1..))
        .map(|(&size, seed)| item_id(DEFAULT_MAILBOX, seed, size))
        .collect();
    for rsa in [false, true] {
        let emulator = secure(Vec::new(), rsa);
        let server = (&*ca(&emulator), "localhost");
        let printed = export_by_mbedtls(&emulator, server, PASSWORD, &ids);
        let mut expected = "TLSv1.2\n".to_owned();
        for (index, (&size, seed)) in sizes.iter().zip(1..).enumerate() {
            let digest = hex(&Sha256::digest(payload(seed, size).unwrap()));
            writeln!(expected, "ok {index} {size} {digest}").unwrap();
        }
        assert_eq!(printed, expected + "3 of 3\n");
        let logins: Vec<_> = emulator.logins().iter().map(|it| it.result).collect();
        assert_eq!(logins, [LoginResult::Accepted]);
    }
}

#[test]
#[ignore = "scripts/check-firmware runs it"]
fn mbedtls_trusts_no_other_server_and_locks_no_account() {
    let ids = [item_id(DEFAULT_MAILBOX, 1, 1_000)];
    let (emulator, other) = (secure(Vec::new(), false), secure(Vec::new(), false));
    let (right, wrong) = (ca(&emulator), ca(&other));
    for server in [(&wrong[..], "localhost"), (&right, "mail.contoso.com")] {
        let printed = export_by_mbedtls(&emulator, server, PASSWORD, &ids);
        assert!(printed.contains("verification failed"), "{printed}");
    }
    let printed = export_by_mbedtls(&emulator, (&right[1..], "localhost"), PASSWORD, &ids);
    assert!(printed.contains("TLS failed: X509"), "{printed}");
    assert_eq!(emulator.requests(), []);

    let printed = export_by_mbedtls(&emulator, (&right, "localhost"), "wrong", &ids);
    assert!(printed.contains("401"), "{printed}");
    let logins: Vec<LoginResult> = emulator.logins().iter().map(|it| it.result).collect();
    assert_eq!(logins, [LoginResult::WrongPassword]);
}

const ARM: [&str; 3] = ["qemu-system-arm", "-M", "mps2-an386"];
const RISC_V: [&str; 5] = ["qemu-system-riscv32", "-M", "virt", "-bios", "none"];

/// A response with these payloads.
fn response(payloads: &[Vec<u8>]) -> String {
    let mut messages = String::new();
    for payload in payloads {
        let data = BASE64_STANDARD.encode(payload);
        write!(
            messages,
            "<m:ExportItemsResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:Data>{data}</m:Data></m:ExportItemsResponseMessage>"
        )
        .unwrap();
    }
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:ExportItemsResponse \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><m:ResponseMessages>{messages}\
         </m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

/// What the decoder's fuzz targets start from and what they found.
fn fuzzed() -> Vec<Vec<u8>> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let folders = ["corpus/decode", "regressions/differential"];
    let files = folders.map(|folder| std::fs::read_dir(fuzz.join(folder)).unwrap());
    let mut paths: Vec<PathBuf> = files
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The fuzzers' documents, every published sample, and a response that is cut, and spoiled, in many places.
fn documents() -> Vec<Vec<u8>> {
    let published = [
        "exportitems-page/02_response_success_as-published_https-ns.xml",
        "exportitems-page/02_response_success_http-ns.xml",
        "exportitems-page/03_response_partial_errors_as-published_https-ns.xml",
        "exportitems-page/03_response_partial_errors_http-ns.xml",
        "docs/exportitems-operation_2.xml",
        "docs/exportitems-operation_3.xml",
        "docs/how-to-export-items-by-using-ews-in-exchange_2.xml",
        "docs/how-to-export-items-by-using-ews-in-exchange_4.xml",
    ];
    let mut documents = fuzzed();
    documents.extend(
        published
            .iter()
            .filter_map(|name| data::text(&format!("samples/{name}")))
            .map(String::into_bytes),
    );
    let payloads: Vec<_> = (0..4)
        .map(|seed| payload(seed, 700 + 99 * seed).unwrap())
        .collect();
    let whole = response(&payloads).into_bytes();
    for at in (0..whole.len()).step_by(61) {
        documents.push(whole[..at].to_vec());
        let mut spoiled = whole.clone();
        spoiled[at] ^= 0x15;
        documents.push(spoiled);
    }
    documents.push(whole);
    documents
}

/// What `tests/firmware/decode` prints of a document.
fn line(document: &[u8]) -> String {
    let mut decoder: Decoder = Decoder::new(Options::new());
    let (mut bytes, mut sum, mut end, mut input) = (0, 0, None, document);
    let offset = loop {
        let event = match decoder.next_event(&mut input) {
            Ok(None) => decoder.finish(),
            event => event,
        };
        match event {
            Ok(Some(Event::Data(data))) => {
                bytes += data.len();
                sum += data.iter().map(|&byte| u64::from(byte)).sum::<u64>();
            }
            Ok(Some(Event::End(summary))) => end = Some(summary),
            Ok(Some(_)) => {}
            Ok(None) => break 0,
            Err(error) => break error.offset,
        }
    };
    let end = end.unwrap();
    format!(
        "{} {} {} {bytes} {sum} {offset}",
        end.response, end.ok, end.failed
    )
}

/// A 32-bit machine and this one make the same of every document.
#[test]
#[ignore = "scripts/check-firmware runs it"]
fn a_cortex_m4_and_a_risc_v_decode_what_this_machine_does() {
    let documents = documents();
    let mut file = Vec::new();
    for document in &documents {
        file.extend_from_slice(format!("{}\n", document.len()).as_bytes());
        file.extend_from_slice(document);
    }
    let expected: Vec<String> = documents.iter().map(|document| line(document)).collect();
    let responses = ["complete 4 0", "cut", "malformed"];
    for response in responses {
        assert!(
            expected.iter().any(|line| line.starts_with(response)),
            "{response}"
        );
    }
    for (machine, triple) in [
        (&ARM[..], "thumbv7em-none-eabihf"),
        (&RISC_V[..], "riscv32imac-unknown-none-elf"),
    ] {
        let printed = run(machine, &built(triple, "corpus"), &[("documents", &file)]);
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines, expected, "{triple}");
        println!("{triple}: {} documents", lines.len());
    }
}

/// Prints the stack and the heap of one verification.
#[test]
#[ignore = "scripts/footprint --rsa runs it"]
fn a_cortex_m4_verifies_an_rsa_certificate() {
    let emulator = secure(Vec::new(), true);
    let files = [
        ("ca", &ca(&emulator)[..]),
        ("certificate", emulator.certificate().unwrap()),
    ];
    let kernel = built("thumbv6m-none-eabi", "rsa-chain");
    print!("{}", run(&ARM, &kernel, &files));
}

/// Prints what `scripts/footprint` reads.
#[test]
#[ignore = "scripts/footprint runs it"]
fn measure() {
    let item = payload(1, 96 * 1024).unwrap();
    let document = response(std::slice::from_ref(&item));
    let base64 = BASE64_STANDARD.encode(&item);
    let machine = [&ARM[..], &["-icount", "shift=0"]].concat();
    let files = [
        ("document", document.as_bytes()),
        ("base64", base64.as_bytes()),
    ];
    print!(
        "{}",
        run(&machine, &built("thumbv7em-none-eabihf", "measure"), &files)
    );
}
