//! Documents that are no answer to ExportItems: one clear error each, never a commit.

use exportitems::{ErrorKind, OperationName, ResponseOutcome};
use exportitems_testkit::data;
use exportitems_testkit::oracle;

use crate::support::{envelope, run_for, Findings};

fn refuses(document: impl AsRef<[u8]>, kind: ErrorKind, response: ResponseOutcome) {
    let document = document.as_ref();
    let run = run_for(2, document);
    let shown = String::from_utf8_lossy(&document[..document.len().min(200)]);
    assert_eq!(run.kind(), Some(kind), "{shown}");
    assert_eq!(run.summary().response, response, "{shown}");
    assert_eq!(run.committed(), [], "{shown}");
    oracle::differential(document);
}

#[test]
fn not_soap() {
    for (document, kind) in [
        (
            "{\"error\":{\"code\":\"ErrorItemNotFound\"}}",
            ErrorKind::NotSoap,
        ),
        ("Service Unavailable", ErrorKind::NotSoap),
        (
            "<html><body>Server Error in '/EWS' Application.</body></html>",
            ErrorKind::NotSoap,
        ),
        ("<!DOCTYPE html><html></html>", ErrorKind::Dtd),
        ("<!doctype html>", ErrorKind::Dtd),
        ("<?xml version=\"1.0\"?><Autodiscover/>", ErrorKind::NotSoap),
        (
            "<ExportItemsResponse><ResponseMessages/></ExportItemsResponse>",
            ErrorKind::NotSoap,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n<s:Envelope/>", ErrorKind::NotSoap),
        ("\x1f\u{8}\0\0\0\0\0\0", ErrorKind::NotSoap),
        ("</s:Envelope>", ErrorKind::MismatchedEndTag),
        ("<1>", ErrorKind::UnexpectedByte),
        ("&lt;", ErrorKind::NotSoap),
        ("&nbsp;", ErrorKind::UnknownEntity),
    ] {
        refuses(document, kind, ResponseOutcome::NotSoap);
    }
    refuses(
        b"\x1f\x8b\x08\0\0\0\0\0",
        ErrorKind::NotSoap,
        ResponseOutcome::NotSoap,
    );
    refuses(
        b"\xff\xfe<\0s\0",
        ErrorKind::Encoding,
        ResponseOutcome::NotSoap,
    );
    refuses(
        b"\xfe\xff\0<\0s",
        ErrorKind::Encoding,
        ResponseOutcome::NotSoap,
    );
    refuses(b"\0<\0s\0:", ErrorKind::Encoding, ResponseOutcome::NotSoap);
}

#[test]
fn nothing_or_nothing_yet() {
    for document in [
        "",
        " ",
        "\u{feff}",
        "<?xml version='1.0'?>",
        "<",
        "<s:Envelope",
        "<!-- ",
    ] {
        refuses(document, ErrorKind::UnexpectedEnd, ResponseOutcome::Cut);
    }
}

#[test]
fn another_operation() {
    let kind = ErrorKind::UnexpectedOperation(OperationName::ExportItems);
    for body in [
        "<m:GetItemResponse/>",
        "",
        "text".split_at(4).1,
        "<m:ExportItems/>",
    ] {
        refuses(envelope(body), kind, ResponseOutcome::NotSoap);
    }
    refuses("<s:Envelope/>", kind, ResponseOutcome::NotSoap);
    refuses(
        "<s:Envelope><s:Header/></s:Envelope>",
        kind,
        ResponseOutcome::NotSoap,
    );
}

/// Answers of real servers to other operations.
#[test]
fn recorded_answers() {
    for (name, kind, response) in [
        ("001_None", ErrorKind::UnexpectedEnd, ResponseOutcome::Cut),
        ("002_302", ErrorKind::UnexpectedEnd, ResponseOutcome::Cut),
        ("003_200", ErrorKind::NotSoap, ResponseOutcome::NotSoap),
        (
            "004_200_GetFolder_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "005_200_FindFolder_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "006_200_CreateFolder_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "007_200_DeleteFolder_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "008_200_CreateItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "009_200_DeleteItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "010_200_DeleteItem_ErrorItemNotFound",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "011_200_GetItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "012_200_GetServerTimeZones_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "013_200_SyncFolderItems_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "014_200_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "015_200_FindItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "016_200_UpdateItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
        (
            "017_200_MoveItem_NoError",
            ErrorKind::UnexpectedOperation(OperationName::ExportItems),
            ResponseOutcome::NotSoap,
        ),
    ] {
        let Some(message) = data::text(&format!("samples/recorded/{name}.http")) else {
            return;
        };
        let end = ["\r\n\r\n", "\n\n"]
            .iter()
            .find_map(|end| message.split_once(end));
        refuses(end.map_or("", |(_, body)| body), kind, response);
    }
}

#[test]
fn random_bytes() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let document: Vec<u8> = (0..rng.usize(1..200)).map(|_| rng.u8(..)).collect();
        oracle::decode(&document);
        oracle::split(&document);
        oracle::differential(&document);
        assert_eq!(run_for(2, &document).committed(), []);
    }
}
