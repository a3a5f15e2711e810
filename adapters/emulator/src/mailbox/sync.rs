//! `SyncFolderItems` and `SyncFolderHierarchy`.
//!
//! A state is the time up to which the client knows the folder, as a sequence number of the mailbox.

use core::fmt::Write as _;

use base64::prelude::{Engine as _, BASE64_STANDARD};

use super::answer::{Content, Target};
use super::element::Element;
use super::find::{below, boolean};
use super::properties::{folder, folder_id, item, own_id, Shape};
use super::StoredItem;
use crate::id;
use crate::scenario::ListingFault;

/// The largest `MaxChangesReturned` (`MaxSyncChangesReturnedType`).
const MOST_CHANGES: usize = 512;

/// A change of a folder's content.
struct Change<T> {
    at: u64,
    kind: &'static str,
    what: T,
}

/// Returns the change of something that exists, for a client that knows the folder up to `since`.
fn change<T>(what: T, since: u64, created: u64, changed: u64, read: u64) -> Option<Change<T>> {
    let (at, kind) = if created > since {
        (created, "Create")
    } else if changed > since {
        (changed, "Update")
    } else if read > since {
        (read, "ReadFlagChange")
    } else {
        return None;
    };
    Some(Change { at, kind, what })
}

/// Returns the change of something that is gone, for a client that knows the folder up to `since`.
fn deletion<T>(what: T, since: u64, created: u64, at: u64) -> Option<Change<T>> {
    let kind = "Delete";
    (created <= since && at > since).then_some(Change { at, kind, what })
}

pub(super) fn items(
    request: &Element,
    target: Target<'_>,
    fault: Option<&ListingFault>,
) -> Content {
    if !target.folder.allows_sync {
        return Err("ErrorInvalidOperation");
    }
    let most = request.text_of("MaxChangesReturned");
    let most = most.and_then(|most| most.parse().ok()).unwrap_or(0);
    if !(1..=MOST_CHANGES).contains(&most) {
        return Err("ErrorInvalidRequest");
    }
    let since = since("items", request, target)?;
    let all = request.text_of("SyncScope") == Some("NormalAndAssociatedItems");
    let is_in_scope = |item: &&StoredItem| all || !item.properties.associated;
    let mailbox = target.mailbox;
    let here = mailbox.items_of(target.folder.number);
    let here = here
        .filter(is_in_scope)
        .filter_map(|item| change(item, since, item.created, item.changed, item.read_changed));
    let gone = mailbox
        .gone_items()
        .filter(|gone| gone.what.folder == target.folder.number && is_in_scope(&&gone.what))
        .filter_map(|gone| deletion(&gone.what, since, gone.what.created, gone.at));
    let mut changes: Vec<_> = here.chain(gone).collect();
    changes.sort_by_key(|change| change.at);
    let is_last = changes.len() <= most;
    changes.truncate(most);
    let until = match changes.last() {
        Some(last) if !is_last => last.at,
        _ => mailbox.sequence(),
    };
    if let Some(ListingFault::SameState) = fault {
        let state = request.text_of("SyncState").unwrap_or_default();
        return Ok(answer(
            state,
            "IncludesLastItemInRange",
            boolean(false, None),
            "",
        ));
    }
    let shape = Shape::of(request);
    let mut xml = String::new();
    for Change { kind, what, .. } in &changes {
        let content = match *kind {
            "Delete" => own_id(mailbox, what),
            "ReadFlagChange" => {
                let read = what.properties.read;
                own_id(mailbox, what) + &format!("<t:IsRead>{read}</t:IsRead>")
            }
            _ => item(&shape, mailbox, what),
        };
        write_change(&mut xml, kind, &content);
    }
    if let Some(ListingFault::RepeatEntry) = fault {
        xml = xml.repeat(2);
    }
    let state = state("items", target, until);
    let is_last = boolean(is_last, fault);
    Ok(answer(&state, "IncludesLastItemInRange", is_last, &xml))
}

pub(super) fn hierarchy(request: &Element, target: Target<'_>) -> Content {
    let since = since("folders", request, target)?;
    let mailbox = target.mailbox;
    let shape = Shape::of(request);
    let mut xml = String::new();
    for known in below(mailbox, target.folder, true) {
        if let Some(change) = change(known, since, known.created, known.changed, 0) {
            let (kind, content) = (change.kind, folder(&shape, mailbox, known));
            write_change(&mut xml, kind, &content);
        }
    }
    for gone in mailbox.gone_folders() {
        if deletion((), since, gone.what.created, gone.at).is_some() {
            let id = folder_id(mailbox, &gone.what, "FolderId");
            write_change(&mut xml, "Delete", &id);
        }
    }
    let state = state("folders", target, mailbox.sequence());
    Ok(answer(&state, "IncludesLastFolderInRange", "true", &xml))
}

fn write_change(xml: &mut String, kind: &str, content: &str) {
    // Writing into a String does not fail.
    let _ = write!(xml, "<t:{kind}>{content}</t:{kind}>");
}

fn answer(state: &str, last: &str, is_last: &str, changes: &str) -> String {
    format!(
        "<m:SyncState>{state}</m:SyncState><m:{last}>{is_last}</m:{last}>\
         <m:Changes>{changes}</m:Changes>"
    )
}

/// Writes a state.
fn state(kind: &str, target: Target<'_>, until: u64) -> String {
    let folder = id::folder_id(&target.mailbox.guid, target.folder.number);
    BASE64_STANDARD.encode(format!("{kind} {folder} {until}"))
}

/// Reads the state of a request.
fn since(kind: &str, request: &Element, target: Target<'_>) -> Result<u64, &'static str> {
    let Some(given) = request
        .text_of("SyncState")
        .filter(|state| !state.is_empty())
    else {
        return Ok(0);
    };
    let text = BASE64_STANDARD.decode(given).ok();
    let text = text.and_then(|text| String::from_utf8(text).ok());
    let until = text.and_then(|text| text.rsplit_once(' ')?.1.parse().ok());
    let until = until.filter(|until| {
        *until <= target.mailbox.sequence() && state(kind, target, *until) == given
    });
    until.ok_or("ErrorInvalidSyncStateData")
}
