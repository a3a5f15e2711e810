//! Uploaded items: what is refused, and what is kept.

mod common;
#[path = "../../../tests/src/data.rs"]
mod data;

use std::fs;
use std::process::Command;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use common::{between, data as decoded, export, post, start, XML};
use exportitems_emulator::{payload, Emulator};

/// Sends a request for an operation, and returns its response; an empty text if there is none.
fn call(emulator: &Emulator, operation: &str) -> String {
    let body = format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>{operation}</s:Body></s:Envelope>"#
    );
    post(emulator, XML, &body).map_or_else(String::new, |response| response.text())
}

/// Returns the id of a well-known folder.
fn folder(emulator: &Emulator, name: &str) -> String {
    let text = call(
        emulator,
        &format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="{name}"/></m:FolderIds></m:GetFolder>"#
        ),
    );
    between(&text, "<t:FolderId Id=\"", "\"")
}

fn item(folder: &str, data: &[u8], attributes: &str, more: &str) -> String {
    let data = BASE64_STANDARD.encode(data);
    format!(
        r#"<t:Item {attributes}><t:ParentFolderId Id="{folder}"/>{more}<t:Data>{data}</t:Data></t:Item>"#
    )
}

fn upload(emulator: &Emulator, items: &[String]) -> String {
    let items = items.concat();
    call(
        emulator,
        &format!("<m:UploadItems><m:Items>{items}</m:Items></m:UploadItems>"),
    )
}

fn codes(text: &str) -> Vec<String> {
    let parts = text.split("ResponseCode>").skip(1).step_by(2);
    parts.map(|part| between(part, "", "<")).collect()
}

fn new_ids(text: &str) -> Vec<String> {
    let parts = text.split("<m:ItemId Id=\"").skip(1);
    parts.map(|part| between(part, "", "\"")).collect()
}

const NEW: &str = r#"CreateAction="CreateNew""#;

#[test]
fn uploaded_items_are_exported_byte_for_byte() {
    let emulator = start("mailboxes = [{ address = 'pat@example.test' }]");
    let inbox = folder(&emulator, "inbox");
    let sizes = [300, 5_000, 200_000];
    let payloads: Vec<_> = sizes
        .iter()
        .map(|&size| payload(9, size).unwrap())
        .collect();
    let items: Vec<_> = payloads
        .iter()
        .map(|data| item(&inbox, data, NEW, ""))
        .collect();
    let text = upload(&emulator, &items);
    assert_eq!(codes(&text), ["NoError"; 3]);
    let ids = new_ids(&text);
    let response = export(
        &emulator,
        &ids.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let exported: Vec<_> = response.messages().iter().map(|it| decoded(it)).collect();
    assert!(exported == payloads);
    let entries = emulator.items("pat@example.test");
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.folder == "Inbox"));
    assert_eq!(entries[2].properties.class, "IPM.Note");
    // Associated items are such, and copies are two.
    let again = format!(r#"{NEW} IsAssociated="true""#);
    upload(&emulator, &[item(&inbox, &payloads[0], &again, "")]);
    let entries = emulator.items("pat@example.test");
    assert_eq!(
        entries.iter().filter(|it| it.properties.associated).count(),
        1
    );
    assert_eq!(entries.len(), 4);
}

