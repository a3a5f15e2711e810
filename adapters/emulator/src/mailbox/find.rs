//! `GetFolder`, `FindFolder` and `FindItem`.

use core::cmp::Ordering;

use jiff::Timestamp;

use super::answer::{Content, Target};
use super::element::Element;
use super::properties::{self, property_id, Shape};
use super::{Folder, Mailbox, StoredItem};
use crate::scenario::ListingFault;

/// The largest number of entries in a page, `EWSFindCountLimit`.
const LARGEST_PAGE: usize = 1_000;

pub(super) fn get_folder(request: &Element, target: Target<'_>) -> String {
    let folder = properties::folder(&Shape::of(request), target.mailbox, target.folder);
    format!("<m:Folders>{folder}</m:Folders>")
}

pub(super) fn find_folder(
    request: &Element,
    target: Target<'_>,
    fault: Option<&ListingFault>,
) -> Content {
    let deep = match request.attribute("Traversal") {
        Some("Deep") => true,
        Some("Shallow") => false,
        _ => return Err("ErrorInvalidRequest"),
    };
    let shape = Shape::of(request);
    let mailbox = target.mailbox;
    let found = below(mailbox, target.folder, deep);
    let found = found.map(|folder| properties::folder(&shape, mailbox, folder));
    let found: Vec<_> = found.collect();
    let view = request.child("IndexedPageFolderView");
    Ok(page(&found, view, "Folders", fault))
}

/// Returns the folders in a folder, and those in them if `deep`.
pub(super) fn below<'m>(
    mailbox: &'m Mailbox,
    folder: &'m Folder,
    deep: bool,
) -> impl Iterator<Item = &'m Folder> {
    mailbox.folders().filter(move |candidate| {
        let mut parent = candidate.parent;
        while let (Some(number), true) = (parent, deep) {
            if number == folder.number {
                return true;
            }
            parent = mailbox.folder(number).and_then(|folder| folder.parent);
        }
        candidate.parent == Some(folder.number)
    })
}

pub(super) fn find_item(
    request: &Element,
    target: Target<'_>,
    fault: Option<&ListingFault>,
) -> Content {
    let associated = match request.attribute("Traversal") {
        Some("Shallow") => Some(false),
        Some("Associated") => Some(true),
        // The dumpster of Exchange 2007, which is always empty.
        Some("SoftDeleted") => None,
        _ => return Err("ErrorInvalidRequest"),
    };
    let restriction = request.child("Restriction");
    let restriction = restriction.and_then(|it| it.children.first());
    let mut found = Vec::new();
    for item in target.mailbox.items_of(target.folder.number) {
        let fits = restriction.map_or(Ok(true), |restriction| holds(restriction, item))?;
        if fits && Some(item.properties.associated) == associated {
            found.push(item);
        }
    }
    sort(&mut found, request.child("SortOrder"))?;
    let shape = Shape::of(request);
    let write = |item: &StoredItem| properties::item(&shape, target.mailbox, item);
    let view = request.child("IndexedPageItemView");
    let found: Vec<_> = found.into_iter().map(write).collect();
    Ok(page(&found, view, "Items", fault))
}

/// Composes the `RootFolder` for a page of `all`.
fn page(
    all: &[String],
    view: Option<&Element>,
    list: &str,
    fault: Option<&ListingFault>,
) -> String {
    let number = |name| view.and_then(|view| view.attribute(name)?.parse::<usize>().ok());
    let offset = number("Offset").unwrap_or(0).min(all.len());
    let most = number("MaxEntriesReturned").unwrap_or(LARGEST_PAGE);
    let end = all.len().min(offset + most.min(LARGEST_PAGE));
    let mut entries = all[offset..end].concat();
    let mut is_last = end == all.len();
    let mut next = view.map(|_| end);
    match fault {
        Some(ListingFault::NoOffset) => (next, is_last) = (None, false),
        Some(ListingFault::SameOffset) => (next, is_last) = (Some(offset), false),
        Some(ListingFault::ZeroOffset) => {
            (next, is_last) = (Some(0), false);
            entries.clear();
        }
        Some(ListingFault::RepeatEntry) => {
            entries.push_str(all[offset..end].last().map_or("", |it| it));
        }
        _ => {}
    }
    let next = next.map(|next| format!(r#" IndexedPagingOffset="{next}""#));
    let (next, total) = (next.unwrap_or_default(), all.len());
    let is_last = boolean(is_last, fault);
    format!(
        r#"<m:RootFolder{next} TotalItemsInView="{total}" IncludesLastItemInRange="{is_last}"><t:{list}>{entries}</t:{list}></m:RootFolder>"#
    )
}

/// Writes a boolean in one of the spellings of XML Schema.
pub(super) fn boolean(value: bool, fault: Option<&ListingFault>) -> &'static str {
    match (value, fault) {
        (true, Some(ListingFault::NumericBooleans)) => "1",
        (false, Some(ListingFault::NumericBooleans)) => "0",
        (true, _) => "true",
        (false, _) => "false",
    }
}

/// A value that a restriction compares.
#[derive(PartialEq, PartialOrd)]
enum Value {
    Text(String),
    Number(u64),
    Time(Timestamp),
    Boolean(bool),
}

impl Value {
    /// Returns the property of an item that an element identifies.
    fn of(field: &Element, item: &StoredItem) -> Result<Self, &'static str> {
        let properties = &item.properties;
        if property_id(field) == Some(0x300B) {
            return Ok(Self::Text(properties::search_key(item)));
        }
        match field.attribute("FieldURI") {
            Some("item:DateTimeReceived") => Ok(Self::Time(properties.received)),
            Some("item:ItemClass") => Ok(Self::Text(properties.class.clone())),
            Some("item:Subject") => Ok(Self::Text(properties.subject.clone())),
            Some("item:Size") => Ok(Self::Number(properties.size)),
            Some("message:IsRead") => Ok(Self::Boolean(properties.read)),
            _ => Err("ErrorUnsupportedPathForQuery"),
        }
    }

    /// Reads a constant of the same type.
    fn parse(&self, text: &str) -> Result<Self, &'static str> {
        let value = match self {
            Self::Text(_) => Some(Self::Text(text.to_owned())),
            Self::Number(_) => text.parse().ok().map(Self::Number),
            Self::Time(_) => text.parse().ok().map(Self::Time),
            Self::Boolean(_) => text.parse().ok().map(Self::Boolean),
        };
        value.ok_or("ErrorInvalidRestriction")
    }
}

