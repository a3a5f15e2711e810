//! Answers the operations that list mailboxes.

use super::element::{Call, Element};
use super::{find, sync, Folder, Mailbox, Mailboxes};
use crate::fault::{message_of, Detail, Fault};
use crate::id;
use crate::scenario::{ErrorAnswer, ListingFault, Scenario};
use crate::style::Writer;

/// A folder of a request.
#[derive(Clone, Copy)]
pub(super) struct Target<'m> {
    pub(super) mailbox: &'m Mailbox,
    pub(super) folder: &'m Folder,
}

/// The content of a message of class Success, or the `ResponseCode` of a refusal.
pub(super) type Content = Result<String, &'static str>;

/// Composes the body of the response to a request.
pub(crate) fn respond(
    scenario: &Scenario,
    mailboxes: &Mailboxes,
    call: &Call,
    fault: Option<&ListingFault>,
) -> Result<String, Fault> {
    let Some(own) = mailboxes.of_request(call.impersonation.as_ref()) else {
        return Err(Fault {
            message: "The SMTP address has no mailbox associated with it.".to_owned(),
            ..Fault::new("ErrorNonExistentMailbox")
        });
    };
    let writer = Writer::new(scenario, &call.body.name);
    let mut messages = String::new();
    for id in folders_of(&call.body) {
        let content = match (fault, target(mailboxes, own, id)) {
            (Some(ListingFault::Error(error)), _) => Err(error.clone()),
            (_, Err(code)) => Err(ErrorAnswer::of(&code)),
            (_, Ok(target)) => content(&call.body, target, fault).map_err(ErrorAnswer::of),
        };
        messages.push_str(&match content {
            Ok(content) => writer.listing(&content),
            Err(error) => refusal(&writer, &error),
        });
    }
    Ok(writer.open() + &messages + &writer.close())
}

pub(super) fn refusal(writer: &Writer, error: &ErrorAnswer) -> String {
    let details = Detail::values(
        error.back_off_ms,
        error.inner_code.as_deref(),
        error.mailbox_guid.as_deref(),
    );
    let message = error.message.as_deref();
    let message = message.unwrap_or_else(|| message_of(&error.code));
    writer.refusal(error.class, &error.code, message, &details)
}

/// Returns the elements that identify the folders of a request.
fn folders_of(body: &Element) -> impl Iterator<Item = &Element> {
    let list = match body.name.as_str() {
        "GetFolder" => "FolderIds",
        "FindFolder" | "FindItem" => "ParentFolderIds",
        _ => "SyncFolderId",
    };
    let list = body.child(list).into_iter();
    list.flat_map(|list| &list.children)
}

/// Finds a folder, or returns the `ResponseCode` of a refusal.
pub(super) fn target<'m>(
    mailboxes: &'m Mailboxes,
    own: &'m Mailbox,
    id: &Element,
) -> Result<Target<'m>, String> {
    let given = id.attribute("Id").unwrap_or_default();
    let (mailbox, number) = match id.name.as_str() {
        "DistinguishedFolderId" => {
            let address = id
                .child("Mailbox")
                .and_then(|it| it.text_of("EmailAddress"));
            let mailbox = match address {
                None => own,
                Some(address) => mailboxes
                    .by_address(address)
                    .ok_or("ErrorNonExistentMailbox")?,
            };
            let folder = mailbox.distinguished(given).map(|folder| folder.number);
            (mailbox, folder)
        }
        // `FolderId` or `ParentFolderId`
        _ => {
            let (guid, number) = id::read_folder(given).ok_or("ErrorInvalidIdMalformed")?;
            let mailbox = mailboxes.by_guid(&guid).ok_or("ErrorNonExistentMailbox")?;
            (mailbox, Some(number))
        }
    };
    if let Some(code) = &mailbox.refuse {
        return Err(code.clone());
    }
    let folder = number.and_then(|number| mailbox.folder(number));
    let folder = folder.ok_or("ErrorFolderNotFound")?;
    Ok(Target { mailbox, folder })
}

/// Composes the content of one message after its `ResponseCode`.
fn content(body: &Element, target: Target<'_>, fault: Option<&ListingFault>) -> Content {
    match body.name.as_str() {
        "GetFolder" => Ok(find::get_folder(body, target)),
        "FindFolder" => find::find_folder(body, target, fault),
        "FindItem" => find::find_item(body, target, fault),
        "SyncFolderItems" => sync::items(body, target, fault),
        _ => sync::hierarchy(body, target),
    }
}
