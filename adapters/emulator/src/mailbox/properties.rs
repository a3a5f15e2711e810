//! Writes folders and items with the requested properties.

use core::fmt::Write as _;

use base64::prelude::{Engine as _, BASE64_STANDARD};
use quick_xml::escape::escape;

use super::element::Element;
use super::store::time;
use super::{item_id, Folder, Mailbox, StoredItem};
use crate::id;
use crate::style::text;

/// `PidTagMessageSizeExtended`
const MESSAGE_SIZE: u32 = 0x0E08;
/// `PidTagSearchKey`
const SEARCH_KEY: u32 = 0x300B;
/// `PidTagAssociatedContentCount`
const ASSOCIATED_COUNT: u32 = 0x3617;

/// The requested properties: `ItemShape` or `FolderShape`.
pub(super) struct Shape<'r> {
    base: &'r str,
    more: &'r [Element],
}

impl<'r> Shape<'r> {
    pub(super) fn of(request: &'r Element) -> Self {
        let shape = request.child("ItemShape");
        let shape = shape.or_else(|| request.child("FolderShape"));
        let more = shape.and_then(|shape| shape.child("AdditionalProperties"));
        Self {
            base: shape
                .and_then(|shape| shape.text_of("BaseShape"))
                .unwrap_or("AllProperties"),
            more: more.map_or(&[], |more| &more.children),
        }
    }

    /// Returns whether a property is requested by its URI, or is one of the base shape.
    fn has(&self, uri: &str, in_default: bool) -> bool {
        let in_base = match self.base {
            "AllProperties" => true,
            "Default" => in_default,
            _ => false,
        };
        in_base
            || self
                .more
                .iter()
                .any(|it| it.attribute("FieldURI") == Some(uri))
    }

    /// Returns the requested extended property with this id.
    fn extended(&self, id: u32) -> Option<&Element> {
        self.more
            .iter()
            .find(|field| property_id(field) == Some(id))
    }
}

/// Returns the id in the `PropertyTag` of an `ExtendedFieldURI`.
pub(super) fn property_id(field: &Element) -> Option<u32> {
    let tag = field.attribute("PropertyTag")?;
    match tag.strip_prefix("0x").or_else(|| tag.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => tag.parse().ok(),
    }
}

/// Returns `PidTagSearchKey` as it is written.
pub(super) fn search_key(item: &StoredItem) -> String {
    BASE64_STANDARD.encode(item.search_key())
}

fn element(xml: &mut String, name: &str, content: &str) {
    // Writing into a String does not fail, here and below.
    let _ = write!(xml, "<t:{name}>{}</t:{name}>", text(content));
}

fn extended(xml: &mut String, field: &Element, value: &str) {
    let [tag, kind] = ["PropertyTag", "PropertyType"]
        .map(|name| escape(field.attribute(name).unwrap_or_default()));
    let _ = write!(
        xml,
        r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
    );
}

/// Writes the id of a folder.
pub(super) fn folder_id(mailbox: &Mailbox, folder: &Folder, name: &str) -> String {
    let id = id::folder_id(&mailbox.guid, folder.number);
    let key = id::change_key(folder.changed);
    format!(r#"<t:{name} Id="{id}" ChangeKey="{key}"/>"#)
}

/// Writes a folder.
pub(super) fn folder(shape: &Shape<'_>, mailbox: &Mailbox, folder: &Folder) -> String {
    let name = match folder.class.as_str() {
        _ if folder.is_search => "SearchFolder",
        "IPF.Appointment" => "CalendarFolder",
        "IPF.Contact" => "ContactsFolder",
        "IPF.Task" => "TasksFolder",
        _ => "Folder",
    };
    let mut xml = format!("<t:{name}>{}", folder_id(mailbox, folder, "FolderId"));
    let parent = folder.parent.and_then(|parent| mailbox.folder(parent));
    if let (Some(parent), true) = (parent, shape.has("folder:ParentFolderId", false)) {
        xml.push_str(&folder_id(mailbox, parent, "ParentFolderId"));
    }
    if shape.has("folder:FolderClass", false) && !folder.class.is_empty() {
        element(&mut xml, "FolderClass", &folder.class);
    }
    if shape.has("folder:DisplayName", true) {
        element(&mut xml, "DisplayName", &folder.name);
    }
    let count = |associated: bool| {
        let items = mailbox.items_of(folder.number);
        items
            .filter(|item| item.properties.associated == associated)
            .count()
            .to_string()
    };
    if shape.has("folder:TotalCount", true) {
        element(&mut xml, "TotalCount", &count(false));
    }
    if shape.has("folder:ChildFolderCount", true) {
        let children = mailbox.children(folder.number).count().to_string();
        element(&mut xml, "ChildFolderCount", &children);
    }
    if let Some(field) = shape.extended(MESSAGE_SIZE) {
        let sizes = mailbox.items_of(folder.number);
        let sizes: u64 = sizes.map(|item| item.properties.size).sum();
        extended(&mut xml, field, &sizes.to_string());
    }
    if let Some(field) = shape.extended(ASSOCIATED_COUNT) {
        extended(&mut xml, field, &count(true));
    }
    if let Some(distinguished) = &folder.distinguished {
        if shape.has("folder:DistinguishedFolderId", false) {
            element(&mut xml, "DistinguishedFolderId", distinguished);
        }
    }
    xml + &format!("</t:{name}>")
}

/// Writes the id of an item.
pub(super) fn own_id(mailbox: &Mailbox, item: &StoredItem) -> String {
    let (id, key) = (item_id(mailbox, item), item.change_key());
    format!(r#"<t:ItemId Id="{id}" ChangeKey="{key}"/>"#)
}

/// Writes an item.
pub(super) fn item(shape: &Shape<'_>, mailbox: &Mailbox, item: &StoredItem) -> String {
    let properties = &item.properties;
    let by_class = match properties.class.as_str() {
        "IPM.Note" => "Message",
        "IPM.Appointment" => "CalendarItem",
        "IPM.Contact" => "Contact",
        "IPM.DistList" => "DistributionList",
        "IPM.Task" => "Task",
        "IPM.Post" => "PostItem",
        "IPM.Schedule.Meeting.Request" => "MeetingRequest",
        _ => "Item",
    };
    let name = properties.element.as_deref().unwrap_or(by_class);
    let mut xml = format!("<t:{name}>{}", own_id(mailbox, item));
    let parent = mailbox.folder(item.folder);
    if let (Some(parent), true) = (parent, shape.has("item:ParentFolderId", false)) {
        xml.push_str(&folder_id(mailbox, parent, "ParentFolderId"));
    }
    if shape.has("item:ItemClass", false) {
        element(&mut xml, "ItemClass", &properties.class);
    }
    if shape.has("item:Subject", true) {
        element(&mut xml, "Subject", &properties.subject);
    }
    if shape.has("item:DateTimeReceived", true) {
        element(&mut xml, "DateTimeReceived", &time(properties.received));
    }
    if shape.has("item:Size", true) {
        element(&mut xml, "Size", &properties.size.to_string());
    }
    if let Some(field) = shape.extended(SEARCH_KEY) {
        extended(&mut xml, field, &search_key(item));
    }
    if shape.has("item:IsAssociated", false) {
        element(&mut xml, "IsAssociated", &properties.associated.to_string());
    }
    if name == "Message" && shape.has("message:IsRead", true) {
        element(&mut xml, "IsRead", &properties.read.to_string());
    }
    xml + &format!("</t:{name}>")
}
