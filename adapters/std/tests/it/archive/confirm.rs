//! Which items a response confirms, and which version of an item is kept.

use std::fs;

use exportitems::{Decoder, ItemId, Options};
use exportitems_std::archive::{ItemState, Status};
use exportitems_std::Archive;

use super::{archive, feed, files, fill, settle, states, ITEMS};
use crate::server::{answer, answer_of, message};

/// What was published, in its order: index, error, suspect.
fn published(archive: &mut Archive) -> Vec<(u32, Option<String>, bool)> {
    let entries = settle(archive).into_iter();
    entries
        .map(|entry| (entry.index, entry.error, entry.suspect))
        .collect()
}

#[test]
fn what_precedes_a_truncation_is_suspect() {
    let (_dir, mut archive) = archive();
    let response = answer(2) + "=== Truncated Data ===";
    // A payload that was not looked at may be anything.
    let options = Options::new()
        .items(2)
        .integrity(exportitems::IntegrityPolicy::Off);
    let mut decoder = Decoder::<[u8; 512]>::new(options);
    let mut sink = archive.sink(&ITEMS[..2]);
    let _ = decoder.feed(&mut response.as_bytes(), &mut sink);
    let _ = decoder.finish_into(&mut sink);
    assert_eq!(
        published(&mut archive),
        [(1, Some("truncated".to_owned()), false), (0, None, true)]
    );
    assert!(!archive.is_done("first"));
}

#[test]
fn a_response_without_its_request_is_named_by_position() {
    let (dir, mut archive) = archive();
    feed(archive.sink_by_index(), &answer(2), 2);
    settle(&mut archive);
    let names = files(&dir.path().join("items"));
    let names: Vec<_> = names.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["00000000.fts", "00000001.fts"]);
    assert_eq!(states(dir.path()), ["Intact", "Intact"]);
}

/// Items whose answered id is another one are final only at the end, whenever the process is killed.
#[test]
fn a_kill_before_the_end_leaves_an_unconfirmed_item_due() {
    for (answered, is_due) in [("answered0", true), ("first", false)] {
        let (dir, archive) = archive();
        let response = answer_of([message(answered), message("second")]);
        let options = Options::new().items(2);
        let mut decoder = Decoder::<[u8; 512]>::new(options);
        let mut sink = archive.sink(&ITEMS[..2]);
        let end = response.rfind("<m:Data>").unwrap();
        decoder
            .feed(&mut &response.as_bytes()[..end], &mut sink)
            .unwrap();
        drop(sink);
        drop(archive);
        let mut archive = Archive::open(dir.path()).unwrap();
        assert_eq!(archive.is_done("first"), !is_due);
        let expected = if is_due {
            ItemState::Suspect
        } else {
            ItemState::Done
        };
        assert_eq!(archive.state(&ITEMS[0]), expected);
        assert_eq!(states(dir.path())[0], "Intact", "its bytes are kept");
        fill(&mut archive, 1);
        assert!(archive.is_done("first"));
    }
}

/// The count is wrong: only those that are answered by their own id are confirmed.
#[test]
fn a_response_with_another_number_of_messages_confirms_by_id_only() {
    let (dir, mut archive) = archive();
    let messages = ["unknown", "second", "other", "extra"].map(message);
    feed(archive.sink(&ITEMS), &answer_of(messages), 3);
    let published = published(&mut archive);
    assert_eq!(
        published,
        [(0, None, true), (1, None, false), (2, None, true)]
    );
    let expected = [ItemState::Suspect, ItemState::Done, ItemState::Suspect];
    assert_eq!(ITEMS.map(|item| archive.state(&item)), expected);
    assert_eq!(states(dir.path()), ["Intact"; 3]);
}

#[test]
fn an_id_of_another_item_or_of_two_is_not_believed() {
    let (_dir, mut archive) = archive();
    feed(
        archive.sink(&ITEMS),
        &answer_of(["second", "first", "third"].map(message)),
        3,
    );
    let contradiction = Some("contradiction".to_owned());
    assert_eq!(
        published(&mut archive),
        [
            (0, contradiction.clone(), false),
            (1, contradiction, false),
            (2, None, false)
        ]
    );
    let messages = ["same", "same", "third"].map(message);
    let (_dir, mut archive) = self::archive();
    feed(archive.sink(&ITEMS), &answer_of(messages), 3);
    assert_eq!(
        published(&mut archive),
        [(0, None, true), (1, None, true), (2, None, false)]
    );
}

