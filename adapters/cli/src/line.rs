//! The output: one line per item and a summary line, as JSON for programs or as text for people.

use core::fmt;
use std::borrow::Cow;

use exportitems::policy::{Advice, Disposition};
use exportitems::{ItemError, Outcome, ResponseOutcome, Summary, Verdict};
use exportitems_std::archive::{Entry, Status};
use exportitems_std::{ResponseTexts, Texts};
use serde::Serialize;

use crate::advice;

/// The line of an item.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ItemLine {
    pub(crate) index: u32,
    pub(crate) status: ItemStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change_key: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// [`Verdict::as_str`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) integrity: Option<Cow<'static, str>>,
    /// [`ItemError::as_str`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) back_off_ms: Option<u32>,
    /// [`Disposition::as_str`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disposition: Option<Cow<'static, str>>,
    /// Whether the payload is kept although its response has not confirmed that it is whole and of this item.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub(crate) suspect: bool,
    /// The path of the payload, relative to the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The offset in the response, in bytes, if it is known.
    #[serde(skip)]
    pub(crate) offset: Option<u64>,
    /// The result of the payload check.
    #[serde(skip)]
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ItemStatus {
    Ok,
    Failed,
}

/// The summary, which is the last line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SummaryLine {
    pub(crate) items: u32,
    pub(crate) ok: u32,
    pub(crate) failed: u32,
    pub(crate) suspect: u32,
    pub(crate) response: Ended,
    /// The number of bytes after the end of the document.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) trailing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) back_off_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disposition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    /// Set for the summary of a run of `export`. With `true`, a message on the standard error gives the reasons,
    /// and the text of the summary leaves them out.
    #[serde(skip)]
    pub(crate) of_run: Option<bool>,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// There was no HTTP response.
    None,
    /// The outcome that the decoder reported.
    As(ResponseOutcome),
}

impl Ended {
    pub(crate) const COMPLETE: Self = Self::As(ResponseOutcome::Complete);

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::As(response) => response.as_str(),
        }
    }
}

impl Serialize for Ended {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Serialises a summary as `{"summary": …}`, so that a program recognises the last line.
#[derive(Debug, Serialize)]
pub(crate) struct Summarised<'a> {
    pub(crate) summary: &'a SummaryLine,
}

impl fmt::Display for Summarised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary.fmt(f)
    }
}

impl ItemLine {
    /// Makes the line for an outcome. Its ids, SHA-256 and file are not set yet.
    pub(crate) fn new(outcome: &Outcome, disposition: Disposition, texts: &Texts) -> Self {
        Self {
            index: outcome.index,
            status: match outcome.error {
                None => ItemStatus::Ok,
                Some(_) => ItemStatus::Failed,
            },
            class: outcome.class.map(|class| class.as_str().to_owned()),
            code: texts.code(),
            item_id: None,
            change_key: None,
            bytes: outcome.bytes,
            sha256: None,
            integrity: outcome.integrity.map(|verdict| verdict.as_str().into()),
            error: outcome.error.map(|error| error.as_str().into()),
            message: texts.message(),
            back_off_ms: outcome.back_off_ms,
            disposition: Some(disposition.as_str().into()),
            suspect: false,
            offset: Some(outcome.offset),
            verdict: outcome.integrity,
            file: None,
        }
    }

    /// Makes the line for an entry of an archive, at this position in the list of ids.
    pub(crate) fn of_entry(index: u32, id: &str, entry: Entry) -> Self {
        Self {
            index,
            status: match entry.status {
                Status::Ok => ItemStatus::Ok,
                Status::Failed => ItemStatus::Failed,
            },
            class: entry.class,
            code: entry.code,
            item_id: Some(id.to_owned()),
            change_key: entry.change_key,
            bytes: entry.bytes,
            sha256: entry.sha256,
            integrity: entry.integrity.map(Cow::Owned),
            error: entry.error.map(Cow::Owned),
            message: entry.message,
            back_off_ms: entry.back_off_ms,
            disposition: entry.disposition.map(Cow::Owned),
            suspect: entry.suspect,
            offset: None,
            verdict: None,
            file: entry.file,
        }
    }

    /// Makes the line for an item that was not requested because the export ended first.
    pub(crate) fn not_requested(index: u32, id: &str) -> Self {
        Self {
            index,
            status: ItemStatus::Failed,
            class: None,
            code: None,
            item_id: Some(id.to_owned()),
            change_key: None,
            bytes: 0,
            sha256: None,
            integrity: None,
            error: Some(ItemError::NotAnswered.as_str().into()),
            message: None,
            back_off_ms: None,
            disposition: Some(Disposition::Transient.as_str().into()),
            suspect: false,
            offset: None,
            verdict: None,
            file: None,
        }
    }

    /// Changes the line of a committed item to failed, because its payload could not be written.
    pub(crate) fn fail_write(&mut self) {
        self.status = ItemStatus::Failed;
        self.error = Some(ItemError::Write.as_str().into());
        self.sha256 = None;
    }
}

