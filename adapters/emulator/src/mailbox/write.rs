//! `UploadItems` and `CreateFolder`.

use std::sync::Arc;

use super::answer::{refusal, target};
use super::element::{Call, Element};
use super::properties::folder_id;
use super::{item_id, Mailboxes};
use crate::fault::Fault;
use crate::scenario::{ErrorAnswer, Scenario};
use crate::style::Writer;
use crate::upload::{Event, Spooled, Uploaded};

/// The result for one item or folder: what the message contains, or the `ResponseCode` of a refusal.
type Written = Result<String, String>;

/// Composes the body of the response to a request that changes a mailbox. `data` are the payloads of an upload.
pub(crate) fn write(
    scenario: &Scenario,
    mailboxes: &mut Mailboxes,
    call: &Call,
    data: Vec<Spooled>,
) -> Result<String, Fault> {
    let writer = Writer::new(scenario, &call.body.name);
    let results = match call.body.name.as_str() {
        "UploadItems" => upload_items(scenario, mailboxes, call, data)?,
        _ => create_folders(mailboxes, call)?,
    };
    let messages = results.into_iter().map(|result| match result {
        Ok(content) => writer.listing(&content),
        Err(code) => refusal(&writer, &ErrorAnswer::of(&code)),
    });
    Ok(writer.open() + &messages.collect::<String>() + &writer.close())
}

/// Returns the mailbox and the number of a folder.
fn folder_of(
    mailboxes: &Mailboxes,
    call: &Call,
    id: Option<&Element>,
) -> Result<(usize, u64), String> {
    let own = mailboxes.of_request(call.impersonation.as_ref());
    let own = own.ok_or("ErrorNonExistentMailbox")?;
    let target = target(mailboxes, own, id.ok_or("ErrorFolderNotFound")?)?;
    let index = mailboxes.all.iter();
    let index = index
        .take_while(|it| it.guid != target.mailbox.guid)
        .count();
    Ok((index, target.folder.number))
}

fn create_folders(mailboxes: &mut Mailboxes, call: &Call) -> Result<Vec<Written>, Fault> {
    let parent = call.body.child("ParentFolderId");
    let parent = parent.and_then(|parent| parent.children.first());
    let Some(folders) = call.body.child("Folders").map(|list| &list.children) else {
        return Err(Fault::new("ErrorInvalidRequest"));
    };
    let create = |folder: &Element| {
        let (index, parent) = folder_of(mailboxes, call, parent)?;
        create_folder(mailboxes, index, parent, folder)
    };
    Ok(folders.iter().map(create).collect())
}

fn create_folder(
    mailboxes: &mut Mailboxes,
    index: usize,
    parent: u64,
    folder: &Element,
) -> Written {
    let name = folder.text_of("DisplayName").unwrap_or_default().to_owned();
    let by_element = match folder.name.as_str() {
        "CalendarFolder" => "IPF.Appointment",
        "ContactsFolder" => "IPF.Contact",
        "TasksFolder" => "IPF.Task",
        _ => "IPF.Note",
    };
    let class = folder
        .text_of("FolderClass")
        .unwrap_or(by_element)
        .to_owned();
    if name.is_empty() {
        return Err("ErrorFolderSave".to_owned());
    }
    let mailbox = &mailboxes.all[index];
    let is_known = |known: &super::Folder| known.name.to_lowercase() == name.to_lowercase();
    if mailbox.children(parent).any(is_known) {
        return Err("ErrorFolderExists".to_owned());
    }
    let event = Event::CreateFolder {
        parent,
        name: name.clone(),
        class: class.clone(),
    };
    mailboxes.log(index, event)?;
    let mailbox = &mut mailboxes.all[index];
    let number = mailbox.create_folder(Some(parent), &name, &class);
    let folder = mailbox.folder(number).ok_or("ErrorFolderSave")?;
    let id = folder_id(mailbox, folder, "FolderId");
    Ok(format!("<m:Folders><t:Folder>{id}</t:Folder></m:Folders>"))
}

