//! An item as an Internet message.

mod attachments;
mod fields;
mod report;
mod smime;

use std::io::{self, Write};

use crate::address::AddressMap;
use crate::body::{Bodies, Body, Survey};
use crate::encode::{Base64Writer, QuotedPrintableWriter};
use crate::header::Headers;
use crate::ics;
use crate::item::{Item, Message};
use crate::rtf;
use crate::source::{Source, ValueReader};
use crate::values::{strings, Values};
use crate::vcf;
use crate::warning::{Warning, WarningKind};

use report::Report;

pub(crate) use attachments::file_name;
pub(crate) use fields::{date, subject, People};

/// The maximum depth of embedded messages that are written.
const MAX_DEPTH: usize = 32;

/// How an item is written.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where headers come from.
    pub headers: HeaderSource,
    /// SMTP addresses of users of Exchange.
    pub addresses: AddressMap,
}

/// Where the headers of a message come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderSource {
    /// Those that the message arrived with, where the item has them; what they lack comes from the properties.
    #[default]
    Original,
    /// The properties, which a user may have changed after the message arrived.
    Rebuilt,
}

/// Writes an item as an Internet message (`.eml`), with CRLF at its line ends.
///
/// `source` is the payload that the item was read from. Nothing of the size of an attachment is held.
/// The same item gives the same bytes.
///
/// # Errors
/// Those of the source and of the writer. What is missing in the message is no error, but a [`Warning`].
pub fn write(
    item: &Item,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    write_message(item, &item.message, source, out, options)
}

/// Writes a message of an item.
pub(crate) fn write_message(
    item: &Item,
    message: &Message,
    source: &mut dyn Source,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<Vec<Warning>> {
    let mut writer = Writer {
        item,
        values: Values::new(source),
        out,
        options,
        fingerprint: item.hash(),
        boundaries: 0,
    };
    writer.message(message, 0)?;
    Ok(writer.values.warnings)
}

struct Writer<'a> {
    item: &'a Item,
    values: Values<'a>,
    out: &'a mut dyn Write,
    options: &'a Options,
    /// Of the payload: no part of it can contain a boundary that is made of its hash.
    fingerprint: String,
    boundaries: u32,
}

/// A form of the body.
enum Alternative<'a> {
    Body(&'a Body<'a>, &'static str, &'a Survey),
    Calendar(ics::Kind),
}

/// An open multipart.
struct Multipart {
    boundary: String,
    has_parts: bool,
}

