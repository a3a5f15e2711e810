//! The tags that Exchange writes are compared with constants where a piece of input holds them as a whole, and lexed in any
//! other case. A response with one change at any byte has the same events in one piece and in single bytes.

use exportitems::{Decoder, Event, Options};

const RESPONSE: &str = concat!(
    "<s:Envelope><s:Body><m:ExportItemsResponse><m:ResponseMessages>",
    r#"<m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>"#,
    r#"<m:ItemId Id="AAMk=" ChangeKey="CQ=="/><m:Data>AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA=</m:Data>"#,
    "</m:ExportItemsResponseMessage>",
    r#"<m:ExportItemsResponseMessage ResponseClass="Error"><m:MessageText>not &quot;found&quot;</m:MessageText>"#,
    "<m:ResponseCode>ErrorItemNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
    r#"<m:MessageXml><t:Value Name="Inner">a&lt;b</t:Value></m:MessageXml></m:ExportItemsResponseMessage>"#,
    "</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>",
);

/// The events of a response in pieces of `step` bytes; pieces of texts and data are joined.
fn events(document: &[u8], step: usize) -> Vec<String> {
    let mut decoder = Decoder::<[u8; 512]>::new(Options::new().items(3));
    let mut events: Vec<String> = Vec::new();
    let mut note = |event: Event<'_>| match event {
        Event::MessageText(text) => join(&mut events, "text ", text),
        Event::MessageXml { name, text, .. } => join(&mut events, &format!("xml {name} "), text),
        Event::Data(bytes) => join(&mut events, "data ", &format!("{bytes:?}")),
        event => events.push(format!("{event:?}")),
    };
    let mut error = None;
    for mut piece in document.chunks(step) {
        while error.is_none() && !piece.is_empty() {
            match decoder.next_event(&mut piece) {
                Ok(Some(event)) => note(event),
                Ok(None) => {}
                Err(it) => error = Some(it),
            }
        }
    }
    while error.is_none() {
        match decoder.finish() {
            Ok(Some(event)) => note(event),
            Ok(None) => break,
            Err(it) => error = Some(it),
        }
    }
    events.push(format!("{error:?}"));
    events
}

fn join(events: &mut Vec<String>, kind: &str, text: &str) {
    match events.last_mut().filter(|last| last.starts_with(kind)) {
        Some(last) => last.push_str(&text.replace("][", ", ")),
        None => events.push(format!("{kind}{text}")),
    }
}

fn check(document: &[u8]) {
    let [whole, single] = [document.len().max(1), 1].map(|step| {
        let events = events(document, step);
        events.join("\n").replace("][", ", ")
    });
    assert_eq!(whole, single, "{}", String::from_utf8_lossy(document));
}

#[test]
fn one_change_at_any_byte_makes_no_difference_between_splits() {
    let response = RESPONSE.as_bytes();
    check(response);
    assert!(events(response, response.len())
        .concat()
        .contains("NoError"));
    for at in 0..response.len() {
        for byte in [b'<', b'>', b'&', b'"', b'/', b'=', b' ', b'x', 0xFF] {
            let mut changed = response.to_vec();
            changed[at] = byte;
            check(&changed);
            changed = response.to_vec();
            changed.insert(at, byte);
            check(&changed);
        }
        let mut changed = response.to_vec();
        changed.remove(at);
        check(&changed);
        check(&response[..at]);
    }
}

#[test]
fn insertions_of_markup_make_no_difference_between_splits() {
    for inserted in [
        "&amp;",
        "&lt;",
        "&gt;",
        "&apos;",
        "&#65;",
        "&x;",
        "<!---->",
        "<![CDATA[a]]>",
        "<?a b?>",
        "<a/>",
        "<a>b</a>",
        "===",
        "=== Truncated Data ===",
        "<m:Data>",
        "</m:Data>",
        "<m:ItemId/>",
        r#"<m:ItemId Id="a" ChangeKey="b"/>"#,
        "<m:ResponseCode>a b</m:ResponseCode>",
        "<m:MessageXml/>",
        "\r\n  ",
    ] {
        for at in 0..=RESPONSE.len() {
            let (before, after) = RESPONSE.split_at(at);
            check([before, inserted, after].concat().as_bytes());
        }
    }
}
