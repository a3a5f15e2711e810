//! Items in JSON.

use core::fmt;

use exportitems_convert::{
    names, value_text, Item, Mailbox, Message, Name, Properties, Summary, Warning,
};
use serde::Serialize;
use serde_json::{json, Map, Value};

use crate::payloads::Found;

pub(super) struct JsonLine(pub(super) Value);

impl Serialize for JsonLine {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Display for JsonLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn object(found: &Found, item: &Item, summary: &Summary, all: bool) -> Value {
    let mut object = Map::new();
    object.insert("file".into(), json!(found.path.display().to_string()));
    if let Some(id) = found.entry.as_ref().and_then(|entry| entry.id.as_ref()) {
        object.insert("id".into(), json!(id));
    }
    object.insert("bytes".into(), json!(item.len));
    object.insert("sha256".into(), json!(item.hash()));
    object.insert("integrity".into(), json!(item.verdict.as_str()));
    object.insert("partial".into(), json!(item.is_partial()));
    if let Some(version) = item.producer {
        object.insert("producer".into(), json!(version.to_string()));
    }
    object.append(&mut message_object(summary));
    object.insert("warnings".into(), warnings(&summary.warnings));
    if all {
        object.insert("properties".into(), all_properties(&item.message));
    }
    Value::Object(object)
}

fn message_object(summary: &Summary) -> Map<String, Value> {
    let mut object = Map::new();
    let person = |person: &Mailbox| {
        let mut object = json!({ "name": person.name, "address": person.address });
        if let Some(name) = &person.unresolved {
            object["unresolved"] = json!(name);
        }
        object
    };
    let people = |list: &[Mailbox]| Value::Array(list.iter().map(person).collect());
    for (key, value) in [
        ("class", summary.class.as_ref().map(|it| json!(it))),
        ("from", summary.from.as_ref().map(person)),
        ("sender", summary.sender.as_ref().map(person)),
        ("to", Some(people(&summary.to))),
        ("cc", Some(people(&summary.cc))),
        ("bcc", Some(people(&summary.bcc))),
        ("date", summary.date.map(|it| json!(it.to_string()))),
        ("subject", summary.subject.as_ref().map(|it| json!(it))),
        (
            "message_id",
            summary.message_id.as_ref().map(|it| json!(it)),
        ),
        ("bodies", Some(json!(summary.bodies))),
    ] {
        object.extend(value.map(|value| (key.to_owned(), value)));
    }
    let attachments = summary.attachments.iter().map(|attachment| {
        let mut object = json!({ "name": attachment.name, "bytes": attachment.bytes });
        for (key, value) in [
            ("type", &attachment.media_type),
            ("content_id", &attachment.content_id),
        ] {
            if let Some(value) = value {
                object[key] = json!(value);
            }
        }
        if let Some(embedded) = &attachment.embedded {
            object["message"] = Value::Object(message_object(embedded));
        }
        object
    });
    object.insert("attachments".into(), attachments.collect());
    object
}

/// Warnings in JSON.
pub(crate) fn warnings(warnings: &[Warning]) -> Value {
    let warnings = warnings
        .iter()
        .map(|warning| json!({ "kind": warning.kind.as_str(), "detail": warning.detail }));
    warnings.collect()
}

fn all_properties(message: &Message) -> Value {
    let strings = message.code_page();
    let list = |properties: &Properties| -> Value {
        let properties = properties.0.iter().map(|property| {
            let mut object = json!({
                "tag": format!("{:08X}", property.tag.0),
                "value": value_text(property, strings),
            });
            if let Some(name) = names::name(property) {
                object["name"] = json!(name);
            }
            match property.name.as_deref() {
                Some(Name::Text(set, _)) => object["set"] = json!(names::set_name(*set)),
                Some(Name::Dispid(set, dispid)) => {
                    object["set"] = json!(names::set_name(*set));
                    object["dispid"] = json!(dispid);
                }
                None => {}
            }
            object
        });
        properties.collect()
    };
    let recipients: Value = message.recipients.iter().map(list).collect();
    let attachments = message.attachments.iter().map(|attachment| {
        let mut object = json!({ "properties": list(&attachment.properties) });
        if let Some(embedded) = &attachment.embedded {
            object["message"] = all_properties(embedded);
        }
        object
    });
    let attachments: Value = attachments.collect();
    json!({
        "message": list(&message.properties),
        "recipients": recipients,
        "attachments": attachments,
    })
}
