//! The page: HTML with its style, and without scripts or references to other files.

use core::fmt::{self, Display, Write as _};

use indicatif::HumanBytes;

use crate::output::visible;
use crate::overview::{Counts, Folder, Overview, Reason, Run, Unfinished};

/// The start of the page. The policy forbids everything but the style in the page.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Export report</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; max-width: 76rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 60rem; }
.verdict { padding: .8rem 1rem; border-left: .4rem solid #1f7a3f; background: #eef7f0; margin: 1rem 0; }
.verdict.open { border-color: #b35900; background: #fdf4e8; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid #d8dee6; vertical-align: top; overflow-wrap: break-word; }
th { font-weight: 600; background: #f4f6f9; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.id { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; min-width: 16rem; }
.scroll { overflow-x: auto; }
footer { margin: 2.5rem 0; color: #5a6675; font-size: .9rem; }
@media print { body { margin: 0; max-width: none; } }
</style>
</head>
<body>
"#;

/// A text from a server or a file, escaped for HTML. Control characters are visible.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in visible(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Makes the page.
pub(super) fn page(overview: &Overview) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a string does not fail.
    let _ = body(&mut page, overview);
    page
}

fn body(page: &mut String, overview: &Overview) -> fmt::Result {
    let archive = Text(&overview.archive);
    writeln!(page, "<h1>Export report</h1>\n<p>Archive: {archive}</p>")?;
    verdict(page, overview)?;
    totals(page, overview)?;
    if overview
        .folders
        .iter()
        .any(|folder| folder.folder.is_some())
    {
        table(
            page,
            "Folders",
            &[
                "Folder",
                "#Archived",
                "#Failed",
                "#Suspect",
                "#Lost",
                "#On the server",
                "#Not explained",
                "#Bytes",
            ],
            overview.folders.iter().map(folder_row),
        )?;
    }
    if !overview.reasons.is_empty() {
        table(
            page,
            "Failures by reason",
            &["Reason", "#Items", "What happens next"],
            overview.reasons.iter().map(reason_row),
        )?;
    }
    if !overview.unfinished.is_empty() {
        let counts = &overview.counts;
        let all = counts.suspect + counts.failed + counts.lost;
        let shown = overview.unfinished.len();
        let title = match all == shown as u64 {
            true => "Items that are not archived or not confirmed".to_owned(),
            false => {
                format!("Items that are not archived or not confirmed (the first {shown} of {all})")
            }
        };
        table(
            page,
            &title,
            &["Folder", "Subject", "Received", "Class", "Reason", "Id"],
            overview.unfinished.iter().map(unfinished_row),
        )?;
    }
    if !overview.runs.is_empty() {
        table(
            page,
            "Last runs",
            &[
                "Began (UTC)",
                "Ended (UTC)",
                "By",
                "#Exported",
                "#Missing",
                "Server",
                "SHA-256 of its certificate",
                "Arguments",
            ],
            overview.runs.iter().map(run_row),
        )?;
    }
    footer(page, overview)
}

/// Writes the answer to the first question: is everything there?
fn verdict(page: &mut String, overview: &Overview) -> fmt::Result {
    let Counts {
        done,
        suspect,
        failed,
        lost,
        waiting,
        ..
    } = overview.counts;
    let unexplained = overview
        .folders
        .iter()
        .filter_map(|folder| folder.unexplained);
    let unexplained: i128 = unexplained.map(i128::abs).sum();
    let (class, text) = match suspect + failed + lost {
        0 if unexplained == 0 => ("", format!("All {done} requested items are archived.")),
        0 => ("open", format!("All {done} requested items are archived, but the server counts {unexplained} items more or less.")),
        open => (
            "open",
            format!(
                "{done} items are archived; {open} are not, or are not confirmed. The next run requests {waiting} of them again."
            ),
        ),
    };
    writeln!(page, "<p class=\"verdict {class}\">{text}</p>")
}

fn totals(page: &mut String, overview: &Overview) -> fmt::Result {
    let counts = &overview.counts;
    let bytes = HumanBytes(counts.bytes).to_string();
    let rows = [
        ("Archived and confirmed", counts.done.to_string()),
        (
            "Bytes of these items",
            format!("{} ({bytes})", counts.bytes),
        ),
        ("Failed, each with a reason", counts.failed.to_string()),
        (
            "Suspect: archived, but not confirmed by a response",
            counts.suspect.to_string(),
        ),
        (
            "Lost: the file is missing or has another size",
            counts.lost.to_string(),
        ),
        (
            "Requested again by the next run",
            counts.waiting.to_string(),
        ),
        (
            "Older versions that are kept",
            overview.older_versions.to_string(),
        ),
        (
            "Deleted on the server, and kept here",
            overview.deleted.to_string(),
        ),
    ];
    let rows = rows
        .into_iter()
        .map(|(what, number)| vec![what.to_owned(), number]);
    table(page, "Totals", &["What", "#Number"], rows)
}

fn footer(page: &mut String, overview: &Overview) -> fmt::Result {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(page, "<footer>")?;
    match &overview.sealed {
        Some(time) => writeln!(page, "<p>The archive was sealed at {}.</p>", Text(time))?,
        None => writeln!(
            page,
            "<p>The archive is not sealed; <code>exportitems seal</code> seals it.</p>"
        )?,
    }
    writeln!(
        page,
        "<p>This page shows the sizes of files only. <code>exportitems verify</code> compares the SHA-256 of each file with the manifest.</p>\n\
         <p>Written by exportitems {version}.</p>\n</footer>\n</body>\n</html>"
    )
}

/// Writes a table. The cells are HTML. A column whose title begins with `#` has numbers.
fn table(
    page: &mut String,
    title: &str,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    let class = |column: &str| match column {
        "Id" => " class=\"id\"",
        column if column.starts_with('#') => " class=\"number\"",
        _ => "",
    };
    writeln!(
        page,
        "<h2>{title}</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
    )?;
    for &column in columns {
        let text = column.trim_start_matches('#');
        writeln!(page, "<th scope=\"col\"{}>{text}</th>", class(column))?;
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for row in rows {
        page.push_str("<tr>");
        for (cell, &column) in row.iter().zip(columns) {
            write!(page, "<td{}>{cell}</td>", class(column))?;
        }
        page.push_str("</tr>\n");
    }
    writeln!(page, "</tbody>\n</table></div>")
}

fn text(value: Option<&String>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| Text(value).to_string())
}

fn folder_row(folder: &Folder) -> Vec<String> {
    let counts = &folder.counts;
    let path = folder
        .folder
        .as_deref()
        .unwrap_or("(exported without a list)");
    let number = |number: Option<String>| number.unwrap_or_else(|| "–".to_owned());
    vec![
        Text(path).to_string(),
        counts.done.to_string(),
        counts.failed.to_string(),
        counts.suspect.to_string(),
        counts.lost.to_string(),
        number(folder.on_server.map(|items| items.to_string())),
        number(folder.unexplained.map(|items| items.to_string())),
        HumanBytes(counts.bytes).to_string(),
    ]
}

fn next(is_waiting: bool) -> &'static str {
    match is_waiting {
        true => "the next run requests them again",
        false => "not requested again, unless with --retry-failed",
    }
}

fn reason_row(reason: &Reason) -> Vec<String> {
    vec![
        Text(&reason.reason).to_string(),
        reason.items.to_string(),
        next(reason.waiting).to_owned(),
    ]
}

fn unfinished_row(unfinished: &Unfinished) -> Vec<String> {
    let item = &unfinished.entry.item;
    let again = match unfinished.is_waiting {
        true => "; requested again",
        false => "",
    };
    vec![
        text(item.folder.as_ref()),
        text(item.subject.as_ref()),
        text(item.received.as_ref()),
        text(item.item_class.as_ref()),
        format!("{}{again}", Text(&unfinished.reason)),
        text(unfinished.entry.id.as_ref()),
    ]
}

fn run_row(run: &Run) -> Vec<String> {
    let user = run.run.user.as_deref().unwrap_or("unknown");
    let host = run.run.host.as_deref().unwrap_or("unknown");
    let number = |number: Option<u64>| number.map_or("–".to_owned(), |number| number.to_string());
    let end = run.end.as_ref();
    vec![
        Text(&run.began).to_string(),
        run.ended.as_deref().map_or_else(
            || "interrupted, or still running".to_owned(),
            |time| Text(time).to_string(),
        ),
        format!("{} on {}", Text(user), Text(host)),
        number(end.map(|end| end.exported)),
        number(end.map(|end| end.missing)),
        text(run.server.as_ref()),
        text(run.certificate.as_ref()),
        Text(&run.run.arguments.join(" ")).to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn texts_cannot_become_elements() {
        let text = "<script>alert('x')</script>&\"\u{202e}\n";
        let expected = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;\\u{202e}\\n";
        assert_eq!(Text(text).to_string(), expected);
    }
}