#[test]
fn each_item_is_judged_for_itself() {
    let emulator = start("uploads = { largest-item = 10000 }");
    let inbox = folder(&emulator, "inbox");
    let good = payload(3, 1_000).unwrap();
    let text = upload(
        &emulator,
        &[
            item(&inbox, &good, NEW, ""),
            item(&inbox, &good[..999], NEW, ""),
            item(&inbox, b"", NEW, ""),
            item(&inbox, &payload(3, 10_001).unwrap(), NEW, ""),
            item("AAMk", &good, NEW, ""),
            item(
                &inbox,
                &good,
                r#"CreateAction="Update""#,
                r#"<t:ItemId Id="AAMk"/>"#,
            ),
            item(
                &inbox,
                &good,
                r#"CreateAction="UpdateOrCreate""#,
                r#"<t:ItemId Id="AAMk"/>"#,
            ),
        ],
    );
    assert_eq!(
        codes(&text),
        [
            "NoError",
            "ErrorCorruptData",
            "ErrorCorruptData",
            "ErrorMessageSizeExceeded",
            "ErrorInvalidIdMalformed",
            "ErrorItemNotFound",
            "NoError",
        ]
    );
    // An update keeps the id.
    let id = &new_ids(&text)[0];
    let other = payload(4, 2_000).unwrap();
    let target = format!(r#"<t:ItemId Id="{id}"/>"#);
    let text = upload(
        &emulator,
        &[item(&inbox, &other, r#"CreateAction="Update""#, &target)],
    );
    assert_eq!(&new_ids(&text)[0], id);
    assert!(decoded(&export(&emulator, &[id]).messages()[0]) == other);
    // A fault refuses the whole request.
    for bad in [
        item(&inbox, &good, r#"CreateAction="Update""#, ""),
        item(&inbox, &good, "", ""),
        item(&inbox, &good, NEW, "").replace("<t:Data>", "<t:Data>?"),
        item(&inbox, &good, NEW, "").replace("ParentFolderId", "DistinguishedFolderId"),
    ] {
        let before = emulator.items("pat@example.test").len();
        let text = upload(&emulator, &[item(&inbox, &good, NEW, ""), bad]);
        assert!(text.contains("Fault"), "{text}");
        assert_eq!(emulator.items("pat@example.test").len(), before);
    }
}

#[test]
fn folders_are_created_once() {
    let emulator = start("");
    let create = |name: &str, kind: &str, class: &str| {
        call(
            &emulator,
            &format!(
                r#"<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderId><m:Folders><t:{kind}>{class}<t:DisplayName>{name}</t:DisplayName></t:{kind}></m:Folders></m:CreateFolder>"#
            ),
        )
    };
    let text = create(
        "2024",
        "Folder",
        "<t:FolderClass>IPF.Note.Own</t:FolderClass>",
    );
    assert_eq!(codes(&text), ["NoError"]);
    let id = between(&text, "<t:FolderId Id=\"", "\"");
    assert_eq!(
        codes(&upload(
            &emulator,
            &[item(&id, &payload(1, 300).unwrap(), NEW, "")]
        )),
        ["NoError"]
    );
    assert_eq!(emulator.items("pat@example.test")[0].folder, "Inbox/2024");
    assert_eq!(codes(&create("2024", "Folder", "")), ["ErrorFolderExists"]);
    assert_eq!(codes(&create("Dates", "CalendarFolder", "")), ["NoError"]);
}

#[test]
fn requests_that_are_too_large_and_cuts() {
    let good = payload(1, 50_000).unwrap();
    for (answer, status) in [
        ("insufficient-storage", Some(507)),
        ("content-too-large", Some(413)),
        ("reset", None),
    ] {
        let emulator = start(&format!(
            "uploads = {{ largest-request = 20000, too-large = '{answer}' }}"
        ));
        let response = post(&emulator, XML, &"x".repeat(20_001));
        assert_eq!(response.map(|response| response.status), status);
    }
    for (answer, stored) in [("'hang-up'", 0), ("'hang-up-after'", 1)] {
        let emulator = start(&format!(
            "[[request]]\noperation = 'UploadItems'\nanswer = {answer}"
        ));
        let inbox = folder(&emulator, "inbox");
        assert_eq!(upload(&emulator, &[item(&inbox, &good, NEW, "")]), "");
        assert_eq!(emulator.items("pat@example.test").len(), stored);
    }
}

#[test]
fn a_store_outlives_the_server() {
    let store = tempfile::tempdir().unwrap();
    let scenario = format!("uploads = {{ store = '{}' }}", store.path().display());
    let good = payload(1, 5_000).unwrap();
    let before = {
        let emulator = start(&scenario);
        let inbox = folder(&emulator, "inbox");
        let text = upload(&emulator, &vec![item(&inbox, &good, NEW, ""); 2]);
        let target = format!(r#"<t:ItemId Id="{}"/>"#, new_ids(&text)[0]);
        let other = payload(2, 300).unwrap();
        upload(
            &emulator,
            &[item(&inbox, &other, r#"CreateAction="Update""#, &target)],
        );
        emulator.items("pat@example.test")
    };
    // A kill can cut the last line.
    let list = store.path().join("journal.jsonl");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, text + r#"{"mailbox":"#).unwrap();
    let emulator = start(&scenario);
    assert_eq!(emulator.items("pat@example.test"), before);
    let response = export(&emulator, &[&before[1].id]);
    assert!(decoded(&response.messages()[0]) == good);
    let inbox = folder(&emulator, "inbox");
    assert_eq!(
        codes(&upload(&emulator, &[item(&inbox, &good, NEW, "")])),
        ["NoError"]
    );
    drop(emulator);
    assert_eq!(start(&scenario).items("pat@example.test").len(), 3);
}

/// An uploaded item without a search key gets one of its own, and not that of a generated item with the same number.
#[test]
fn search_keys_are_unique() {
    let emulator = start("mailboxes = [{ address = 'pat@example.test' }]");
    let inbox = folder(&emulator, "inbox");
    // A payload of this size has no search key.
    upload(
        &emulator,
        &vec![item(&inbox, &payload(1, 300).unwrap(), NEW, ""); 3],
    );
    let text = call(
        &emulator,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds><t:FolderId Id="{inbox}"/></m:ParentFolderIds></m:FindItem>"#
        ),
    );
    let values: Vec<_> = (text.split("<t:Value>").skip(1))
        .map(|rest| BASE64_STANDARD.decode(between(rest, "", "<")).unwrap())
        .collect();
    assert_eq!(values.len(), 3, "{text}");
    assert!(values.iter().all(|value| value.starts_with(b"uploaded")));
    assert!(values[0] != values[1] && values[1] != values[2]);
}

/// exchangelib uploads what it has exported, and reads the answers.
#[test]
fn exchangelib_uploads() {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/exchangelib_upload.py"
    );
    let has = Command::new("python3")
        .args(["-c", "import exchangelib"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        data::skip_without("python3 has no exchangelib");
        return;
    }
    let emulator = start("");
    let inbox = folder(&emulator, "inbox");
    let good = payload(5, 40_000).unwrap();
    let output = Command::new("python3")
        .args([script, &emulator.url(), &inbox])
        .args([&good[..], &good[..39_999]].map(|data| BASE64_STANDARD.encode(data)))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let entries = emulator.items("pat@example.test");
    assert_eq!(entries.len(), 1, "{errors}");
    assert_eq!(
        said,
        format!("{}\nErrorCorruptData\n", entries[0].id),
        "{errors}"
    );
    assert!(decoded(&export(&emulator, &[&entries[0].id]).messages()[0]) == good);
}
