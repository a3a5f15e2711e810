use super::*;

fn answer(operation: &str, message: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><h:ServerVersionInfo MajorVersion="15" xmlns:h="t"/><x:New xmlns:x="x">&#228;</x:New></s:Header><s:Body><m:{operation}Response xmlns:m="m" xmlns:t="t"><m:ResponseMessages>{message}</m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"#
    )
}

const FOUND: &str = r#"<m:FindItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder IndexedPagingOffset="2" TotalItemsInView="7" IncludesLastItemInRange="0"><t:Items><t:Person><t:New><t:ItemId Id="no"/></t:New><t:ItemId Id="a&amp;b" ChangeKey="K"/><t:Subject>R&amp;D &lt;&#x1;&#xe4;<![CDATA[&]]></t:Subject><t:ItemClass>IPM.Future</t:ItemClass><t:Size>12</t:Size><t:DateTimeReceived>2026-01-02T03:04:05Z</t:DateTimeReceived><t:IsAssociated>true</t:IsAssociated></t:Person><Message><ItemId Id="c"/></Message><t:Message/></t:Items></m:RootFolder></m:FindItemResponseMessage>"#;

const SYNCED: &str = r#"<m:SyncFolderItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:SyncState>H4s=
</m:SyncState><m:IncludesLastItemInRange> true </m:IncludesLastItemInRange><m:Changes><t:Create><t:Message><t:ItemId Id="a" ChangeKey="1"/></t:Message></t:Create><t:Update><t:Task><t:ItemId Id="b" ChangeKey="2"/></t:Task></t:Update><t:Delete><t:ItemId Id="c" ChangeKey="3"/></t:Delete><t:ReadFlagChange><t:ItemId Id="d" ChangeKey="4"/><t:IsRead>true</t:IsRead></t:ReadFlagChange></m:Changes></m:SyncFolderItemsResponseMessage>"#;

const FOLDERS: &str = r#"<m:FindFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Folders><t:SearchFolder><t:FolderId Id="f"/><t:ParentFolderId Id="p"/><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>A/B</t:DisplayName><t:TotalCount>5</t:TotalCount><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0xe08" PropertyType="Long"/><t:Value>99</t:Value></t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x3617" PropertyType="Integer"/><t:Value>3</t:Value></t:ExtendedProperty></t:SearchFolder></t:Folders></m:RootFolder></m:FindFolderResponseMessage>"#;

const REFUSED: &str = r#"<m:FindFolderResponseMessage ResponseClass="Error"><m:MessageText>Busy.</m:MessageText><m:ResponseCode>ErrorInternalServerError</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">700</t:Value></m:MessageXml></m:FindFolderResponseMessage><m:FindFolderResponseMessage ResponseClass="Warning"><m:ResponseCode>ErrorOfTomorrow</m:ResponseCode></m:FindFolderResponseMessage>"#;

const FAULT: &str = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="t">a:ErrorServerBusy</faultcode><faultstring xml:lang="en-US">Later.</faultstring><detail><e:ResponseCode xmlns:e="e">ErrorServerBusy</e:ResponseCode><e:Message xmlns:e="e">Later.</e:Message><t:MessageXml xmlns:t="t"><t:Value Name="BackOffMilliseconds">297749</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"#;

fn answers() -> Vec<(&'static str, String)> {
    vec![
        ("FindItem", answer("FindItem", FOUND)),
        ("SyncFolderItems", answer("SyncFolderItems", SYNCED)),
        ("FindFolder", answer("FindFolder", FOLDERS)),
        ("FindFolder", answer("FindFolder", REFUSED)),
        ("FindItem", FAULT.to_owned()),
    ]
}

