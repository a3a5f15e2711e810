//! Tests of the operations that list mailboxes.

mod common;
#[path = "../../../tests/src/data.rs"]
mod data;
mod schema;

use common::{between, export, post, start, XML};
use exportitems_emulator::{payload, Change, Emulator, ItemRange};
use schema::validate;

const MAILBOX: &str = r#"
    [[mailboxes]]
    address = "pat@example.test"

    [[mailboxes.folder]]
    path = "Inbox"
    items = 5
    associated = 2
    sizes = [300, 2000]

    [[mailboxes.folder]]
    path = "Projekte/2025\\/26"
    [[mailboxes.folder.item]]
    subject = "a < b & \u0001"
    class = "IPM.Task"
    received = "2025-02-03T04:05:06Z"

    [[mailboxes.folder]]
    path = "Kalender"
    distinguished = "calendar"
    items = 1

    [[mailboxes.folder]]
    path = "Unread"
    within = "searchfolders"
    search = true

    [[mailboxes.folder]]
    path = "2019"
    within = "archivemsgfolderroot"
    items = 1

    [[mailboxes]]
    address = "kim@example.test"
    [[mailboxes.folder]]
    path = "Inbox"
    items = 1

    [[mailboxes]]
    address = "sam@example.test"
    refuse = "ErrorAccessDenied"
"#;

