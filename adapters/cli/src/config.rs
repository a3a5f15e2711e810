//! The configuration file, whose options complete those of the command line.
//!
//! ```text
//! command line ─► its options, among them --config and --server
//! file ─► options of the server, then those of all servers ─► completed command line ─► clap
//! ```
//!
//! An option in the file has the name and the checks of the option on the command line, because clap reads it there.

mod file;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::builder::ValueHint;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::output::say;
use crate::status::Failure;
use file::{File, Setting};

/// The options that a file cannot give, because they select what is read from it.
const SELECTORS: [&str; 2] = ["config", "help"];

/// Options for the secret of a name. They are not used with another name.
const OF_A_NAME: [(&str, &str); 4] = [
    ("password-file", "user"),
    ("password-env", "user"),
    ("password-command", "user"),
    ("client-secret-file", "client-id"),
];

/// The completed command line.
static COMPLETED: OnceLock<Vec<OsString>> = OnceLock::new();

/// Returns the arguments of the command line, completed by the configuration file.
pub(crate) fn arguments() -> impl Iterator<Item = &'static OsString> {
    COMPLETED.get().into_iter().flatten().skip(1)
}

/// Reads the command line, completed by the configuration file.
///
/// Ends the process for wrong usage, and for `--help` and `--version`, as clap does.
pub(crate) fn parse<T: CommandFactory + FromArgMatches>() -> Result<T, Failure> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let command = T::command();
    let (completed, added) = complete(&command, given)?;
    let completed = COMPLETED.get_or_init(|| completed);
    let matches = command.try_get_matches_from(completed);
    match matches.and_then(|matches| T::from_arg_matches(&matches)) {
        Ok(arguments) => Ok(arguments),
        Err(error) => {
            let is_wrong = !matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            if let (true, Some(added)) = (is_wrong, added) {
                say(&added);
            }
            error.exit()
        }
    }
}

/// Reads another command line than that of the process, completed by the configuration file.
#[cfg(feature = "fleet")]
pub(crate) fn parse_from<T: CommandFactory + FromArgMatches>(
    given: Vec<OsString>,
) -> Result<T, Failure> {
    let command = T::command();
    let (completed, _) = complete(&command, given)?;
    let matches = command.try_get_matches_from(completed);
    let arguments = matches.and_then(|matches| T::from_arg_matches(&matches));
    arguments.map_err(|error| Failure::Usage(error.to_string()))
}

/// Returns the names of the servers in the configuration file.
#[cfg(feature = "fleet")]
pub(crate) fn servers(given: Option<&Path>) -> Result<Vec<String>, Failure> {
    match path(given)? {
        Some(path) => Ok(File::read(&path)?.server_names()),
        None => Ok(Vec::new()),
    }
}

/// Adds the options of the file to the command line. Also returns a text that names them, if there are any.
fn complete(
    command: &Command,
    mut given: Vec<OsString>,
) -> Result<(Vec<OsString>, Option<String>), Failure> {
    // Required options may be in the file, so they may be missing here.
    let lenient = command.clone().ignore_errors(true);
    let Ok(matches) = lenient.try_get_matches_from(&given) else {
        return Ok((given, None));
    };
    let (mut subcommand, mut matches, mut at) = (command, &matches, 1);
    // A subcommand may have subcommands of its own.
    while let Some((name, inner)) = matches.subcommand() {
        let Some(found) = subcommand.find_subcommand(name) else {
            return Ok((given, None));
        };
        let rest = given.iter().skip(at);
        at += rest.take_while(|argument| *argument != name).count() + 1;
        (subcommand, matches) = (found, inner);
    }
    if subcommand
        .get_arguments()
        .all(|arg| arg.get_id() != "config")
    {
        return Ok((given, None));
    }
    let server = matches.try_get_one::<String>("server").ok().flatten();
    let server = server.map(String::as_str);
    let Some(path) = path(matches.get_one("config").map(PathBuf::as_path))? else {
        return match server {
            Some(_) => Err(Failure::Usage(
                "--server: there is no configuration file; give one with --config".to_owned(),
            )),
            None => Ok((given, None)),
        };
    };
    let file = File::read(&path)?;
    let mut options = Options::of_command_line(subcommand, matches);
    // Mistakes in the options of other servers are errors too.
    for setting in file.settings() {
        options.find(command, setting, &file)?;
    }
    for layer in file.layers(server)? {
        options.add(command, layer, &file)?;
    }
    let added = options.text(&file);
    let at = at.min(given.len());
    given.splice(at..at, options.arguments);
    Ok((given, added))
}

/// Returns the file of `--config`, otherwise that of the user if it exists.
fn path(given: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = given {
        return Ok(Some(path.to_owned()));
    }
    let variable = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        // According to the XDG Base Directory Specification, a relative path is ignored.
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let folder = match cfg!(windows) {
        true => variable("APPDATA"),
        false => variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config"))),
    };
    let Some(path) = folder.map(|folder| folder.join("exportitems").join("config.toml")) else {
        return Ok(None);
    };
    match path.try_exists() {
        Ok(exists) => Ok(exists.then_some(path)),
        Err(error) => Err(Failure::local(&path.display().to_string(), &error)),
    }
}