impl Writer<'_> {
    /// Writes the headers of a message and its body.
    fn message(&mut self, message: &Message, depth: usize) -> io::Result<()> {
        let mut headers = Headers::default();
        fields::write(&mut headers, message, &mut self.values, self.options)?;
        self.out.write_all(headers.out.as_bytes())?;
        if self.smime(message)? {
            return Ok(());
        }
        self.out.write_all(b"MIME-Version: 1.0\r\n")?;

        let bodies = Bodies::of(message, &mut self.values)?;
        let mut html_survey = Survey::default();
        if let Some(html) = &bodies.html {
            html.write(&mut self.values, &mut html_survey)?;
        }
        let parts = self.parts(message, &html_survey, depth)?;
        let has_html = bodies.html.is_some();
        let (inline, attached): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .partition(|part| part.is_inline && has_html);

        // mixed( related( alternative(text, html), inline… ), attachment… )
        let report = Report::of(message);
        let is_contact = vcf::is_contact(message);
        let mut mixed = None;
        if let Some(report) = report {
            let report_type = [("report-type", report.report_type())];
            mixed = Some(self.open(None, "report", &report_type)?);
        } else if !attached.is_empty() || bodies.rtf.is_some() || is_contact {
            mixed = Some(self.open(None, "mixed", &[])?);
        }
        let mut related = None;
        if !inline.is_empty() {
            let is_alone = bodies.text.is_none() && ics::Kind::of(message).is_none();
            let root = match is_alone {
                true => "text/html",
                false => "multipart/alternative",
            };
            related = Some(self.open(mixed.as_mut(), "related", &[("type", root)])?);
        }
        let outer = related.as_mut().or(mixed.as_mut());
        self.bodies(message, &bodies, &html_survey, outer)?;
        if let Some(mut related) = related {
            for part in inline {
                self.begin(&mut related)?;
                self.part(&part, depth)?;
            }
            self.close(&related)?;
        }
        if let Some(mut mixed) = mixed {
            if let Some(report) = report {
                self.begin(&mut mixed)?;
                self.report(report, message)?;
            }
            if is_contact {
                self.begin(&mut mixed)?;
                self.card(message)?;
            }
            if let Some(property) = bodies.rtf {
                self.begin(&mut mixed)?;
                self.rtf_part(property)?;
            }
            for part in attached {
                self.begin(&mut mixed)?;
                self.part(&part, depth)?;
            }
            self.close(&mixed)?;
        }
        Ok(())
    }

    /// Writes the text, the HTML and the calendar object, or an empty text.
    fn bodies(
        &mut self,
        message: &Message,
        bodies: &Bodies<'_>,
        html_survey: &Survey,
        mut outer: Option<&mut Multipart>,
    ) -> io::Result<()> {
        let mut text_survey = Survey::default();
        if let Some(text) = &bodies.text {
            text.write(&mut self.values, &mut text_survey)?;
        }
        let text = bodies.text.as_ref();
        let text = text.map(|text| Alternative::Body(text, "text/plain", &text_survey));
        let html = bodies.html.as_ref();
        let html = html.map(|html| Alternative::Body(html, "text/html", html_survey));
        let calendar = ics::Kind::of(message).map(Alternative::Calendar);
        let all: Vec<_> = [text, html, calendar].into_iter().flatten().collect();
        match &all[..] {
            [] => {
                self.begin_in(&mut outer)?;
                self.out
                    .write_all(b"Content-Type: text/plain; charset=us-ascii\r\n\r\n")
            }
            [only] => {
                self.begin_in(&mut outer)?;
                self.alternative(message, only, outer.is_none())
            }
            all => {
                let mut alternative = self.open(outer, "alternative", &[])?;
                for part in all {
                    self.begin(&mut alternative)?;
                    self.alternative(message, part, false)?;
                }
                self.close(&alternative)
            }
        }
    }

    fn alternative(
        &mut self,
        message: &Message,
        part: &Alternative<'_>,
        is_last: bool,
    ) -> io::Result<()> {
        match part {
            Alternative::Body(body, media_type, survey) => {
                self.body(body, media_type, survey, is_last)
            }
            Alternative::Calendar(kind) => self.calendar(message, *kind, is_last),
        }
    }

    /// Writes an appointment, a meeting or a task as a program reads it, RFC 6047.
    fn calendar(&mut self, message: &Message, kind: ics::Kind, is_last: bool) -> io::Result<()> {
        let parameters = [("charset", "utf-8"), ("method", kind.method())];
        let mut headers = Headers::default();
        headers.parameters("Content-Type", "text/calendar", &parameters);
        headers.text("Content-Transfer-Encoding", "base64");
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        let mut encoder = Base64Writer::new(self.out);
        let source = &mut *self.values.source;
        let (item, options) = (self.item, self.options);
        let warnings = ics::write_part(item, message, kind, source, &mut encoder, options)?;
        encoder.finish()?;
        for Warning { kind, detail } in warnings {
            self.values.warn(kind, detail);
        }
        match is_last {
            true => self.out.write_all(b"\r\n"),
            false => Ok(()),
        }
    }

    /// Writes a contact or a distribution list as a vCard.
    fn card(&mut self, message: &Message) -> io::Result<()> {
        let mut headers = Headers::default();
        let parameters = [("charset", "utf-8"), ("name", "contact.vcf")];
        headers.parameters("Content-Type", "text/vcard", &parameters);
        let name = [("filename", "contact.vcf")];
        headers.parameters("Content-Disposition", "attachment", &name);
        headers.text("Content-Transfer-Encoding", "base64");
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        let mut encoder = Base64Writer::new(self.out);
        let source = &mut *self.values.source;
        let warnings = vcf::write_message(self.item, message, source, &mut encoder, self.options)?;
        encoder.finish()?;
        for Warning { kind, detail } in warnings {
            // The attachments are parts of the message.
            if kind != WarningKind::SkippedAttachment {
                self.values.warn(kind, detail);
            }
        }
        Ok(())
    }

    fn body(
        &mut self,
        body: &Body<'_>,
        media_type: &str,
        survey: &Survey,
        is_last: bool,
    ) -> io::Result<()> {
        let encoding = match survey.is_mostly_encoded() {
            true => "base64",
            false => "quoted-printable",
        };
        let mut headers = Headers::default();
        headers.parameters(
            "Content-Type",
            media_type,
            &[("charset", &body.charset(survey))],
        );
        headers.text("Content-Transfer-Encoding", encoding);
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        if survey.is_mostly_encoded() {
            let mut encoder = Base64Writer::new(self.out);
            body.write(&mut self.values, &mut encoder)?;
            encoder.finish()?;
            if is_last {
                self.out.write_all(b"\r\n")?;
            }
            return Ok(());
        }
        let mut encoder = QuotedPrintableWriter::new(self.out);
        body.write(&mut self.values, &mut encoder)?;
        encoder.finish(is_last)
    }

    /// Writes RTF as an attachment.
    fn rtf_part(&mut self, property: &crate::item::Property) -> io::Result<()> {
        let name = [("name", "body.rtf")];
        let mut headers = Headers::default();
        headers.parameters("Content-Type", "application/rtf", &name);
        let name = [("filename", "body.rtf")];
        headers.parameters("Content-Disposition", "attachment", &name);
        headers.text("Content-Transfer-Encoding", "base64");
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        let mut encoder = Base64Writer::new(self.out);
        let mut bytes = ValueReader::new(&property.value, self.values.source)?;
        let damage = rtf::decompress(&mut bytes, &mut encoder)?;
        encoder.finish()?;
        if let Some(damage) = damage {
            self.values.warn(WarningKind::DamagedRtf, damage);
        }
        Ok(())
    }

    /// Begins a multipart, as a part of another one or as the body of the message.
    fn open(
        &mut self,
        mut outer: Option<&mut Multipart>,
        subtype: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Multipart> {
        self.begin_in(&mut outer)?;
        self.boundaries += 1;
        let hash = self.fingerprint.get(..32).unwrap_or_default();
        let boundary = format!("=_{}_{hash}", self.boundaries);
        let mut all = parameters.to_vec();
        all.push(("boundary", &boundary));
        let mut headers = Headers::default();
        headers.parameters("Content-Type", &format!("multipart/{subtype}"), &all);
        self.out.write_all(headers.out.as_bytes())?;
        self.out.write_all(b"\r\n")?;
        Ok(Multipart {
            boundary,
            has_parts: false,
        })
    }

    fn begin_in(&mut self, outer: &mut Option<&mut Multipart>) -> io::Result<()> {
        match outer {
            Some(outer) => self.begin(outer),
            None => Ok(()),
        }
    }

    /// Begins a part.
    fn begin(&mut self, multipart: &mut Multipart) -> io::Result<()> {
        if multipart.has_parts {
            self.out.write_all(b"\r\n")?;
        }
        multipart.has_parts = true;
        write!(self.out, "--{}\r\n", multipart.boundary)
    }

    fn close(&mut self, multipart: &Multipart) -> io::Result<()> {
        write!(self.out, "\r\n--{}--\r\n", multipart.boundary)
    }

    /// Returns the code page of the 8-bit strings of a message.
    fn strings(message: &Message) -> u16 {
        strings(message)
    }
}
