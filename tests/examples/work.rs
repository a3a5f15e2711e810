//! One document in one way, for `scripts/check-linear`, which counts the instructions.
//!
//! ```text
//! work --list                          names of the documents
//! work DOCUMENT BYTES SCRATCH PIECE    decodes one of about so many bytes, in pieces of so many (0: at once)
//! ```

use exportitems::{Decoder, ExportItems, ItemId, Options, PayloadCheck};

const BEFORE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
    <m:ExportItemsResponse><m:ResponseMessages><m:ExportItemsResponseMessage ResponseClass=\"Error\">";
const AFTER: &str = "</m:ExportItemsResponseMessage></m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>";
/// An item of a batch.
const ITEM: &str = "<m:ResponseCode>NoError</m:ResponseCode><t:ItemId Id=\"AAMkAGI2\" ChangeKey=\"CQAAABYA\"/>\
    <m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==</m:Data></m:ExportItemsResponseMessage>\
    <m:ExportItemsResponseMessage ResponseClass=\"Success\">";

/// Name, what is before the part that repeats, that part, and what is after it.
const DOCUMENTS: [(&str, &str, &str, &str); 22] = [
    ("data", "<m:Data>", "QUJDREVG", "</m:Data>"),
    (
        "data-lines",
        "<m:Data>",
        "QUJDREVGQUJDREVGQUJDREVGQUJDREVG\r\n",
        "</m:Data>",
    ),
    ("data-one-a-line", "<m:Data>", "Q\n", "</m:Data>"),
    ("data-references", "<m:Data>", "&#81;UJD", "</m:Data>"),
    ("data-comments", "<m:Data>", "QUJD<!-- -->", "</m:Data>"),
    ("data-sections", "<m:Data>", "<![CDATA[QUJD]]>", "</m:Data>"),
    ("data-no-base64", "<m:Data>", "QUJD?", "</m:Data>"),
    (
        "text",
        "<m:MessageText>",
        "Access is denied. ",
        "</m:MessageText>",
    ),
    (
        "text-references",
        "<m:MessageText>",
        "&lt;&#8364;",
        "</m:MessageText>",
    ),
    (
        "text-characters",
        "<m:MessageText>",
        "\u{20ac}\u{1f600}",
        "</m:MessageText>",
    ),
    (
        "text-not-utf8",
        "<m:MessageText>",
        "\u{1}\u{fffe}",
        "</m:MessageText>",
    ),
    (
        "text-sections",
        "<m:MessageText>",
        "a<![CDATA[]]]]>",
        "</m:MessageText>",
    ),
    (
        "text-comments",
        "<m:MessageText>",
        "a<!-- - -->",
        "</m:MessageText>",
    ),
    ("code", "<m:ResponseCode>", "Error", "</m:ResponseCode>"),
    ("id", "<t:ItemId Id=\"", "AAMkAGI2", "\"/>"),
    ("unknown-attribute", "<x y=\"", "a&gt;", "\"/>"),
    ("unknown-elements", "", "<x y='z'><v/></x>", ""),
    ("unknown-text", "<x>", "text", "</x>"),
    (
        "values",
        "<m:MessageXml>",
        "<t:Value Name=\"BackOffMilliseconds\">5</t:Value>",
        "</m:MessageXml>",
    ),
    (
        "value",
        "<m:MessageXml><t:Value Name=\"a\">",
        "text",
        "</t:Value></m:MessageXml>",
    ),
    ("space", "", " \r\n\t", ""),
    ("items", "", ITEM, ""),
];

/// Decodes all of it and returns a number that depends on all events.
fn decode(document: &[u8], scratch: usize, piece: usize) -> usize {
    let mut decoder = Decoder::with_scratch(Options::new(), vec![0; scratch]).expect("scratch");
    let mut seen = 0;
    for mut input in document.chunks(if piece == 0 { document.len() } else { piece }) {
        while let Some(event) = decoder.next_event(&mut input).expect("a sound document") {
            seen += size_of_val(&event);
        }
    }
    while let Some(event) = decoder.finish().expect("a sound end") {
        seen += size_of_val(&event);
    }
    seen
}

/// Writes a request of `items` items, `piece` bytes at a time.
fn encode(items: usize, piece: usize) -> usize {
    let ids = vec![
        ItemId::new("AAMkAGI2&AAMkAGI2AAMkAGI2AAMkAGI2AAMkAGI2AAMkAGI2AAMkAGI2AAMkAGI2");
        items
    ];
    let mut encoder = ExportItems::new(&ids).encoder().expect("a request");
    let len = usize::try_from(encoder.encoded_len()).expect("a request in memory");
    let mut out = vec![0; if piece == 0 { len } else { piece }];
    let mut written = 0;
    while let n @ 1.. = encoder.write(&mut out) {
        written += n;
    }
    assert_eq!(written, len);
    written
}

/// Judges a payload of `atoms` properties, `piece` bytes at a time.
fn check(atoms: usize, piece: usize) -> bool {
    let atom = *b"\x02\x01\x09\x10\x05\0\0\0value";
    let stream = atom.repeat(atoms);
    let mut payload = b"\x01\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0".to_vec();
    payload.extend(
        u32::try_from(stream.len())
            .expect("a small payload")
            .to_le_bytes(),
    );
    payload.extend(stream);
    let mut check = PayloadCheck::new();
    for bytes in payload.chunks(if piece == 0 { payload.len() } else { piece }) {
        check.update(bytes);
    }
    check.reached_attachments()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["--list"] {
        for (name, ..) in DOCUMENTS {
            println!("{name}");
        }
        println!("request\npayload");
        return;
    }
    let [name, numbers @ ..] = &arguments[..] else {
        panic!("usage: work DOCUMENT BYTES SCRATCH PIECE");
    };
    let numbers: Vec<usize> = numbers
        .iter()
        .map(|number| number.parse().expect("a number"))
        .collect();
    let [bytes, scratch, piece] = numbers[..] else {
        panic!("usage: work DOCUMENT BYTES SCRATCH PIECE");
    };
    match &name[..] {
        "request" => println!("{}", encode(bytes / 100, piece)),
        "payload" => println!("{}", check(bytes / 13, piece)),
        _ => {
            let (_, before, unit, after) = DOCUMENTS
                .into_iter()
                .find(|(known, ..)| known == name)
                .expect("a document of the list");
            let document = [
                BEFORE,
                before,
                &unit.repeat(bytes / unit.len()),
                after,
                AFTER,
            ]
            .concat();
            println!("{}", decode(document.as_bytes(), scratch, piece));
        }
    }
}