fn envelope(header: &str, body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

/// Sends a request and returns the body of the response, which must be valid.
fn call(emulator: &Emulator, body: &str) -> String {
    let response = post(emulator, XML, &envelope("", body)).unwrap();
    assert_eq!(response.status, 200, "{}", response.text());
    let body = between(&response.text(), "<s:Body", "</s:Body>");
    // XML 1.0 allows no references to control characters, but Exchange writes them.
    validate(&body.replace("&#x1;", ""));
    body
}

fn distinguished(id: &str) -> String {
    format!(r#"<t:DistinguishedFolderId Id="{id}"/>"#)
}

fn find_folder(parent: &str, traversal: &str, offset: usize) -> String {
    format!(
        r#"<FindFolder Traversal="{traversal}"><FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURI FieldURI="folder:ParentFolderId"/><t:FieldURI FieldURI="folder:FolderClass"/><t:FieldURI FieldURI="folder:TotalCount"/><t:ExtendedFieldURI PropertyTag="0x0E08" PropertyType="Long"/></t:AdditionalProperties></FolderShape><IndexedPageFolderView MaxEntriesReturned="4" Offset="{offset}" BasePoint="Beginning"/><ParentFolderIds>{parent}</ParentFolderIds></FindFolder>"#
    )
}

fn sync(folder: &str, state: &str, most: usize, scope: &str) -> String {
    format!(
        r#"<SyncFolderItems><ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Size"/><t:FieldURI FieldURI="item:ItemClass"/><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="item:DateTimeReceived"/></t:AdditionalProperties></ItemShape><SyncFolderId>{folder}</SyncFolderId><SyncState>{state}</SyncState><MaxChangesReturned>{most}</MaxChangesReturned><SyncScope>{scope}</SyncScope></SyncFolderItems>"#
    )
}

fn find_item(folder: &str, more: &str) -> String {
    format!(
        r#"<FindItem Traversal="Shallow"><ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:DateTimeReceived"/><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/></t:AdditionalProperties></ItemShape>{more}<ParentFolderIds>{folder}</ParentFolderIds></FindItem>"#
    )
}

fn all<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    let parts = text.split(start).skip(1);
    parts.map(|part| part.split(end).next().unwrap()).collect()
}

fn ids(text: &str) -> Vec<&str> {
    all(text, "<t:ItemId Id=\"", "\"")
}

#[test]
fn folders_are_listed_in_pages_below_any_folder() {
    let emulator = start(MAILBOX);
    let root = distinguished("msgfolderroot");
    let mut names = Vec::new();
    loop {
        let page = call(&emulator, &find_folder(&root, "Deep", names.len()));
        let found = all(&page, "<t:DisplayName>", "<");
        let next = between(&page, "IndexedPagingOffset=\"", "\"");
        names.extend(found.iter().map(|&name| name.to_owned()));
        assert_eq!(next, names.len().to_string());
        if page.contains("IncludesLastItemInRange=\"true\"") {
            break;
        }
    }
    assert!(names.contains(&"2025/26".to_owned()), "{names:?}");
    assert!(names.contains(&"Kalender".to_owned()) && !names.contains(&"Calendar".to_owned()));
    assert!(!names.contains(&"Unread".to_owned()) && !names.contains(&"2019".to_owned()));

    let shallow = call(&emulator, &find_folder(&root, "Shallow", 8));
    assert!(shallow.contains(">Projekte<") && !shallow.contains("2025"));
    let inbox = call(&emulator, &find_folder(&root, "Deep", 0));
    let size = 3 * 300 + 2 * 2000 + 300 + 2000;
    assert!(inbox.contains("<t:TotalCount>5</t:TotalCount>"));
    assert!(
        inbox.contains(&format!("<t:Value>{size}</t:Value>")),
        "{inbox}"
    );
    let archive = distinguished("archivemsgfolderroot");
    assert!(call(&emulator, &find_folder(&archive, "Deep", 0)).contains(">2019<"));
    let searches = distinguished("searchfolders");
    assert!(call(&emulator, &find_folder(&searches, "Deep", 0)).contains("<t:SearchFolder>"));
}

#[test]
fn a_sync_gives_all_items_and_then_only_changes() {
    let emulator = start(MAILBOX);
    let inbox = distinguished("inbox");
    let mut state = String::new();
    let mut seen = Vec::new();
    for (expected, is_last) in [(2, "false"), (2, "false"), (1, "true"), (0, "true")] {
        let answer = call(&emulator, &sync(&inbox, &state, 2, "NormalItems"));
        assert_eq!(all(&answer, "<t:Create>", "</t:Create>").len(), expected);
        assert_eq!(between(&answer, "InRange>", "<"), is_last);
        seen.extend(ids(&answer).iter().map(|&id| id.to_owned()));
        state = between(&answer, "<m:SyncState>", "<");
    }
    let entries = emulator.items("pat@example.test");
    let normal = entries
        .iter()
        .filter(|it| it.folder == "Inbox" && !it.properties.associated);
    assert!(seen.iter().eq(normal.map(|it| &it.id)));
    let with_associated = call(
        &emulator,
        &sync(&inbox, "", 512, "NormalAndAssociatedItems"),
    );
    assert_eq!(ids(&with_associated).len(), 7);

    let range = |item| ItemRange {
        folder: "Inbox".to_owned(),
        item,
        items: 1,
    };
    let change = |change| assert!(emulator.change("PAT@example.test", &change));
    change(Change::Update(range(0)));
    change(Change::Read(range(1)));
    change(Change::Move {
        range: range(2),
        to: "Sent Items".to_owned(),
    });
    change(Change::Create {
        folder: "inbox".to_owned(),
        items: 1,
        size: 999,
    });
    change(Change::Delete(range(3)));
    let answer = call(&emulator, &sync(&inbox, &state, 512, "NormalItems"));
    let kinds = ["Update", "ReadFlagChange", "Create"];
    for kind in kinds {
        assert_eq!(
            answer.matches(&format!("<t:{kind}>")).count(),
            1,
            "{kind}: {answer}"
        );
    }
    assert_eq!(all(&answer, "<t:Delete>", "</t:Delete>").len(), 2);
    let sent = call(
        &emulator,
        &sync(&distinguished("sentitems"), "", 512, "NormalItems"),
    );
    let moved = ids(&sent)[0];
    assert!(
        !seen.contains(&moved.to_owned()),
        "a moved item gets another id"
    );

    // The items that can be exported are those that exist, with their current contents.
    let export = export(&emulator, &[&seen[0], &seen[2], moved]);
    assert_eq!(export.codes(), ["NoError", "ErrorItemNotFound", "NoError"]);
    let entries = emulator.items("pat@example.test");
    for (message, id) in [(0, seen[0].as_str()), (2, moved)] {
        let entry = entries.iter().find(|entry| entry.id == id).unwrap();
        let message = &export.messages()[message];
        assert!(common::data(message) == payload(entry.seed, entry.properties.size).unwrap());
        assert_eq!(between(message, "ChangeKey=\"", "\""), entry.change_key);
    }
    assert_ne!(entries.iter().find(|it| it.id == seen[0]).unwrap().seed, 1);
}

#[test]
fn a_state_of_another_folder_or_time_is_refused() {
    let emulator = start(MAILBOX);
    let inbox = call(
        &emulator,
        &sync(&distinguished("inbox"), "", 512, "NormalItems"),
    );
    let state = between(&inbox, "<m:SyncState>", "<");
    for (folder, state) in [
        ("sentitems", state.as_str()),
        ("inbox", "AAAA"),
        ("inbox", "no"),
    ] {
        let answer = call(
            &emulator,
            &sync(&distinguished(folder), state, 512, "NormalItems"),
        );
        assert!(
            answer.contains("<m:ResponseCode>ErrorInvalidSyncStateData<"),
            "{answer}"
        );
    }
    let range = ItemRange {
        folder: "inbox".to_owned(),
        item: 0,
        items: 1,
    };
    emulator.change("pat@example.test", &Change::Update(range));
    let later = call(
        &emulator,
        &sync(&distinguished("inbox"), &state, 512, "NormalItems"),
    );
    let later = between(&later, "<m:SyncState>", "<");
    let answer = call(
        &start(MAILBOX),
        &sync(&distinguished("inbox"), &later, 512, "NormalItems"),
    );
    assert!(answer.contains("ErrorInvalidSyncStateData"), "{answer}");
}

#[test]
fn a_search_is_restricted_sorted_and_paged() {
    let emulator = start(MAILBOX);
    let inbox = distinguished("inbox");
    let everything = call(&emulator, &find_item(&inbox, ""));
    let dates = |text: &str| -> Vec<String> {
        let dates = all(text, "<t:DateTimeReceived>", "<");
        dates.iter().map(|&date| date.to_owned()).collect()
    };
    let newest_first = dates(&everything);
    assert_eq!(newest_first.len(), 5);
    assert!(newest_first.is_sorted_by(|a, b| a > b));
    let oldest = newest_first.last().unwrap();
    let order = r#"<SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></SortOrder>"#;
    let view = r#"<IndexedPageItemView MaxEntriesReturned="2" Offset="1" BasePoint="Beginning"/>"#;
    let since = format!(
        r#"<Restriction><t:And><t:IsGreaterThan><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURIOrConstant><t:Constant Value="{oldest}"/></t:FieldURIOrConstant></t:IsGreaterThan><t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:ItemClass"/><t:Constant Value="ipm.note"/></t:Contains></t:And></Restriction>"#
    );
    let page = call(
        &emulator,
        &find_item(&inbox, &[view, &since, order].concat()),
    );
    assert!(
        dates(&page).iter().eq(newest_first[1..3].iter().rev()),
        "{page}"
    );
    assert!(
        page.contains(r#"IndexedPagingOffset="3" TotalItemsInView="4""#),
        "{page}"
    );

    let key = between(&everything, "<t:Value>", "<");
    let by_key = format!(
        r#"<Restriction><t:IsEqualTo><t:ExtendedFieldURI PropertyTag="0x300B" PropertyType="Binary"/><t:FieldURIOrConstant><t:Constant Value="{key}"/></t:FieldURIOrConstant></t:IsEqualTo></Restriction>"#
    );
    let found = call(&emulator, &find_item(&inbox, &by_key));
    assert_eq!(ids(&found), [ids(&everything)[0]]);
    let unknown = by_key.replace("0x300B", "0x1234");
    assert!(call(&emulator, &find_item(&inbox, &unknown)).contains("ErrorUnsupportedPathForQuery"));
    let associated = find_item(&inbox, "").replace("Shallow", "Associated");
    assert_eq!(ids(&call(&emulator, &associated)).len(), 2);
}

#[test]
fn other_mailboxes_are_reached_by_address_and_by_impersonation() {
    let emulator = start(MAILBOX);
    let of = |address: &str| {
        format!(
            r#"<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#
        )
    };
    let kim = emulator.items("kim@example.test");
    let list = call(
        &emulator,
        &sync(&of("KIM@example.test"), "", 512, "NormalItems"),
    );
    assert_eq!(ids(&list), [kim[0].id.as_str()]);
    let refused = call(
        &emulator,
        &sync(&of("sam@example.test"), "", 512, "NormalItems"),
    );
    assert!(refused.contains("ErrorAccessDenied"));
    let unknown = call(
        &emulator,
        &sync(&of("who@example.test"), "", 512, "NormalItems"),
    );
    assert!(unknown.contains("ErrorNonExistentMailbox"));

    let header = |address: &str| {
        format!("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{address}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>")
    };
    let body = sync(&distinguished("inbox"), "", 512, "NormalItems");
    let request = envelope(&header("kim@example.test"), &body);
    assert_eq!(
        ids(&post(&emulator, XML, &request).unwrap().text()),
        ids(&list)
    );
    let request = envelope(&header("who@example.test"), &body);
    let fault = post(&emulator, XML, &request).unwrap();
    assert_eq!(fault.status, 500);
    assert!(fault.text().contains("ErrorNonExistentMailbox"));
    assert_eq!(export(&emulator, &[&kim[0].id]).codes(), ["NoError"]);
}

#[test]
fn changes_come_after_the_requests_that_the_scenario_names() {
    let emulator = start(&format!(
        r#"{MAILBOX}
        [[change]]
        after = 1
        change = {{ move = {{ from = {{ folder = "Inbox", items = 2 }}, to = "Projekte" }} }}
        [[change]]
        after = 2
        change = {{ delete-folder = {{ folder = "Projekte" }} }}"#
    ));
    let body = sync(&distinguished("inbox"), "", 512, "NormalItems");
    assert_eq!(ids(&call(&emulator, &body)).len(), 5);
    assert_eq!(ids(&call(&emulator, &body)).len(), 3);
    let entries = emulator.items("pat@example.test");
    assert!(entries
        .iter()
        .all(|entry| !entry.folder.starts_with("Projekte")));
}

#[test]
fn the_hierarchy_is_synced() {
    let emulator = start(MAILBOX);
    let request = |state: &str| {
        format!(
            "<SyncFolderHierarchy><FolderShape><t:BaseShape>Default</t:BaseShape></FolderShape><SyncFolderId>{}</SyncFolderId><SyncState>{state}</SyncState></SyncFolderHierarchy>",
            distinguished("msgfolderroot")
        )
    };
    let first = call(&emulator, &request(""));
    assert!(first.matches("<t:Create>").count() > 10);
    let state = between(&first, "<m:SyncState>", "<");
    let rename = Change::RenameFolder {
        folder: "Kalender".to_owned(),
        name: "Termine".to_owned(),
    };
    emulator.change("pat@example.test", &rename);
    let delete = Change::DeleteFolder {
        folder: "Projekte".to_owned(),
    };
    emulator.change("pat@example.test", &delete);
    let second = call(&emulator, &request(&state));
    let counts =
        ["Create", "Update", "Delete"].map(|kind| second.matches(&format!("<t:{kind}>")).count());
    assert_eq!(counts, [0, 1, 2], "{second}");
    assert!(second.contains(">Termine<"));
}

#[test]
fn lists_fail_as_the_scenario_says() {
    let fault = |operation: &str, fault: &str| {
        start(&format!(
            "{MAILBOX}\n[[request]]\noperation = \"{operation}\"\nanswer = {{ listing = {fault} }}"
        ))
    };
    let inbox = distinguished("inbox");
    let view = r#"<IndexedPageItemView MaxEntriesReturned="2" Offset="2" BasePoint="Beginning"/>"#;
    let find = find_item(&inbox, view);
    for (name, expected, items) in [
        (
            "\"no-offset\"",
            "<m:RootFolder TotalItemsInView=\"5\" IncludesLastItemInRange=\"false\">",
            2,
        ),
        (
            "\"zero-offset\"",
            "IndexedPagingOffset=\"0\" TotalItemsInView=\"5\" IncludesLastItemInRange=\"false\"",
            0,
        ),
        (
            "\"same-offset\"",
            "IndexedPagingOffset=\"2\" TotalItemsInView=\"5\" IncludesLastItemInRange=\"false\"",
            2,
        ),
        ("\"repeat-entry\"", "IndexedPagingOffset=\"4\"", 3),
        ("\"numeric-booleans\"", "IncludesLastItemInRange=\"0\"", 2),
        (
            "{ error = { code = \"ErrorServerBusy\", back-off-ms = 7 } }",
            "BackOffMilliseconds\">7<",
            0,
        ),
    ] {
        let emulator = fault("FindItem", name);
        // The rule is only for the other operation.
        let synced = call(&emulator, &sync(&inbox, "", 2, "NormalItems"));
        assert_eq!(ids(&synced).len(), 2, "{name}");
        let answer = call(&emulator, &find);
        assert!(answer.contains(expected), "{name}: {answer}");
        assert_eq!(ids(&answer).len(), items, "{name}");
        assert!(call(&emulator, &find).contains("IndexedPagingOffset=\"4\""));
    }
    let emulator = fault("SyncFolderItems", "\"same-state\"");
    let answer = call(&emulator, &sync(&inbox, "abc", 2, "NormalItems"));
    assert!(
        !answer.contains("abc"),
        "the state is checked first: {answer}"
    );
    let log = emulator.requests();
    assert_eq!(log[0].operation(), Some("SyncFolderItems"));
    let state = log[0].call.as_ref().unwrap().body.text_of("SyncState");
    assert_eq!(state, Some("abc"));
}

#[test]
fn a_user_has_a_budget_and_a_number_of_connections() {
    let emulator = start(&format!(
        "{MAILBOX}\n[throttling]\nburst = 2\nrecharge-ms = 60000"
    ));
    let body = envelope("", &sync(&distinguished("inbox"), "", 2, "NormalItems"));
    let as_user = |user: &str| {
        let headers = format!("{XML}Authorization: Basic {user}\r\n");
        post(&emulator, &headers, &body).unwrap()
    };
    assert_eq!([as_user("a").status, as_user("a").status], [200, 200]);
    let busy = as_user("a");
    let wait: u64 = between(&busy.text(), "BackOffMilliseconds\">", "<")
        .parse()
        .unwrap();
    assert!(busy.text().contains("ErrorServerBusy") && (50_000..=60_001).contains(&wait));
    assert_eq!(as_user("b").status, 200);
    assert_eq!(as_user("a").status, 500);
    let early: Vec<bool> = emulator
        .requests()
        .iter()
        .map(|seen| seen.too_early)
        .collect();
    assert_eq!(early, [false, false, false, false, true]);
}

#[test]
fn a_user_has_a_limited_number_of_connections() {
    let emulator = start(&format!(
        "bytes-per-second = 4000\n{MAILBOX}\n[throttling]\nconnections = 1"
    ));
    let body = envelope("", &find_folder(&distinguished("msgfolderroot"), "Deep", 0));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| post(&emulator, XML, &body).unwrap());
        while emulator.requests().is_empty() {
            std::thread::yield_now();
        }
        let second = post(&emulator, XML, &body).unwrap();
        assert!(second.text().contains("ErrorExceededConnectionCount"));
        assert_eq!(first.join().unwrap().status, 200);
    });
    assert_eq!(post(&emulator, XML, &body).unwrap().status, 200);
}
