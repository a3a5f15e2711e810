//! A loopback EWS server for `ExportItems` and for lists of mailboxes, with which to test a client without Exchange.
//!
//! It answers in the form of recorded servers. Payloads can have any size, because they are generated while they are
//! sent. A [`Scenario`] describes the faults of the server.
//! It shares no code with the crate `exportitems`, so that each can test the other.
//!
//! ```
//! use exportitems_emulator::{item_id, payload, Emulator, Scenario, DEFAULT_MAILBOX};
//! use std::io::{Read, Write};
//!
//! let emulator = Emulator::start(Scenario::default(), "127.0.0.1:0".parse()?)?;
//! let id = item_id(DEFAULT_MAILBOX, 1, 1_000);
//!
//! // Send the request of a client by hand.
//! let body = format!(
//!     r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
//!     xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
//!     xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">
//!     <s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header>
//!     <s:Body><m:ExportItems><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:ExportItems></s:Body>
//!     </s:Envelope>"#
//! );
//! let mut stream = std::net::TcpStream::connect(emulator.address())?;
//! write!(
//!     stream,
//!     "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
//!      Content-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
//!     emulator.address(),
//!     body.len()
//! )?;
//! let mut response = String::new();
//! stream.read_to_string(&mut response)?;
//!
//! assert!(response.starts_with("HTTP/1.1 200 OK\r\n"));
//! assert!(response.contains(r#"ResponseClass="Success"><m:ResponseCode>NoError<"#));
//! // The response contains these bytes as base64.
//! assert_eq!(payload(1, 1_000)?.len(), 1_000);
//! let request = emulator.requests()[0].export_items.clone().unwrap();
//! assert_eq!(request.ids[0].id, id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The default feature `cli` adds the command, [`Options`] and [`run`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod answer;
mod body;
#[cfg(feature = "cli")]
mod command;
mod connection;
mod content;
mod fault;
mod head;
mod id;
mod log;
mod mailbox;
mod ntlm;
mod pages;
mod payload;
mod proxy;
mod request;
mod scenario;
mod server;
mod service;
mod style;
mod throttle;
mod tls;
mod upload;

#[cfg(feature = "cli")]
pub use command::{run, CommandError, Options};
pub use id::{change_key, item_id, DEFAULT_MAILBOX};
pub use log::{LoggedLogin, LoggedRequest, LoggedTunnel};
pub use mailbox::{Call, Element, MailboxEntry};
pub use ntlm::LoginResult;
pub use payload::{payload, rich_items, Payload, RichItem, SizeError};
pub use request::{ExportItems, RequestedId};
pub use scenario::{
    AfterRoot, Answer, AnsweredId, Auth, Change, ChangeRule, Coding, CutPlace, Echo, ErrorAnswer,
    ExtendedProtection, FaultAnswer, FolderRule, Framing, HttpAnswer, Insert, Inserted, ItemAnswer,
    ItemRange, ItemRule, ItemsAnswer, ListingFault, MailboxItem, MailboxRule, MarkerPlace, Order,
    Page, Position, ProxyRule, Push, RequestRule, ResponseClass, Scenario, ScenarioError,
    ServerVersion, Style, Throttling, TooLarge, Uploads, WindowsAuth, WindowsScheme,
};
pub use server::{Emulator, StartError};