fn upload_items(
    scenario: &Scenario,
    mailboxes: &mut Mailboxes,
    call: &Call,
    data: Vec<Spooled>,
) -> Result<Vec<Written>, Fault> {
    let invalid = || Fault::new("ErrorSchemaValidation");
    let items = call.body.child("Items").ok_or_else(invalid)?;
    for item in &items.children {
        let action = item.attribute("CreateAction").ok_or_else(invalid)?;
        // MS-OXWSBTRF R242 and R234.
        let needs_id = ["Update", "UpdateOrCreate"].contains(&action);
        if needs_id && item.child("ItemId").is_none() {
            return Err(Fault::new("ErrorInvalidRequest"));
        }
        // `ParentFolderId` is a `FolderIdType`: a distinguished folder has no place there.
        let has_all = item.child("ParentFolderId").is_some() && item.child("Data").is_some();
        if !has_all || !needs_id && action != "CreateNew" {
            return Err(invalid());
        }
    }
    if items.children.is_empty() || data.iter().any(|data| !data.is_valid) {
        return Err(invalid());
    }
    let mut data: Vec<_> = data.into_iter().map(Some).collect();
    let upload = |item: &Element| {
        let index = item
            .text_of("Data")
            .and_then(|index| index.parse::<usize>().ok());
        let data = index.and_then(|index| data.get_mut(index)?.take());
        upload_item(scenario, mailboxes, call, item, data)
    };
    Ok(items.children.iter().map(upload).collect())
}

fn upload_item(
    scenario: &Scenario,
    mailboxes: &mut Mailboxes,
    call: &Call,
    item: &Element,
    data: Option<Spooled>,
) -> Written {
    let (index, folder) = folder_of(mailboxes, call, item.child("ParentFolderId"))?;
    let corrupt = "ErrorCorruptData";
    let mut data = data.ok_or(corrupt)?;
    if scenario
        .uploads
        .largest_item
        .is_some_and(|most| data.size > most)
    {
        return Err("ErrorMessageSizeExceeded".to_owned());
    }
    if !crate::upload::accepts(data.file.as_file_mut()).unwrap_or(false) {
        return Err(corrupt.to_owned());
    }
    let action = item.attribute("CreateAction").unwrap_or_default();
    let target = item.child("ItemId").and_then(|id| id.attribute("Id"));
    let target = target.filter(|_| action != "CreateNew").and_then(|id| {
        let stored = mailboxes.all[index].stored(id)?;
        (stored.folder == folder).then_some(stored.identity.seed)
    });
    if action == "Update" && target.is_none() {
        return Err("ErrorItemNotFound".to_owned());
    }
    let associated = item.attribute("IsAssociated");
    let associated = associated.is_some_and(|value| ["true", "1"].contains(&value));
    let failed = |_| "ErrorItemSave".to_owned();
    let file = mailboxes.journal.keep(data.file).map_err(failed)?;
    let path = mailboxes
        .journal
        .folder()
        .path()
        .map_err(failed)?
        .join(&file);
    let uploaded = Uploaded::open(path).map_err(failed)?;
    let event = match target {
        Some(seed) => Event::Update { seed, file },
        None => Event::Create {
            folder,
            associated,
            file,
        },
    };
    mailboxes.log(index, event)?;
    let mailbox = &mut mailboxes.all[index];
    let seed = match target {
        Some(seed) => {
            mailbox.update_uploaded(seed, Arc::new(uploaded));
            seed
        }
        None => mailbox.create_uploaded(folder, associated, Arc::new(uploaded)),
    };
    let stored = mailbox.item(seed).ok_or("ErrorItemSave")?;
    let (id, key) = (item_id(mailbox, stored), stored.change_key());
    Ok(format!(r#"<m:ItemId Id="{id}" ChangeKey="{key}"/>"#))
}
