//! A configuration file in TOML: options, and tables of the options of each server.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use toml::Spanned;

use crate::status::Failure;
use crate::textfile;

/// The table of the tables of servers.
const SERVERS: &str = "servers";
/// The option that names the server.
const SERVER: &str = "server";

/// A configuration file.
pub(super) struct File {
    path: PathBuf,
    /// The options of all servers.
    common: Vec<Setting>,
    /// The server that is used if the command line names none.
    default: Option<String>,
    servers: Vec<(String, Vec<Setting>)>,
}

/// One option.
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) line: usize,
}

/// The value of an option.
pub(super) enum Value {
    Flag(bool),
    /// Texts and numbers; several for an option that may be repeated.
    Texts(Vec<String>),
}

impl File {
    /// Reads a file. Refuses one that other users can write.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let failed = |error| Failure::local(&name, &error);
        let mut opened = std::fs::File::open(path).map_err(failed)?;
        safety::check(path, &opened)?;
        let mut bytes = Vec::new();
        opened.read_to_end(&mut bytes).map_err(failed)?;
        let text = textfile::decode(&bytes)
            .map_err(|_| Failure::Usage(format!("{name}: not UTF-8; save the file as UTF-8")))?;
        let mut file = Self {
            path: path.to_owned(),
            common: Vec::new(),
            default: None,
            servers: Vec::new(),
        };
        file.parse(&text)?;
        Ok(file)
    }

    fn parse(&mut self, text: &str) -> Result<(), Failure> {
        let line = |at: usize| {
            1 + text
                .get(..at)
                .map_or(0, |before| before.matches('\n').count())
        };
        // `Display` of the error quotes the line, which may contain a secret by mistake.
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(line(at), error.message())
        })?;
        for (key, value) in table.get_ref() {
            let at = line(key.span().start);
            match (&**key.get_ref(), value.get_ref()) {
                (SERVERS, DeValue::Table(servers)) => {
                    for (name, server) in servers {
                        let at = line(name.span().start);
                        let DeValue::Table(server) = server.get_ref() else {
                            return Err(self.wrong(at, "a server is a table: write [servers.NAME]"));
                        };
                        let settings = server
                            .iter()
                            .map(|(key, value)| self.setting(key, value, &line))
                            .collect::<Result<_, _>>()?;
                        self.servers.push((name.get_ref().to_string(), settings));
                    }
                }
                (SERVERS, _) => {
                    return Err(self.wrong(at, "write the options of a server as [servers.NAME]"));
                }
                (SERVER, DeValue::String(name)) => self.default = Some(name.to_string()),
                (_, DeValue::Table(_)) => {
                    return Err(self.wrong(
                        at,
                        "unknown table; the options of a server are in [servers.NAME]",
                    ));
                }
                _ => {
                    let setting = self.setting(key, value, &line)?;
                    self.common.push(setting);
                }
            }
        }
        Ok(())
    }

    fn setting(
        &self,
        key: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue<'_>>,
        line: &impl Fn(usize) -> usize,
    ) -> Result<Setting, Failure> {
        let at = line(key.span().start);
        let texts = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|value| text(value.get_ref())).collect(),
            DeValue::Boolean(flag) => {
                return Ok(Setting {
                    name: key.get_ref().as_ref().to_owned(),
                    value: Value::Flag(*flag),
                    line: at,
                });
            }
            value => text(value).map(|text| vec![text]),
        };
        let texts: Option<Vec<String>> = texts;
        let texts = texts.ok_or_else(|| {
            self.wrong(
                at,
                "the value must be a text, a number, true, false or a list of texts",
            )
        })?;
        Ok(Setting {
            name: key.get_ref().as_ref().to_owned(),
            value: Value::Texts(texts),
            line: at,
        })
    }

    /// Returns the options of all servers and of each.
    pub(super) fn settings(&self) -> impl Iterator<Item = &Setting> {
        let servers = self.servers.iter().flat_map(|(_, settings)| settings);
        self.common.iter().chain(servers)
    }

    /// Returns the options by precedence: those of the server, if there is one, and those of all servers.
    pub(super) fn layers(&self, server: Option<&str>) -> Result<Vec<Vec<&Setting>>, Failure> {
        let common = self.common.iter().collect();
        let Some(wanted) = server.or(self.default.as_deref()) else {
            return Ok(vec![common]);
        };
        let mut servers = self.servers.iter();
        let Some((_, settings)) = servers.find(|(name, _)| name == wanted) else {
            let names: Vec<_> = self.servers.iter().map(|(name, _)| &**name).collect();
            let known = match &names[..] {
                [] => "it has none: write [servers.NAME]".to_owned(),
                names => format!("its servers are {}", names.join(", ")),
            };
            return Err(Failure::Usage(format!(
                "{}: no server has the name {wanted}; {known}",
                self.name()
            )));
        };
        Ok(vec![settings.iter().collect(), common])
    }

    /// Returns the names of the servers.
    #[cfg(feature = "fleet")]
    pub(super) fn server_names(&self) -> Vec<String> {
        self.servers.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Returns the folder that relative paths begin at.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or_else(|| Path::new(""))
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Makes the error for a line.
    pub(super) fn wrong(&self, line: usize, text: &str) -> Failure {
        Failure::Usage(format!("{}:{line}: {text}", self.name()))
    }
}

/// A text or a number.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

/// Refuses a file that other users can write or replace. It decides where passwords are sent, and names programs that are
/// run.
#[cfg(unix)]
mod safety {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{absolute, Path};

    use crate::status::Failure;

    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;

    pub(super) fn check(path: &Path, file: &File) -> Result<(), Failure> {
        let name = path.display();
        let failed = |error| Failure::local(&name.to_string(), &error);
        let file = file.metadata().map_err(failed)?;
        // A pipe or a device has no content of its own.
        if !file.is_file() {
            return Ok(());
        }
        let user = rustix::process::geteuid().as_raw();
        if file.uid() != user && file.uid() != 0 {
            return Err(Failure::Usage(format!(
                "{name}: the file belongs to another user, who can write it; use your own copy"
            )));
        }
        if file.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(Failure::Usage(format!(
                "{name}: other users can write the file; run chmod go-w {name}"
            )));
        }
        // The file may be a symbolic link, which could be replaced too.
        for path in [absolute(path), path.canonicalize()] {
            for folder in path.map_err(failed)?.ancestors().skip(1) {
                let mode = std::fs::metadata(folder).map_err(failed)?.mode();
                // In a sticky folder, such as /tmp, only the owner of a file can replace it.
                if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
                    return Err(Failure::Usage(format!(
                        "{name}: other users can replace the file; run chmod go-w {}",
                        folder.display()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Windows protects the user's folder of configuration files by access control lists, which the standard library cannot
/// read.
#[cfg(not(unix))]
mod safety {
    use std::fs::File;
    use std::path::Path;

    use crate::status::Failure;

    #[allow(clippy::unnecessary_wraps)] // the other one can fail
    pub(super) fn check(_path: &Path, _file: &File) -> Result<(), Failure> {
        Ok(())
    }
}
