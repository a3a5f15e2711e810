//! `exportitems show`: shows what is in exported items.

mod json;

use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use exportitems::Verdict;
use exportitems_convert::eml::Options;
use exportitems_convert::{
    copy_attachment, names, plain, value_text, AttachmentSummary, Item, Message, Name, Properties,
    Property, Summary,
};

use crate::filekind;
use crate::output::{say, Format, Output};
use crate::payloads::{self, AddressOption, Found};
use crate::status::{Failure, Status};
pub(crate) use json::warnings;
use json::{object, JsonLine};

/// Shows what is in an exported item: its headers, the tree of its parts, and what is noteworthy.
///
/// For a directory, prints one line per item.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // each is an option of the command line
pub(crate) struct Show {
    /// An exported file, a directory that `export` or `decode --out` has written, or the id of an item in the directory
    /// of --dir.
    #[arg(value_name = "PATH|ID")]
    path: PathBuf,
    /// The id of one item in the directory PATH.
    id: Option<String>,
    /// Where the item with the id is. Without this option it is looked for in the current directory.
    #[arg(long, value_name = "DIR", conflicts_with = "id")]
    dir: Option<PathBuf>,
    /// Print every property.
    #[arg(long)]
    all: bool,
    /// Print the structure of the item and the lengths of its values, but no value, name or address, so that it can be
    /// sent to others.
    #[arg(long, conflicts_with_all = ["all", "json", "body", "extract"])]
    redact: bool,
    /// Print one JSON object per item.
    #[arg(long)]
    json: bool,
    /// Print only the body, as text.
    #[arg(long, conflicts_with_all = ["all", "json"])]
    body: bool,
    /// Write the content of an attachment to the standard output. N is its number in the tree, such as 2, or 2.1 for
    /// the first attachment of the message in attachment 2.
    #[arg(long, value_name = "N", conflicts_with_all = ["all", "json", "body"])]
    extract: Option<String>,
    #[command(flatten)]
    addresses: AddressOption,
}

impl Show {
    /// The file or the directory, and the id of one item in it.
    fn place(&self) -> Result<(&Path, Option<&str>), Failure> {
        let (path, id) = (self.path.as_path(), self.id.as_deref());
        if self.dir.is_none() && path.exists() {
            if id.is_some() && !path.is_dir() {
                return Err(Failure::Usage(format!(
                    "{} is not a directory, so it has no items with ids; leave out the id",
                    path.display()
                )));
            }
            return Ok((path, id));
        }
        let here = Path::new(".");
        let dir = match &self.dir {
            None if id.is_none() && here.join("manifest.jsonl").exists() => here,
            None => {
                return Err(Failure::Local(format!(
                    "{}: no such file or directory; to show an item by its id, give the directory \
                     of its archive with --dir",
                    path.display()
                )))
            }
            Some(dir) => dir,
        };
        match path.to_str() {
            Some(id) => Ok((dir, Some(id))),
            None => Err(Failure::Usage("an id is text in UTF-8".into())),
        }
    }
}

pub(crate) fn run(args: &Show, output: &mut Output) -> Result<Status, Failure> {
    let (path, wanted) = args.place()?;
    let is_list = path.is_dir() && wanted.is_none();
    if is_list && (args.body || args.extract.is_some() || args.redact || args.all && !args.json) {
        return Err(Failure::Usage(
            "--all, --redact, --body and --extract show one item; give its id after the directory"
                .into(),
        ));
    }
    let options = Options {
        addresses: args.addresses.read()?,
        ..Options::default()
    };
    let mut shower = Shower {
        args,
        options,
        output,
        is_list,
        found: 0,
        status: Status::Exported,
        failure: None,
    };
    payloads::each(path, |found| {
        let id = found.entry.as_ref().and_then(|entry| entry.id.as_deref());
        if shower.failure.is_none() && (wanted.is_none() || wanted == id) {
            shower.found += 1;
            if let Err(failure) = shower.item(&found) {
                shower.failure = Some(failure);
            }
        }
    })?;
    let Shower {
        found,
        status,
        failure,
        ..
    } = shower;
    match failure {
        Some(failure) => Err(failure),
        None if found == 0 && wanted.is_some() => Err(Failure::Usage(
            "the directory has no item with this id; `exportitems show DIR` lists those that it has"
                .into(),
        )),
        None => {
            output.check()?;
            Ok(status)
        }
    }
}