/// 26: nothing that is not proven whole is final in a response that did not end well.
#[test]
fn a_cut_confirms_only_what_is_whole() {
    for (integrity, is_suspect) in [
        (exportitems::IntegrityPolicy::Off, true),
        (exportitems::IntegrityPolicy::Accept, false),
    ] {
        let (_dir, mut archive) = archive();
        let response = answer_of(["first", "second"].map(message));
        let cut = response.rfind("<m:Data>").unwrap();
        let options = Options::new().items(2).integrity(integrity);
        let mut decoder = Decoder::<[u8; 512]>::new(options);
        let mut sink = archive.sink(&ITEMS[..2]);
        let _ = decoder.feed(&mut &response.as_bytes()[..cut], &mut sink);
        let _ = decoder.finish_into(&mut sink);
        assert_eq!(
            published(&mut archive),
            [(1, Some("cut".to_owned()), false), (0, None, is_suspect)]
        );
        assert_eq!(archive.is_done("first"), !is_suspect);
    }
}

/// A request for a newer version that fails leaves the version that the archive holds.
#[test]
fn a_version_that_is_whole_is_kept_until_there_is_a_better_one() {
    let (dir, mut archive) = archive();
    fill(&mut archive, 1);
    let newer = [ItemId {
        change_key: Some("newer"),
        ..ITEMS[0]
    }];
    let same = ItemId {
        change_key: Some("key"),
        ..ITEMS[0]
    };
    assert_eq!(archive.state(&same), ItemState::Done);
    assert_eq!(archive.state(&newer[0]), ItemState::Changed);
    let file = files(&dir.path().join("items"))[0].clone();
    let old = fs::read(&file).unwrap();

    // Cut, and answered by one message too many.
    feed(archive.sink(&newer), "", 1);
    let twice = answer_of(["x", "y"].map(message)).replace("AAEAAAA=", "AAIAAAA=");
    feed(archive.sink(&newer), &twice, 1);
    let reported = settle(&mut archive);
    assert!(reported.iter().all(|entry| entry.status == Status::Failed));
    assert_eq!(archive.state(&newer[0]), ItemState::Changed);
    assert!(archive.is_done("first"));
    assert_eq!(fs::read(&file).unwrap(), old);
    assert_eq!(states(dir.path()), ["Intact"]);

    // Confirmed, before the end and at it. Each version has a file of its own.
    let mut versions = vec![file.clone()];
    for (id, byte) in [("first", "AAIAAAA="), ("x", "AAMAAAA=")] {
        let response = answer_of([message(id)]).replace("AAEAAAA=", byte);
        feed(archive.sink(&newer), &response, 1);
        let entry = settle(&mut archive).remove(0);
        assert_eq!(
            archive.state(&newer[0]),
            ItemState::Done,
            "as it was listed"
        );
        versions.push(dir.path().join(entry.file.unwrap()));
        assert_eq!(fs::read(&file).unwrap(), old);
        assert_eq!(states(dir.path()), vec!["Intact"; versions.len()]);
    }
    versions.sort();
    versions.dedup();
    assert_eq!(files(&dir.path().join("items")), versions);
    assert_eq!(versions.len(), 3);
    drop(archive);
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.state(&newer[0]), ItemState::Done);
}

/// A suspect item keeps its bytes, even if later requests for it fail.
#[test]
fn a_suspect_is_kept_until_it_is_confirmed() {
    let (dir, mut archive) = archive();
    feed(
        archive.sink(&ITEMS[..1]),
        &answer_of(["x", "y"].map(message)),
        1,
    );
    settle(&mut archive);
    feed(archive.sink(&ITEMS[..1]), "", 1);
    let entry = settle(&mut archive).remove(0);
    assert_eq!(
        (entry.status, entry.suspect, entry.error.as_deref()),
        (Status::Ok, true, Some("not-answered"))
    );
    assert_eq!(archive.state(&ITEMS[0]), ItemState::Suspect);
    assert_eq!(states(dir.path()), ["Intact"]);
    fill(&mut archive, 1);
    assert!(archive.is_done("first"));
}

#[test]
fn messages_that_were_not_requested_leave_no_line() {
    let (dir, mut archive) = archive();
    let messages = (0..5000).map(|index| message(&format!("id{index}")));
    let messages = [message("first")].into_iter().chain(messages);
    let mut sink = archive.sink(&ITEMS[..1]);
    feed(&mut sink, &answer_of(messages), 1);
    assert_eq!(sink.unrequested(), 5000);
    assert_eq!(settle(&mut archive).len(), 1);
    assert!(archive.is_done("first"));
    let manifest = fs::read_to_string(dir.path().join("manifest.jsonl")).unwrap();
    assert_eq!(manifest.lines().count(), 2, "the header and the item");
    assert_eq!(files(&dir.path().join("items")).len(), 1);
}
