//! The documents that Rust, C and WebAssembly must decode to the same outcomes.

use std::path::{Path, PathBuf};

/// A payload of 32 bytes that is whole.
const WHOLE: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=";

/// Documents by name: written ones, Microsoft's and recorded ones, and the fuzzer's.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut documents = written();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    add_files(&root.join("fuzz/corpus"), &mut files);
    if let Some(samples) = crate::data::path("samples") {
        add_files(&samples, &mut files);
    }
    files.sort();
    for file in files {
        documents.push((file.display().to_string(), std::fs::read(&file).unwrap()));
    }
    documents
}

/// One document for each kind of outcome.
fn written() -> Vec<(String, Vec<u8>)> {
    let ok = message("Success", "NoError", &format!("<m:Data>{WHOLE}</m:Data>"));
    let refused = message("Error", "ErrorItemNotFound", "");
    let data = |data: &str| message("Success", "NoError", &format!("<m:Data>{data}</m:Data>"));
    let marked = data("AQAAAAgAAAAAAAAA=== Truncated Data ===");
    let large = data(&"AQAAAAgAAAAAAAAAAQAAAAIAAAAAAAEAAwAXAAEAAAAB".repeat(1000));
    let whole = envelope(&format!("{ok}{refused}{ok}"));
    let documents = [
        ("whole", whole.clone()),
        ("cut in the second item", whole[..whole.len() * 2 / 3].into()),
        ("cut after the last item", whole[..whole.len() - 80].into()),
        ("empty", String::new()),
        ("HTML", "<html><body>down for maintenance</body></html>".into()),
        ("marker in data", envelope(&format!("{ok}{marked}"))),
        ("marker after the document", format!("{whole}=== Truncated Data ===")),
        ("placeholder", envelope(&data("AA=="))),
        ("empty data", envelope(&data(""))),
        ("unknown payload", envelope(&data("/9j/4AAQSkZJRg=="))),
        ("bad base64", envelope(&format!("{}{ok}", data("AQAA*")))),
        ("large", envelope(&format!("{large}{ok}"))),
        ("malformed", envelope(&format!("{ok}<m:<"))),
        ("no data", envelope(&message("Success", "NoError", ""))),
        (
            "contradiction",
            envelope(&message("Success", "ErrorServerBusy", &format!("<m:Data>{WHOLE}</m:Data>"))),
        ),
        (
            "unknown code",
            envelope(&message("Error", "ErrorOfTomorrow", "")),
        ),
        (
            "two data",
            envelope(&message(
                "Success",
                "NoError",
                &format!("<m:Data>{WHOLE}</m:Data><m:Data>{WHOLE}</m:Data>"),
            )),
        ),
        ("busy", envelope(&format!("{ok}{}", busy("ErrorServerBusy")))),
        ("wrapped", envelope(&busy("ErrorInternalServerError"))),
        (
            "too many connections",
            envelope(&message("Error", "ErrorExceededConnectionCount", "")),
        ),
        ("timeout", envelope(&message("Error", "ErrorTimeoutExpired", ""))),
        ("denied", envelope(&message("Error", "ErrorAccessDenied", ""))),
        (
            "stopped batch",
            envelope(&format!("{refused}{}", message("Error", "ErrorBatchProcessingStopped", ""))),
        ),
        (
            "old server",
            "<Envelope><Body><Fault><detail><ResponseCode>ErrorInvalidServerVersion</ResponseCode></detail></Fault>\
             </Body></Envelope>"
                .into(),
        ),
        (
            "fault",
            "<s:Envelope><s:Body><s:Fault><faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring>\
             <detail><ResponseCode>ErrorServerBusy</ResponseCode><MessageXml><Value Name=\"BackOffMilliseconds\">\
             297749</Value></MessageXml></detail></s:Fault></s:Body></s:Envelope>"
                .into(),
        ),
    ];
    documents
        .map(|(name, document)| (name.to_owned(), document.into_bytes()))
        .into()
}

/// A refusal with a wait, which may be inside of another code.
fn busy(code: &str) -> String {
    let xml = "<m:MessageXml><t:Value Name=\"InnerErrorResponseCode\">ErrorServerBusy</t:Value>\
         <t:Value Name=\"BackOffMilliseconds\">5000</t:Value></m:MessageXml>";
    message("Error", code, xml)
}

pub(crate) fn message(class: &str, code: &str, rest: &str) -> String {
    format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"{class}\"><m:MessageText>text</m:MessageText>\
         <m:ResponseCode>{code}</m:ResponseCode><m:ItemId Id=\"AAMk&amp;\" ChangeKey=\"CQ\"/>{rest}\
         </m:ExportItemsResponseMessage>"
    )
}

pub(crate) fn envelope(messages: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope><s:Header><h:ServerVersionInfo MajorVersion=\"15\"/>\
         </s:Header><s:Body><m:ExportItemsResponse><m:ResponseMessages>{messages}</m:ResponseMessages>\
         </m:ExportItemsResponse></s:Body></s:Envelope>"
    )
}

fn add_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, files);
        } else if path.extension().is_none_or(|ext| ext != "tsv") {
            files.push(path);
        }
    }
}