/// Evaluates a restriction.
fn holds(restriction: &Element, item: &StoredItem) -> Result<bool, &'static str> {
    let mut parts = restriction.children.iter().map(|part| holds(part, item));
    match restriction.name.as_str() {
        "And" => return parts.try_fold(true, |all, part| Ok(all & part?)),
        "Or" => return parts.try_fold(false, |any, part| Ok(any | part?)),
        "Not" => {
            return parts
                .next()
                .map_or(Err("ErrorInvalidRestriction"), |part| Ok(!part?))
        }
        _ => {}
    }
    let field = restriction.children.first();
    let value = Value::of(field.ok_or("ErrorInvalidRestriction")?, item)?;
    let constant = restriction.find("Constant");
    let constant = constant.and_then(|constant| constant.attribute("Value"));
    let constant = constant.ok_or("ErrorInvalidRestriction")?;
    if restriction.name == "Contains" {
        return contains(restriction, &value, constant);
    }
    let order = value.partial_cmp(&value.parse(constant)?);
    Ok(match restriction.name.as_str() {
        "IsEqualTo" => order == Some(Ordering::Equal),
        "IsNotEqualTo" => order != Some(Ordering::Equal),
        "IsGreaterThan" => order == Some(Ordering::Greater),
        "IsGreaterThanOrEqualTo" => order.is_some_and(Ordering::is_ge),
        "IsLessThan" => order == Some(Ordering::Less),
        "IsLessThanOrEqualTo" => order.is_some_and(Ordering::is_le),
        _ => return Err("ErrorInvalidRestriction"),
    })
}

fn contains(restriction: &Element, value: &Value, part: &str) -> Result<bool, &'static str> {
    let Value::Text(text) = value else {
        return Err("ErrorInvalidRestriction");
    };
    let ignores_case = restriction
        .attribute("ContainmentComparison")
        .is_some_and(|comparison| comparison.starts_with("IgnoreCase"));
    let fold = |text: &str| match ignores_case {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    let (text, part) = (fold(text), fold(part));
    Ok(match restriction.attribute("ContainmentMode") {
        Some("FullString") => text == part,
        Some("Prefixed") => text.starts_with(&part),
        _ => text.contains(&part),
    })
}

/// Sorts by the fields of `SortOrder`, by default newest first.
fn sort(items: &mut [&StoredItem], order: Option<&Element>) -> Result<(), &'static str> {
    let orders = order.map_or(&[][..], |order| &order.children);
    if orders.is_empty() {
        items.sort_by_key(|item| core::cmp::Reverse((item.properties.received, item.created)));
    }
    // The sort is stable, so the first field goes last.
    for order in orders.iter().rev() {
        let field = order.children.first().ok_or("ErrorInvalidRequest")?;
        if let Some(item) = items.first() {
            Value::of(field, item).map_err(|_| "ErrorUnsupportedPathForSortGroup")?;
        }
        items.sort_by(|a, b| {
            let (a, b) = (Value::of(field, a), Value::of(field, b));
            a.partial_cmp(&b).unwrap_or(Ordering::Equal)
        });
        if order.attribute("Order") == Some("Descending") {
            items.reverse();
        }
    }
    Ok(())
}
