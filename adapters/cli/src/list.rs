//! `exportitems list`: lists the items of a mailbox.

use core::time::Duration;

use exportitems::policy::Disposition;
use exportitems_std::list::{
    is_well_known, select, Filter, Folder, ListError, ListedItem, Lister, Scope,
};
use exportitems_std::{error_chain, Client};
use serde::Serialize;

use crate::advice;
use crate::ids::ListLine;
use crate::mailbox::{self, count, MailboxOption};
use crate::output::{say, visible, Format, Output};
use crate::request::SoapOptions;
use crate::server::{build, ServerOptions};
use crate::status::{Failure, Status};

/// Lists the items of a mailbox, one per line, for `export --ids`.
///
/// A line is a JSON object with the id, the change key and what the server says about the item and its folder. Search
/// folders are left out, because they only show items of other folders.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls)] // clap prints these lines without rendering Markdown
#[allow(clippy::struct_excessive_bools)] // each is an option
pub(crate) struct List {
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    soap: SoapOptions,
    #[command(flatten)]
    mailbox: MailboxOption,
    /// List only this folder: a display name, a path such as Inbox/2025, a well-known name such as inbox,
    /// or an id. In a path, `\/` is a slash in a name. May be given more than once.
    #[arg(long, value_name = "NAME|PATH|ID")]
    folder: Vec<String>,
    /// List the folders within those of --folder too.
    #[arg(long, requires = "folder")]
    recursive: bool,
    /// List the archive mailbox, which Outlook shows as Online Archive, instead of the primary mailbox.
    #[arg(long)]
    archive: bool,
    /// List the recoverable items too: deleted items that the user does not see.
    #[arg(long)]
    dumpster: bool,
    /// List folder associated information too: hidden items such as views and rules.
    #[arg(long)]
    associated: bool,
    /// List only items that were received at this time or later, such as 2026-01-31 or 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// List only items whose class begins with this text, such as IPM.Note.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// List the folders instead of the items.
    #[arg(long, conflicts_with_all = ["associated", "since", "class", "tsv"])]
    folders: bool,
    /// Print the id, a tab and the change key instead of JSON.
    #[arg(long)]
    tsv: bool,
    /// Wait at most this many seconds for a busy or unreachable server.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    retry_for: u32,
}

/// A line about a folder.
#[derive(Serialize)]
struct FolderLine<'f> {
    folder: &'f str,
    folder_id: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder_class: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinguished_folder: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl core::fmt::Display for FolderLine<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.folder)
    }
}

pub(crate) fn run(args: &List, output: &mut Output) -> Result<Status, Failure> {
    let filter = Filter {
        since: args.since.as_deref().map(time).transpose()?,
        class: args.class.clone(),
    };
    let roles = args.soap.roles();
    let headers = args.soap.headers(&roles);
    let impersonated = args.soap.impersonated_address();
    let mut client = client(args, impersonated)?;
    let mut lister = Lister::new(&mut client, headers)
        .server_version(args.soap.server_version())
        .patience(Duration::from_secs(args.retry_for.into()))
        .on_wait(|wait, error| say(&mailbox::waiting(wait, error)));
    if let (Some(mailbox), false) = (args.mailbox.address(), args.soap.impersonates()) {
        lister = lister.mailbox(mailbox);
    }
    let scope = Scope {
        archive: args.archive,
        dumpster: args.dumpster,
    };
    let folders = lister.folders(scope).map_err(failure)?;
    let chosen = chosen(&mut lister, &folders, args).map_err(failure)?;
    let mut run = Run {
        output,
        tsv: args.tsv,
        status: Status::Exported,
        items: 0,
        uncertain: 0,
    };
    for folder in &chosen {
        if args.folders {
            run.folder(folder);
        } else {
            run.items(&mut lister, folder, args.associated, &filter)?;
        }
        run.output.check()?;
    }
    run.finish(chosen.len() as u64);
    Ok(run.status)
}

fn client(args: &List, impersonated: Option<&str>) -> Result<Client, Failure> {
    let anchor = args.mailbox.address().or(impersonated);
    build(args.server.anchored(args.server.credentials()?, anchor)?)
}

