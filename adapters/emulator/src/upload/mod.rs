//! Uploaded items: from the body of a request to files, and back into responses.
//!
//! ```text
//! body of a request ─► Spool ─► text without data ─► request ─► mailbox::write ─► Mailboxes
//!                        └────► data, one file each ─► Uploaded ────────────────────┘
//! ```

mod journal;
mod spool;
mod stream;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use journal::{Directory, Entry, Event, Journal};
pub(crate) use spool::{Body, Spool, Spooled};
pub(crate) use stream::{accepts, read_properties, Properties};

use crate::id::Item;

/// An uploaded payload, which is kept in a file.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) properties: Properties,
}

/// The payload of an item.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// It is generated.
    Generated(Item),
    /// It was uploaded.
    Uploaded(Arc<Uploaded>),
}

impl Data {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Generated(item) => item.size,
            Self::Uploaded(uploaded) => uploaded.size,
        }
    }
}

impl Uploaded {
    /// Reads the properties of a payload whose records are valid.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let mut file = File::open(&path)?;
        Ok(Self {
            size: file.metadata()?.len(),
            properties: read_properties(&mut file).unwrap_or_default(),
            path,
        })
    }
}
