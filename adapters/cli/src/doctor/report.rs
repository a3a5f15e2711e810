//! The lines that `doctor` prints.

use core::fmt;

use exportitems_std::client::{ClientError, StatusKind};
use exportitems_std::error_chain;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::advice;
use crate::output::{Format, Output};

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// The step works.
    Ok,
    /// The step works, and something about it may prevent an export.
    Warning,
    /// No export is possible.
    Failed,
}

/// One step.
#[derive(Debug, Serialize)]
struct Line {
    step: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        };
        write!(f, "{verdict:<8} {:<12} {}", self.step, self.found)?;
        match &self.advice {
            // The advice about a failure is part of the conclusion.
            Some(advice) if self.verdict != Verdict::Failed => write!(f, "; {advice}"),
            _ => Ok(()),
        }
    }
}

/// The conclusion.
#[derive(Debug, Serialize)]
struct Summary {
    summary: Conclusion,
}

#[derive(Debug, Serialize)]
struct Conclusion {
    would_work: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.summary.advice {
            _ if self.summary.would_work => f.write_str("An export would work."),
            Some(advice) => write!(f, "An export would not work: {advice}."),
            None => f.write_str("An export would not work."),
        }
    }
}

/// Returns whether the server has refused the login, or requires one.
pub(super) fn is_unauthorized(error: &ClientError) -> bool {
    matches!(error, ClientError::Status(error) if matches!(error.kind, StatusKind::Unauthorized { .. }))
}

/// Prints the steps, and remembers the first that failed.
#[derive(Debug)]
pub(super) struct Report<'o> {
    output: &'o mut Output,
    format: Format,
    failed: Option<(&'static str, Option<String>)>,
}

impl<'o> Report<'o> {
    pub(super) const fn new(output: &'o mut Output, format: Format) -> Self {
        Self {
            output,
            format,
            failed: None,
        }
    }

    pub(super) fn ok(&mut self, step: &'static str, found: String, facts: Value) {
        self.line(step, Verdict::Ok, found, None, facts);
    }

    pub(super) fn warning(
        &mut self,
        step: &'static str,
        found: String,
        advice: String,
        facts: Value,
    ) {
        self.line(step, Verdict::Warning, found, Some(advice), facts);
    }

    pub(super) fn failed(
        &mut self,
        step: &'static str,
        found: String,
        advice: Option<String>,
        facts: Value,
    ) {
        self.failed.get_or_insert_with(|| (step, advice.clone()));
        self.line(step, Verdict::Failed, found, advice, facts);
    }

    /// Reports an error of the client with its advice. `seen` is added to the error, and `more` to the advice.
    pub(super) fn error(
        &mut self,
        step: &'static str,
        error: &ClientError,
        seen: Option<String>,
        more: Option<String>,
        facts: Value,
    ) {
        let text = error_chain(error);
        let (found, own) = match text.split_once("; ") {
            // The rest names the causes, and the schemes that the server offers.
            Some(_) if is_unauthorized(error) => (text, None),
            Some((found, own)) => (found.to_owned(), Some(own.to_owned())),
            None => (text, None),
        };
        let parts: Vec<_> = [own, advice::of_failure(error), more]
            .into_iter()
            .flatten()
            .collect();
        let advice = (!parts.is_empty()).then(|| parts.join("; "));
        let found = match seen {
            Some(seen) => format!("{found} ({seen})"),
            None => found,
        };
        self.failed(step, found, advice, facts);
    }

    /// Prints the conclusion. Returns whether an export would work.
    pub(super) fn finish(self) -> bool {
        let would_work = self.failed.is_none();
        let (failed_step, advice) = self.failed.unzip();
        let conclusion = Conclusion {
            would_work,
            failed_step,
            advice: advice.flatten(),
        };
        let summary = Summary {
            summary: conclusion,
        };
        self.output.value(&summary, self.format);
        would_work
    }

    fn line(
        &mut self,
        step: &'static str,
        verdict: Verdict,
        found: String,
        advice: Option<String>,
        facts: Value,
    ) {
        let line = Line {
            step,
            verdict,
            found,
            advice,
            facts: match facts {
                Value::Object(facts) => facts,
                _ => Map::new(),
            },
        };
        self.output.value(&line, self.format);
    }
}