/// Returns the folders to list.
fn chosen(
    lister: &mut Lister<'_>,
    folders: &[Folder],
    args: &List,
) -> Result<Vec<Folder>, ListError> {
    if args.folder.is_empty() {
        return Ok(folders.to_vec());
    }
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for name in &args.folder {
        match select(folders, core::slice::from_ref(name), false) {
            // A well-known folder may be outside of the folders that are listed by default.
            Err(_) if is_well_known(name) => others.push(lister.folder(name)?),
            Err(error) => return Err(error.into()),
            Ok(_) => names.push(name.clone()),
        }
    }
    let chosen = select(folders, &names, args.recursive)?;
    Ok(chosen.into_iter().cloned().chain(others).collect())
}

/// Reads a date or a time.
fn time<T: core::str::FromStr>(text: &str) -> Result<T, Failure> {
    let midnight = format!("{text}T00:00:00Z");
    let time = text.parse().or_else(|_| midnight.parse());
    time.map_err(|_| {
        Failure::Usage(format!(
            "--since {text}: write a date such as 2026-01-31, or a time such as 2026-01-31T08:00:00Z"
        ))
    })
}

/// Makes the failure for a list that cannot be begun.
pub(crate) fn failure(error: ListError) -> Failure {
    match error {
        ListError::Select(error) => Failure::Usage(format!("--folder: {error}")),
        ListError::Request(error) => error.into(),
        ListError::Interrupted => Failure::Interrupted,
        ListError::Client(error) => {
            let text = error_chain(&error);
            let text = match advice::of_failure(&error) {
                Some(advice) => format!("{text}; {advice}"),
                None => text,
            };
            match error.disposition() {
                Disposition::Auth => Failure::Login(text),
                _ => Failure::Response(text),
            }
        }
        other => Failure::Response(error_chain(&other)),
    }
}

struct Run<'o> {
    output: &'o mut Output,
    tsv: bool,
    status: Status,
    items: u64,
    /// The number of folders whose list may miss items.
    uncertain: u64,
}

impl Run<'_> {
    fn folder(&mut self, folder: &Folder) {
        let line = FolderLine {
            folder: &folder.path,
            folder_id: &folder.id,
            folder_class: folder.class.as_deref(),
            distinguished_folder: folder.distinguished.as_deref(),
            items: folder.items,
            associated: folder.associated,
            bytes: folder.bytes,
        };
        self.output.value(&line, Format::Json);
    }

    /// Lists the items of a folder. A folder that the server refuses does not end the list.
    fn items(
        &mut self,
        lister: &mut Lister<'_>,
        folder: &Folder,
        associated: bool,
        filter: &Filter,
    ) -> Result<(), Failure> {
        let found = match lister.items(folder, associated, filter) {
            Ok(found) => found,
            Err(
                error @ (ListError::Refused { .. }
                | ListError::Stuck { .. }
                | ListError::WithoutId { .. }),
            ) if !error.is_transient() => {
                say(&format!("{error}; the other folders are listed"));
                self.status = Status::ItemsFailed;
                return Ok(());
            }
            Err(error) => return Err(failure(error)),
        };
        self.uncertain += u64::from(!found.is_certain);
        for item in found.items {
            self.items += 1;
            self.item(item);
        }
        Ok(())
    }

    fn item(&mut self, item: ListedItem) {
        if self.tsv {
            let key = item.change_key.unwrap_or_default();
            let [id, key] = [&item.id, &key].map(|text| visible(text));
            self.output.bytes(format!("{id}\t{key}\n").as_bytes());
        } else {
            self.output.value(&ListLine::from(item), Format::Json);
        }
    }

    fn finish(&self, folders: u64) {
        if self.uncertain > 0 {
            let folders = count(self.uncertain, "folder", "folders");
            say(&format!(
                "note: {folders} changed during the search, so items may be missing; run the command again"
            ));
        }
        let items = count(self.items, "item", "items");
        say(&format!(
            "{items} in {}",
            count(folders, "folder", "folders")
        ));
    }
}