struct Shower<'a> {
    args: &'a Show,
    options: Options,
    output: &'a mut Output,
    is_list: bool,
    found: u64,
    status: Status,
    failure: Option<Failure>,
}

impl Shower<'_> {
    fn item(&mut self, found: &Found) -> Result<(), Failure> {
        let name = found.name();
        if let Some(problem) = &found.problem {
            self.fail(Status::ItemsFailed);
            if self.is_list && !self.args.json {
                self.output.line(&format!("{name}: {problem}"));
            } else {
                say(&format!("{name}: {problem}"));
            }
            return Ok(());
        }
        let local = |error: io::Error| Failure::local(&name, &error);
        let mut file = match found.open() {
            Ok(file) => file,
            Err(error) => {
                self.fail(Status::Local);
                say(&format!("{}: {error}", found.path.display()));
                return Ok(());
            }
        };
        let item = Item::read(&mut file).map_err(local)?;
        if item.verdict == Verdict::Unknown {
            self.fail(Status::ItemsFailed);
            let mut head = Vec::new();
            file.rewind().map_err(local)?;
            let mut start = (&mut file).take(filekind::HEAD as u64);
            start.read_to_end(&mut head).map_err(local)?;
            let kind = filekind::seems(&head)
                .map_or(String::new(), |kind| format!("; it seems to be {kind}"));
            say(&format!("{name}: not an exported item{kind}"));
            return Ok(());
        }
        if item.is_partial() {
            self.fail(Status::ItemsFailed);
        }
        if self.args.body || self.args.extract.is_some() {
            for warning in &item.warnings {
                say(&format!("{name}: {warning}"));
            }
            return self.content(&item, &mut file, &name);
        }
        let summary = Summary::of(&item, &mut file, &self.options).map_err(local)?;
        if self.args.json {
            let line = JsonLine(object(found, &item, &summary, self.args.all));
            self.output.value(&line, Format::Json);
        } else if self.is_list {
            self.row(&name, &item, &summary);
        } else {
            self.tree(found, &item, &summary);
        }
        self.output.check()
    }

    /// Writes the body or an attachment.
    fn content(
        &mut self,
        item: &Item,
        file: &mut std::fs::File,
        name: &str,
    ) -> Result<(), Failure> {
        let mut out = BufWriter::with_capacity(64 * 1024, &mut *self.output);
        let done = match &self.args.extract {
            None => plain::write_body(item, file, &mut out).map(|warnings| {
                for warning in warnings {
                    say(&format!("{name}: {warning}"));
                }
                true
            }),
            Some(number) => {
                let path: Option<Vec<usize>> = number
                    .split('.')
                    .map(|part| part.parse::<usize>().ok()?.checked_sub(1))
                    .collect();
                match path {
                    Some(path) => copy_attachment(item, &path, file, &mut out, &self.options),
                    None => Ok(false),
                }
            }
        };
        let done = done.and_then(|done| out.flush().map(|()| done));
        match done {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::Usage(format!(
                "{name} has no attachment {} with content; `exportitems show` prints their numbers",
                self.args.extract.as_deref().unwrap_or_default()
            ))),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::OutputClosed),
            Err(error) => Err(Failure::local(name, &error)),
        }
    }

    fn fail(&mut self, status: Status) {
        if self.status != Status::Local {
            self.status = status;
        }
    }

    /// One line of a list.
    fn row(&mut self, name: &str, item: &Item, summary: &Summary) {
        let date = summary
            .date
            .map_or_else(|| "-".into(), |date| date.to_string());
        let from = summary.from.as_ref().map_or("-", |from| &from.address);
        let subject = summary.subject.as_deref().unwrap_or("(no subject)");
        let mark = if item.is_partial() { " [partial]" } else { "" };
        self.output
            .line(&format!("{name}  {date}  {from}  {subject}{mark}"));
    }

    fn tree(&mut self, found: &Found, item: &Item, summary: &Summary) {
        let producer = match item.producer {
            Some(version) => format!(", from Exchange {version}"),
            None => String::new(),
        };
        if self.args.redact {
            let (len, verdict) = (item.len, item.verdict);
            self.output
                .line(&format!("{len} bytes, {verdict}{producer}"));
            return self.properties(&item.message, "");
        }
        self.output.line(&format!(
            "{}: {} bytes, {}{producer}",
            found.path.display(),
            item.len,
            item.verdict
        ));
        self.message(summary, "", "");
        for warning in &summary.warnings {
            self.output.line(&format!("note: {warning}"));
        }
        if self.args.all {
            self.output.line("");
            self.properties(&item.message, "");
        }
    }

    fn message(&mut self, summary: &Summary, indent: &str, number: &str) {
        for (name, value) in summary.headers() {
            self.output.line(&format!("{indent}{name}: {value}"));
        }
        for body in &summary.bodies {
            self.output.line(&format!("{indent}- body: {body}"));
        }
        for (index, attachment) in summary.attachments.iter().enumerate() {
            let number = format!("{number}{}", index + 1);
            let AttachmentSummary {
                name,
                media_type,
                bytes,
                content_id,
                embedded,
            } = attachment;
            if let Some(embedded) = embedded {
                self.output
                    .line(&format!("{indent}- {number}: message, {name}"));
                self.message(embedded, &format!("{indent}    "), &format!("{number}."));
                continue;
            }
            let media_type = media_type.as_deref().unwrap_or("no type");
            let id = content_id
                .as_ref()
                .map_or(String::new(), |id| format!(", cid:{id}"));
            self.output.line(&format!(
                "{indent}- {number}: {name}, {media_type}, {bytes} bytes{id}"
            ));
        }
    }

    /// Every property of a message and its parts.
    fn properties(&mut self, message: &Message, indent: &str) {
        let deeper = format!("{indent}    ");
        let strings = message.code_page();
        self.list(&message.properties, strings, indent);
        for (index, recipient) in message.recipients.iter().enumerate() {
            self.output
                .line(&format!("{indent}recipient {}", index + 1));
            self.list(recipient, strings, &deeper);
        }
        for (index, attachment) in message.attachments.iter().enumerate() {
            self.output
                .line(&format!("{indent}attachment {}", index + 1));
            self.list(&attachment.properties, strings, &deeper);
            // The reader bounds the depth at 255.
            if let Some(embedded) = &attachment.embedded {
                self.output.line(&format!("{deeper}message"));
                self.properties(embedded, &format!("{deeper}    "));
            }
        }
    }

    fn list(&mut self, properties: &Properties, strings: u16, indent: &str) {
        for property in &properties.0 {
            let (name, value) = match self.args.redact {
                true => (redacted_label(property), lengths(&property.value)),
                false => (label(property), value_text(property, strings)),
            };
            self.output
                .line(&format!("{indent}{:08X} {name}: {value}", property.tag.0));
        }
    }
}