/// The options of a subcommand that are known so far.
struct Options<'c> {
    subcommand: &'c Command,
    /// The options on the command line and in the layers of the file so far.
    known: Vec<&'c Arg>,
    /// The arguments to add to the command line.
    arguments: Vec<OsString>,
    added: Vec<String>,
}

impl<'c> Options<'c> {
    fn of_command_line(subcommand: &'c Command, matches: &ArgMatches) -> Self {
        let is_given = |arg: &&Arg| {
            matches.try_contains_id(arg.get_id().as_str()).is_ok()
                && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        Self {
            subcommand,
            known: subcommand.get_arguments().filter(is_given).collect(),
            arguments: Vec::new(),
            added: Vec::new(),
        }
    }

    /// Adds the settings that no earlier layer gives or excludes.
    fn add(&mut self, command: &Command, layer: Vec<&Setting>, file: &File) -> Result<(), Failure> {
        let mut found = Vec::new();
        for setting in layer {
            if let Some(arg) = self.find(command, setting, file)? {
                if !self.is_excluded(arg) {
                    found.push((arg, setting));
                }
            }
        }
        for (arg, setting) in found {
            self.known.push(arg);
            self.added.push(format!("--{}", setting.name));
            self.push(arg, setting, file)?;
        }
        Ok(())
    }

    /// Finds the option of a setting; `None` if only other subcommands have it.
    fn find(
        &self,
        command: &Command,
        setting: &Setting,
        file: &File,
    ) -> Result<Option<&'c Arg>, Failure> {
        let is_it = |arg: &&Arg| {
            arg.get_long() == Some(&setting.name) && !SELECTORS.contains(&&*setting.name)
        };
        if let Some(arg) = self.subcommand.get_arguments().find(is_it) {
            return Ok(Some(arg));
        }
        if has_option(command, &is_it) {
            return Ok(None);
        }
        Err(file.wrong(setting.line, &unknown(&setting.name)))
    }

    /// Returns whether an earlier layer gives this option, or one that conflicts with it.
    fn is_excluded(&self, arg: &Arg) -> bool {
        let long = arg.get_long().unwrap_or_default();
        let of_a_name = OF_A_NAME.iter().find(|(option, _)| *option == long);
        let conflicts = self.subcommand.get_arg_conflicts_with(arg);
        self.known.iter().any(|known| {
            let excludes = self.subcommand.get_arg_conflicts_with(known);
            known.get_id() == arg.get_id()
                || conflicts.iter().any(|it| it.get_id() == known.get_id())
                || excludes.iter().any(|it| it.get_id() == arg.get_id())
                || of_a_name.is_some_and(|(_, name)| known.get_long() == Some(name))
        })
    }

    /// Adds the arguments of one setting.
    fn push(&mut self, arg: &Arg, setting: &Setting, file: &File) -> Result<(), Failure> {
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        let wrong = |text: &str| Err(file.wrong(setting.line, text));
        let values = match (&setting.value, is_flag) {
            (file::Value::Flag(true), true) => {
                self.arguments.push(format!("--{}", setting.name).into());
                return Ok(());
            }
            (file::Value::Flag(false), true) => return Ok(()),
            (_, true) => return wrong("the value must be true or false"),
            (file::Value::Flag(_), false) => return wrong("the value must be a text"),
            (file::Value::Texts(values), false) => values,
        };
        if values.len() != 1 && !matches!(arg.get_action(), ArgAction::Append) {
            return wrong("the option takes one value, not a list");
        }
        let is_path = matches!(arg.get_value_hint(), ValueHint::AnyPath);
        for value in values {
            let mut argument = OsString::from(format!("--{}=", setting.name));
            match is_path && value != "-" {
                // A path is relative to the folder of the file.
                true => argument.push(file.folder().join(value)),
                false => argument.push(value),
            }
            self.arguments.push(argument);
        }
        Ok(())
    }

    fn text(&self, file: &File) -> Option<String> {
        (!self.added.is_empty()).then(|| {
            format!(
                "note: {} gives the options {}",
                file.name(),
                self.added.join(", ")
            )
        })
    }
}

/// Returns whether a command or a subcommand has an option.
fn has_option(command: &Command, is_it: &impl Fn(&&Arg) -> bool) -> bool {
    command.get_arguments().any(|arg| is_it(&arg))
        || command
            .get_subcommands()
            .any(|command| has_option(command, is_it))
}

fn unknown(name: &str) -> String {
    let is_secret = ["password", "secret", "token", "bearer", "credential"]
        .iter()
        .any(|word| name.contains(word));
    let shown = Path::new(name).display();
    match is_secret {
        true => format!(
            "unknown option {shown}; a configuration file must not contain secrets; say where a secret is with password-file, \
             password-env, password-command, bearer-file, bearer-env, token-command or client-secret-file"
        ),
        false => format!(
            "unknown option {shown}; the options are those of the command line without the two hyphens"
        ),
    }
}