#[test]
fn items_of_unknown_classes_keep_their_properties() {
    let read = read("FindItem", answers()[0].1.as_bytes()).unwrap();
    let [message] = read.messages.as_slice() else {
        panic!("{read:?}");
    };
    assert!(message.is_success);
    let page = Page {
        next: Some(2),
        total: Some(7),
        is_last: Some(false),
    };
    assert_eq!(message.page, Some(page));
    assert_eq!(message.without_id, 1);
    let expected = Entry {
        kind: Kind::Listed,
        element: "Person".to_owned(),
        id: "a&b".to_owned(),
        change_key: Some("K".to_owned()),
        class: Some("IPM.Future".to_owned()),
        name: Some("R&D <\u{FFFD}ä&".to_owned()),
        received: Some("2026-01-02T03:04:05Z".to_owned()),
        size: Some(12),
        associated: Some(true),
        ..Entry::default()
    };
    assert_eq!(message.entries[0], expected);
    assert_eq!(message.entries[1].id, "c");
    assert_eq!(message.entries.len(), 2);
}

#[test]
fn changes_keep_their_kind() {
    let read = read("SyncFolderItems", answers()[1].1.as_bytes()).unwrap();
    let message = &read.messages[0];
    assert_eq!(message.sync_state.as_deref(), Some("H4s="));
    assert_eq!(message.is_last, Some(true));
    let kinds = [
        (Kind::Create, "a"),
        (Kind::Update, "b"),
        (Kind::Delete, "c"),
        (Kind::ReadFlagChange, "d"),
    ];
    let entries = message.entries.iter();
    assert!(
        entries.map(|it| (it.kind, it.id.as_str())).eq(kinds),
        "{message:?}"
    );
}

#[test]
fn folders_have_counts_and_sizes() {
    let read = read("FindFolder", answers()[2].1.as_bytes()).unwrap();
    let expected = Entry {
        kind: Kind::Listed,
        element: "SearchFolder".to_owned(),
        id: "f".to_owned(),
        parent_id: Some("p".to_owned()),
        class: Some("IPF.Note".to_owned()),
        name: Some("A/B".to_owned()),
        size: Some(99),
        total: Some(5),
        associated_total: Some(3),
        ..Entry::default()
    };
    assert_eq!(read.messages[0].entries, [expected]);
}

#[test]
fn refusals_and_faults_keep_unknown_codes() {
    let refusals = read("FindFolder", answers()[3].1.as_bytes())
        .unwrap()
        .messages;
    assert_eq!(refusals[0].result.back_off_ms, Some(700));
    assert_eq!(
        refusals[0].result.inner_code.as_deref(),
        Some("ErrorServerBusy")
    );
    assert!(refusals[0].result.is_transient() && !refusals[0].is_success);
    assert_eq!(refusals[1].result.to_string(), "ErrorOfTomorrow");
    let fault = read("FindItem", FAULT.as_bytes()).unwrap().fault.unwrap();
    assert_eq!(fault.to_string(), "ErrorServerBusy (Later.)");
    assert_eq!(fault.advice().back_off_ms, 297_749);
}

#[test]
fn an_answer_that_is_cut_anywhere_is_refused() {
    for (operation, text) in answers() {
        assert!(read(operation, text.as_bytes()).is_ok());
        for len in 0..text.len() {
            let cut = read(operation, &text.as_bytes()[..len]);
            assert!(cut.is_err(), "{operation} of {len} bytes: {cut:?}");
        }
    }
}

#[test]
fn other_documents_are_refused() {
    for text in [
        "<html><body>Sign in</body></html>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><s:Envelope>&a;</s:Envelope>",
        "not XML",
        "<a></b>",
        "<s:Envelope xmlns:s='s'><s:Body><m:GetItemResponse/></s:Body></s:Envelope>",
        "<s:Envelope xmlns:s='s'><s:Body>&nbsp;</s:Body></s:Envelope>",
        "\u{FEFF}",
        "",
    ] {
        assert!(read("FindItem", text.as_bytes()).is_err(), "{text}");
    }
    let deep = "<a>".repeat(100_000);
    assert!(matches!(
        read("FindItem", deep.as_bytes()),
        Err(ReadError::Malformed { .. })
    ));
    assert_eq!(read("FindItem", b"<a>\xFF</a>"), Err(ReadError::NotUtf8));
}
