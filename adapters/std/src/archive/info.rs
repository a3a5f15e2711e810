//! The properties of an item that a list of its mailbox contains.

use serde::{Deserialize, Serialize};

/// The properties of an item in its mailbox, from a list of the mailbox.
///
/// A payload does not contain them all: the folder is not part of an item. So the manifest keeps them for people and
/// for a restore. All are optional, because an export by ids alone knows none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ItemInfo {
    /// The path of the folder below the root of the mailbox, see [`folder_path`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder: Option<String>,
    /// The `Id` of the `FolderId`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder_id: Option<String>,
    /// The `FolderClass`, such as `IPF.Note`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub folder_class: Option<String>,
    /// The `DistinguishedFolderId` of a well-known folder, such as `inbox`. Its display name depends on the language.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distinguished_folder: Option<String>,
    /// Whether the item is folder associated information, such as a view or a rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub associated: Option<bool>,
    /// The `ItemClass`, such as `IPM.Note`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item_class: Option<String>,
    /// The `Subject`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<String>,
    /// The `DateTimeReceived`, in the format of RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received: Option<String>,
    /// The `Size` in bytes, as the server counts it. The payload has another size.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
}

impl ItemInfo {
    /// Returns whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&Self> for ItemInfo {
    fn from(info: &Self) -> Self {
        info.clone()
    }
}

/// Nothing is known.
impl From<&()> for ItemInfo {
    fn from((): &()) -> Self {
        Self::default()
    }
}

/// Joins the display names of a folder and its parents, from the root of the mailbox down, to a path.
///
/// The separator is `/`. In a name, `/` becomes `\/` and `\` becomes `\\`. [`folder_names`] undoes it.
///
/// ```
/// use exportitems_std::archive::{folder_names, folder_path};
///
/// let path = folder_path(["Inbox", "2025/26"]);
/// assert_eq!(path, r"Inbox/2025\/26");
/// assert_eq!(folder_names(&path), ["Inbox", "2025/26"]);
/// ```
pub fn folder_path<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut path = String::new();
    for (depth, name) in names.into_iter().enumerate() {
        if depth > 0 {
            path.push('/');
        }
        for c in name.chars() {
            if matches!(c, '/' | '\\') {
                path.push('\\');
            }
            path.push(c);
        }
    }
    path
}

/// Returns the display names in a path of [`folder_path`]. An empty path has none.
#[must_use]
pub fn folder_names(path: &str) -> Vec<String> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut names = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '/' => {
                names.push(String::new());
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        if let Some(name) = names.last_mut() {
            name.push(c);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_in_a_path() {
        let names = ["a", "/", r"\", r"\/", r"a\", "/a", "", "ä/ö"];
        for first in names {
            for second in names {
                let path = folder_path([first, second]);
                assert_eq!(folder_names(&path), [first, second], "{path}");
            }
        }
        assert_eq!(folder_names(""), [""; 0]);
    }
}
