//! Signed and encrypted messages, [MS-OXOSMIME]: the one attachment is the message's content.
//!
//! [MS-OXOSMIME]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxosmime/

use std::io::{self, Read as _};

use super::Writer;
use crate::encode::Base64Writer;
use crate::header::Headers;
use crate::item::{Message, Value};
use crate::source::ValueReader;
use crate::warning::WarningKind;

/// The maximum length of the header of a signed entity, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// The prefix of the classes of signed and encrypted messages.
const CLASS: &str = "ipm.note.smime";

/// Returns whether a message may be signed or encrypted: its class says so, and it has one attachment, by value.
pub(super) fn is_candidate(message: &Message) -> bool {
    data(message).is_some() && message.class().starts_with(CLASS)
}

fn data(message: &Message) -> Option<&Value> {
    let [attachment] = &message.attachments[..] else {
        return None;
    };
    let data = &attachment.properties.get(0x3701)?.value;
    (attachment.embedded.is_none() && !data.is_empty()).then_some(data)
}

impl Writer<'_> {
    /// Writes the content of a signed or encrypted message as it is, after the message's own fields; `false` if it is
    /// an ordinary one.
    pub(super) fn smime(&mut self, message: &Message) -> io::Result<bool> {
        let Some(data) = data(message).filter(|_| message.class().starts_with(CLASS)) else {
            return Ok(false);
        };
        let strings = Self::strings(message);
        let (mut stated, mut name) = (String::new(), String::new());
        if let Some(attachment) = message.attachments.first() {
            let mut line = |id| self.values.line(&attachment.properties, id, strings);
            stated = line(0x370E)?.unwrap_or_default().to_ascii_lowercase();
            name = line(0x3707)?.unwrap_or_default();
        }
        let class = message.class();
        if class == "ipm.note.smime.multipartsigned" || stated.starts_with("multipart/signed") {
            return self.signed(data);
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let is_named = extension.is_some_and(|it| it.eq_ignore_ascii_case("p7m"));
        self.opaque(data, is_named || stated.contains("pkcs7-mime"))
    }

    /// Copies a `multipart/signed`, whose bytes the signature covers; returns `false` if it has no header.
    fn signed(&mut self, data: &Value) -> io::Result<bool> {
        let mut head = Vec::new();
        let mut bytes = ValueReader::new(data, self.values.source)?;
        (&mut bytes).take(MAX_HEAD as u64).read_to_end(&mut head)?;
        let Some((fields, body)) = split_head(&head) else {
            return Ok(false);
        };
        let fields = String::from_utf8_lossy(fields);
        // The signature does not cover the outermost fields: those that describe the content are needed, others are
        // not the sender's.
        let mut kept = String::new();
        let mut dropped = Vec::new();
        let mut keeps = false;
        for line in fields.lines().filter(|line| !line.is_empty()) {
            if !line.starts_with([' ', '\t']) {
                let name = line.split(':').next().unwrap_or_default().trim_end();
                let lower = name.to_ascii_lowercase();
                keeps = lower.starts_with("content-") && line.contains(':');
                if !keeps && lower != "mime-version" {
                    dropped.push(name.chars().take(40).collect::<String>());
                }
            }
            if keeps {
                kept.push_str(&line.replace(['\r', '\0'], " "));
                kept.push_str("\r\n");
            }
        }
        if !kept.to_ascii_lowercase().contains("content-type:") {
            return Ok(false);
        }
        self.out.write_all(b"MIME-Version: 1.0\r\n")?;
        self.out.write_all(kept.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        self.out.write_all(body)?;
        bytes.copy(self.out)?;
        for name in dropped {
            self.values.warn(WarningKind::DroppedHeader, name);
        }
        Ok(true)
    }

    /// Writes CMS data, signed or encrypted; returns `false` if the data are something else.
    fn opaque(&mut self, data: &Value, is_stated: bool) -> io::Result<bool> {
        // 1.2.840.113549.1.7, PKCS #7: 2 signedData, 3 envelopedData.
        const PKCS7: [u8; 10] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
        let mut start = Vec::new();
        (ValueReader::new(data, self.values.source)?.take(64)).read_to_end(&mut start)?;
        let at = start.windows(PKCS7.len()).position(|it| it == PKCS7);
        let kind = match at.and_then(|at| start.get(at + PKCS7.len())) {
            Some(2) => Some("signed-data"),
            Some(3) => Some("enveloped-data"),
            _ if !is_stated => return Ok(false),
            _ => None,
        };
        let mut parameters = Vec::new();
        parameters.extend(kind.map(|kind| ("smime-type", kind)));
        parameters.push(("name", "smime.p7m"));
        let mut headers = Headers::default();
        headers.text("MIME-Version", "1.0");
        headers.parameters("Content-Type", "application/pkcs7-mime", &parameters);
        let name = [("filename", "smime.p7m")];
        headers.parameters("Content-Disposition", "attachment", &name);
        headers.text("Content-Transfer-Encoding", "base64");
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        let mut encoder = Base64Writer::new(self.out);
        ValueReader::new(data, self.values.source)?.copy(&mut encoder)?;
        encoder.finish()?;
        self.out.write_all(b"\r\n")?;
        Ok(true)
    }
}

/// Splits an entity after the empty line that ends its header.
fn split_head(entity: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    for line in entity.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line == b"\r\n" || line == b"\n" {
            return Some((entity.get(..at)?, entity.get(at..)?));
        }
    }
    None
}