impl SummaryLine {
    /// Makes the summary of responses that were all complete.
    pub(crate) const fn complete() -> Self {
        Self {
            items: 0,
            ok: 0,
            failed: 0,
            suspect: 0,
            response: Ended::COMPLETE,
            trailing: 0,
            server_version: None,
            code: None,
            message: None,
            back_off_ms: None,
            disposition: None,
            error: None,
            offset: None,
            of_run: None,
        }
    }

    /// Makes the summary of one response.
    pub(crate) fn new(summary: &Summary, texts: &mut ResponseTexts) -> Self {
        let fault = texts.take_fault().unwrap_or_default();
        Self {
            items: summary.items,
            ok: summary.ok,
            failed: summary.failed,
            suspect: summary.suspect,
            response: Ended::As(summary.response),
            trailing: summary.trailing,
            server_version: texts.server_version().map(str::to_owned),
            code: fault.code(),
            message: fault.message(),
            back_off_ms: summary.fault.and_then(|fault| fault.back_off_ms),
            disposition: disposition(summary).map(Disposition::as_str),
            error: summary.error.map(|error| error.kind.to_string()),
            offset: summary.error.map(|error| error.offset),
            of_run: None,
        }
    }
}

/// Returns the disposition of a response as a whole, or `None` if it is complete.
fn disposition(summary: &Summary) -> Option<Disposition> {
    match (summary.response, summary.fault) {
        (ResponseOutcome::Complete, _) => None,
        (ResponseOutcome::Truncated, _) => Some(Disposition::Truncated),
        (ResponseOutcome::Fault, Some(fault)) => Some(Advice::of_fault(&fault).disposition),
        _ => Some(Disposition::Transient),
    }
}

impl fmt::Display for ItemLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, bytes, .. } = self;
        if self.status == ItemStatus::Ok {
            let judged = if self.suspect { "suspect" } else { "ok" };
            write!(f, "item {index}: {judged}, {bytes} bytes")?;
            if let Some(integrity) = self
                .integrity
                .as_deref()
                .filter(|&verdict| verdict != "whole")
            {
                write!(f, ", integrity {integrity}")?;
            }
            match (&self.file, &self.sha256) {
                (Some(file), _) => write!(f, ", {file}")?,
                (None, Some(sha256)) => write!(f, ", sha256 {sha256}")?,
                (None, None) => {}
            }
            if self.suspect {
                f.write_str(
                    ": the payload is kept, but its response does not confirm that it is whole \
                     and of this item; export it again",
                )?;
            }
            return Ok(());
        }
        let error = self.error.as_deref().unwrap_or("failed");
        write!(f, "item {index}: failed, {error}")?;
        if let Some(verdict) = self.verdict.filter(|_| error == "payload") {
            write!(f, " {verdict}")?;
        }
        if let Some(code) = self.code.as_deref().filter(|&code| code != "NoError") {
            write!(f, ", {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message:?}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (at byte {offset})")?;
        }
        write!(
            f,
            ": {}",
            advice::of_item(error, self.disposition.as_deref())
        )?;
        if let Some(back_off_ms) = self.back_off_ms {
            write!(f, "; wait {back_off_ms} ms before the next request")?;
        }
        Ok(())
    }
}

impl fmt::Display for SummaryLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, ok, .. } = self;
        write!(f, "{ok} of {items} items exported")?;
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.suspect > 0 {
            write!(f, ", {} of them suspect", self.suspect)?;
        }
        match (self.response, self.of_run) {
            (Ended::COMPLETE, Some(_)) => {}
            (Ended::None, _) => f.write_str("; the server sent no response")?,
            (Ended::As(response), Some(_)) => {
                write!(f, "; the last unusable response is {}", described(response))?;
            }
            (Ended::As(response), None) => {
                write!(f, "; the response is {}", described(response))?;
            }
        }
        if self.trailing > 0 {
            match self.of_run {
                None => write!(f, ", and {} bytes follow it", self.trailing)?,
                Some(_) => write!(f, "; {} bytes follow the documents", self.trailing)?,
            }
        }
        if let Some(version) = &self.server_version {
            write!(f, ", from a server {version}")?;
        }
        // A message on the standard error gives the reasons.
        if self.of_run == Some(true) {
            return Ok(());
        }
        if let Some(code) = &self.code {
            write!(f, "; {code}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message:?}")?;
        }
        if let Some(error) = &self.error {
            write!(f, "; {error}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " (at byte {offset})")?;
        }
        match (self.response, self.of_run) {
            (Ended::As(response), None) if response != ResponseOutcome::Complete => {
                write!(f, ": {}", advice::of_response(response))?;
            }
            _ => {}
        }
        if let Some(back_off_ms) = self.back_off_ms {
            write!(f, "; wait {back_off_ms} ms before the next request")?;
        }
        Ok(())
    }
}

/// Converts a position or a count to 32 bits, the size of those in a response.
pub(crate) fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

const fn described(response: ResponseOutcome) -> &'static str {
    match response {
        ResponseOutcome::Fault => "a fault",
        ResponseOutcome::NotSoap => "not SOAP",
        other => other.as_str(),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
const fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}