/// The name of a property, with its set if it has one.
fn label(property: &Property) -> String {
    let name = names::name(property);
    match property.name.as_deref() {
        None => name.unwrap_or_else(|| "(unknown)".into()),
        Some(Name::Text(set, name)) => format!("{}:{name}", names::set_name(*set)),
        Some(Name::Dispid(set, dispid)) => {
            let name = name.unwrap_or_else(|| "(unknown)".into());
            format!("{}:{dispid:04X} {name}", names::set_name(*set))
        }
    }
}

/// The name of a property; of one with a text for a name, only its set, for a user may have made up the name.
fn redacted_label(property: &Property) -> String {
    match property.name.as_deref() {
        Some(Name::Text(set, name)) => {
            format!(
                "{}:({} characters)",
                names::set_name(*set),
                name.chars().count()
            )
        }
        _ => label(property),
    }
}

/// The lengths of a property's values.
fn lengths(value: &exportitems_convert::Value) -> String {
    use exportitems_convert::Value;
    match value {
        Value::Fixed(_) => "fixed size".into(),
        Value::Bytes(_) | Value::Placed(_) => format!("{} bytes", value.len()),
        Value::Many(values) => {
            let shown: Vec<_> = values.iter().take(20).map(lengths).collect();
            let more = if values.len() > 20 { ", …" } else { "" };
            format!("{} values: {}{more}", values.len(), shown.join(", "))
        }
    }
}
