//! The result of an export, in lines that can be compared.

use exportitems::{ItemError, Outcome, ResponseCode, ResponseOutcome, Summary};

use super::End;
use crate::run::Reported;
use crate::sink::Checked;

/// The end, the response's own line unless there was no SOAP, and a line an item.
pub(super) fn of(end: End, sink: &Checked, payloads: &[Vec<u8>]) -> Vec<String> {
    let heard: Vec<&Outcome> = sink.notes.outcomes().collect();
    let mut lines = vec![match end {
        End::Answer => "answer".to_owned(),
        End::Broken => "broken".to_owned(),
        End::NotSoap {
            status,
            retry_after: None,
        } => format!("HTTP {status}"),
        End::NotSoap {
            status,
            retry_after: Some(seconds),
        } => format!("HTTP {status}, retry after {seconds} s"),
    }];
    if !matches!(end, End::NotSoap { .. }) {
        let summary = sink
            .notes
            .reported
            .iter()
            .find_map(|reported| match reported {
                Reported::End(summary) => Some(response(summary)),
                _ => None,
            });
        lines.push(match summary {
            Some(summary) => summary,
            // There was nothing to report.
            None if heard.is_empty() => format!("cut: 0 ok, {} failed", payloads.len()),
            None => "no end was reported".to_owned(),
        });
    }
    lines.extend(heard.iter().map(|outcome| item(outcome, sink, payloads)));
    let unheard = payloads.len().saturating_sub(heard.len());
    lines.extend((0..unheard).map(|_| format!("failed: {}", ItemError::NotAnswered)));
    lines
}

fn response(summary: &Summary) -> String {
    let fault = summary.fault.map_or(String::new(), |fault| {
        said(fault.code.and_then(ResponseCode::as_str), fault.back_off_ms)
    });
    let suspect = match summary.response {
        ResponseOutcome::Truncated => format!(", {} suspect", summary.suspect),
        _ => String::new(),
    };
    format!(
        "{}: {} ok, {} failed{suspect}{fault}",
        summary.response, summary.ok, summary.failed
    )
}

fn item(outcome: &Outcome, sink: &Checked, payloads: &[Vec<u8>]) -> String {
    let index = outcome.index;
    let code = outcome.code.and_then(ResponseCode::as_str);
    let said = said(code.filter(|&code| code != "NoError"), outcome.back_off_ms);
    let committed = sink.committed.iter().find(|(of, _)| *of == index);
    match (committed, outcome.error) {
        (Some((_, bytes)), None) if payloads.get(index as usize) == Some(bytes) => {
            "whole".to_owned()
        }
        (Some((_, bytes)), None) => format!("whole, but with {} other bytes", bytes.len()),
        (None, None) => "the sink refused to commit".to_owned(),
        (_, Some(error)) if sink.aborted.contains(&index) => format!("aborted: {error}{said}"),
        (_, Some(error)) => format!("failed: {error}{said}"),
    }
}

/// What the server gave as its reason.
fn said(code: Option<&str>, back_off_ms: Option<u32>) -> String {
    let code = code.map_or(String::new(), |code| format!(", {code}"));
    code + &back_off_ms.map_or(String::new(), |ms| format!(", back off {ms} ms"))
}
