//! Streams that an independent producer made of mails, converted back and compared with these mails.

use std::io::Cursor;

use exportitems_convert::{eml, Item};
use exportitems_testkit::data;

use crate::python::python;

/// Compares two mails, which NULs separate, and prints how they differ.
///
/// The producer adds a body in the other form to each mail with only one, so a body that the source lacks is allowed.
const SCRIPT: &str = r#"
import email, email.policy, sys
source, ours = (email.message_from_bytes(it, policy=email.policy.default) for it in sys.stdin.buffer.read().split(b"\0\0"))
for name in ("From", "To", "Cc", "Subject", "Message-ID"):
    # A blank at the end of a folded line is no part of a text.
    if str(source[name]).strip() != str(ours[name]).strip():
        print(name, source[name], ours[name])
if source["Date"] and source["Date"].datetime != ours["Date"].datetime:
    print("Date", source["Date"], ours["Date"])

def parts(message):
    bodies, files = {}, []
    for part in message.walk():
        kind = part.get_content_type()
        if part.is_multipart():
            continue
        if kind in ("text/plain", "text/html") and part.get_content_disposition() is None and kind not in bodies:
            bodies[kind] = part.get_content().replace("\r\n", "\n").rstrip("\n")
        elif kind not in ("text/plain", "text/html"):
            files.append((kind, part.get_filename(), part.get_payload(decode=True)))
    return bodies, files

(bodies, files), (our_bodies, our_files) = parts(source), parts(ours)
for kind, body in bodies.items():
    if our_bodies.get(kind) != body:
        print(kind, body, our_bodies.get(kind))
if files != our_files:
    print("files", files, our_files)
for part in ours.walk():
    for defect in [*part.defects, *(it for value in part.values() for it in value.defects)]:
        print("defect", defect)
"#;

#[test]
fn mails_of_an_independent_producer_come_back() {
    let Some(samples) = data::path("samples/payloads/gromox") else {
        return;
    };
    let mut count = 0;
    for file in std::fs::read_dir(samples).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|it| it != "fts") {
            continue;
        }
        let mut file = Cursor::new(std::fs::read(&path).unwrap());
        let item = Item::read(&mut file).unwrap();
        let source = std::fs::read(path.with_extension("eml")).unwrap();
        let is_report = item.message.class().starts_with("report.");
        for headers in [eml::HeaderSource::Original, eml::HeaderSource::Rebuilt] {
            // The recipients of a report are those that it reports on.
            if is_report && headers == eml::HeaderSource::Rebuilt {
                continue;
            }
            let options = eml::Options {
                headers,
                ..eml::Options::default()
            };
            let mut out = Vec::new();
            let warnings = eml::write(&item, &mut file, &mut out, &options).unwrap();
            assert!(warnings.is_empty() && !item.is_partial(), "{path:?}");
            let Some(differences) = python(SCRIPT, &[&source[..], b"\0\0", &out].concat()) else {
                return;
            };
            assert_eq!(differences, "", "{path:?}, {headers:?}");
        }
        count += 1;
    }
    assert!(count >= 8, "{count} samples");
}
