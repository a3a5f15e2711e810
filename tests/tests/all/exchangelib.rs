//! The same valid responses, read by exchangelib: a client that is not ours, and knows nothing of our model.
//!
//! Valid responses only: of others it takes many for good (protocol.md §2).

use std::env;
use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems_testkit::run::pull;
use exportitems_testkit::script::{
    Answer, Asked, Class, Code, Dress, Ending, Ids, Message, Name, Script,
};
use exportitems_testkit::wire;

/// Responses as real servers may write them, in many styles.
fn scripts() -> Vec<Script> {
    (0..400)
        .map(|seed| {
            let mut script = Script::from_seed(seed);
            script.ending = Ending::Whole;
            script.asked = Asked::AsMany;
            script.compare_ids = false; // the test kit's rule makes arbitrary items another's
            if let Answer::Fault(_) = script.answer {
                script.answer = Answer::Items(Vec::new());
            }
            let Answer::Items(messages) = &mut script.answer else {
                unreachable!("a fault was replaced")
            };
            messages.retain_mut(as_exchange_writes);
            messages.push(Message::refused(Class::Error, 0));
            messages.push(Message::good(seed.to_le_bytes().to_vec(), Dress::Plain));
            // Not in exchangelib: it binds names to namespaces, and takes the first element of a name for ours.
            script.style.https = false;
            script.style.foreign = false;
            script
        })
        .collect()
}

/// Whether exchangelib reads such a message: a good one without comments in it, or a refusal that it knows.
fn as_exchange_writes(message: &mut Message) -> bool {
    message.note.values = None;
    message.note.text = None;
    if message.name != Name::ExportItems {
        return false;
    }
    let good = message.class == Class::Success
        && message.code == Code::NoError
        && message.ids == Ids::Both
        && matches!(&message.data[..], [data] if data.flaw.is_none()
            && !data.payload.bytes().is_empty()
            && matches!(data.dress, Dress::Plain | Dress::Lines(_)));
    let refused = message.class == Class::Error
        && message.data.is_empty()
        && message.ids == Ids::Absent
        && matches!(message.code, Code::Known(_));
    if refused {
        message.code = Code::Known(0);
    }
    good || refused
}

/// What our decoder makes of it, in the words of the script.
fn ours(script: &Script) -> String {
    let run = pull(&[&wire::write(script).bytes], script.setup());
    let data = run.data();
    let items: Vec<String> = run
        .outcomes()
        .map(|outcome| {
            let code = outcome.code.and_then(exportitems::ResponseCode::as_str);
            match (outcome.class, code) {
                (Some(exportitems::ResponseClass::Success), _) => {
                    format!("data {}", STANDARD.encode(&data[outcome.index as usize]))
                }
                (_, code) => format!("error {}", code.unwrap_or("?")),
            }
        })
        .collect();
    items.join("|")
}

#[test]
fn exchangelib_reads_the_same() {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python)
        .args(["-c", "import exchangelib"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has {
        exportitems_testkit::data::skip_without(&format!("{python} has no exchangelib"));
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/exchangelib_parse.py");
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut stdin = child.stdin.take().expect("a pipe");
    let documents: Vec<String> = scripts()
        .iter()
        .map(|script| STANDARD.encode(wire::write(script).bytes))
        .collect();
    let writer = std::thread::spawn(move || {
        for document in documents {
            writeln!(stdin, "{document}").expect("a reader");
        }
    });
    let output = child.wait_with_output().expect("python");
    writer.join().expect("all written");
    assert!(output.status.success(), "exchangelib failed");
    let theirs = String::from_utf8(output.stdout).expect("text");
    let ours: Vec<String> = scripts().iter().map(ours).collect();
    assert_eq!(theirs.lines().count(), ours.len());
    for (theirs, ours) in theirs.lines().zip(&ours) {
        assert_eq!(theirs, ours);
    }
}
