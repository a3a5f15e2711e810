//! The result of converting an item.

use core::fmt;
use std::io;

use exportitems_convert::Warning;
use serde::Serialize;
use serde_json::{json, Map, Value};

use crate::show;

pub(super) enum Outcome {
    Converted {
        file: String,
        is_partial: bool,
        warnings: Vec<Warning>,
    },
    /// It was converted by an earlier run.
    Present { file: String },
    /// It is of a kind that the format does not have.
    Skipped(String),
    /// It was not converted.
    Refused(String),
    /// Its file could not be read.
    Unreadable(io::Error),
}

/// The line about an item.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, outcome } = self;
        match outcome {
            Outcome::Converted {
                file,
                is_partial,
                warnings,
            } => {
                let how = if *is_partial { "partial" } else { "whole" };
                write!(f, "{name}: {how}, {file}")?;
                let mut separator = "; ";
                for warning in warnings {
                    write!(f, "{separator}{warning}")?;
                    separator = ", ";
                }
                Ok(())
            }
            Outcome::Present { file } => write!(f, "{name}: converted before, {file}"),
            Outcome::Skipped(why) => write!(f, "{name}: skipped: {why}"),
            Outcome::Refused(why) => write!(f, "{name}: not converted: {why}"),
            Outcome::Unreadable(error) => write!(f, "{name}: not converted: {error}"),
        }
    }
}

impl Serialize for Line {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Map::new();
        object.insert("item".into(), json!(self.name));
        let status = match &self.outcome {
            Outcome::Converted {
                file,
                is_partial,
                warnings,
            } => {
                object.insert("file".into(), json!(file));
                object.insert("warnings".into(), show::warnings(warnings));
                match is_partial {
                    true => "partial",
                    false => "whole",
                }
            }
            Outcome::Present { file } => {
                object.insert("file".into(), json!(file));
                "present"
            }
            Outcome::Skipped(why) => {
                object.insert("reason".into(), json!(why));
                "skipped"
            }
            Outcome::Refused(why) => {
                object.insert("error".into(), json!(why));
                "refused"
            }
            Outcome::Unreadable(error) => {
                object.insert("error".into(), json!(error.to_string()));
                "unreadable"
            }
        };
        object.insert("status".into(), json!(status));
        Value::Object(object).serialize(serializer)
    }
}
