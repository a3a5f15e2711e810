//! Group 3: bodies.

use super::super::stream::{tag, Atom, Stream};

pub(super) const PIXEL: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// A mail without a body.
fn bare(it: &mut Stream, subject: &str) {
    it.string(0x001A, "IPM.Note");
    it.headers(subject);
}

/// RTF that encapsulates HTML, which is all that Outlook stores of some mails.
pub(super) fn rtf_with_html(it: &mut Stream) {
    bare(it, "RTF with HTML");
    it.int(0x1016, 2);
    it.truth(0x0E1F);
    it.rtf(concat!(
        r"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset204 Arial;}}",
        r"{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 caf\'e9 {\f1 \'e6} \u8364 ?\htmlrtf }\htmlrtf0 {\*\htmltag72 </p>}",
        r"{\*\mhtmltag84 <dropped>}}"
    ));
    it.to("Ann", "ann@example.test");
}

pub(super) fn rtf_with_text(it: &mut Stream) {
    bare(it, "RTF with text");
    it.rtf(r"{\rtf1\ansi\ansicpg1252\fromtext \deff0 First line\par Second \'fcber\par }");
    it.to("Ann", "ann@example.test");
}

pub(super) fn rtf_alone(it: &mut Stream) {
    bare(it, "RTF alone");
    it.rtf(r"{\rtf1\ansi\ansicpg1252\deff0 \b bold\b0}");
    it.to("Ann", "ann@example.test");
}

pub(super) fn rtf_stored(it: &mut Stream) {
    bare(it, "RTF stored");
    it.stored_rtf(
        r"{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag64 <b>}stored{\*\htmltag72 </b>}}",
    );
    it.to("Ann", "ann@example.test");
}

/// HTML that shows a picture, a hidden attachment that it does not show, and a file.
pub(super) fn inline_picture(it: &mut Stream) {
    it.mail("Inline picture: Привет");
    it.binary(
        0x1013,
        "<html><body><p>Grüße</p><img src=\"cid:pic@example.test\"></body></html>".as_bytes(),
    );
    it.int(0x3FDE, 65001);
    it.attach(1, |it| {
        it.binary(0x3701, include_bytes!("picture.png"));
        it.string(0x3712, "pic@example.test");
        it.string(0x370E, "image/png");
        it.string(0x3707, "pic.png");
        it.int(0x3714, 4);
        it.truth(0x7FFE);
    });
    it.attach(1, |it| {
        it.string(0x3712, "unused@example.test");
        it.string(0x3707, "hidden.txt");
        it.truth(0x7FFE);
        it.binary(0x3701, b"not shown");
    });
    it.attach_file("figures.csv", b"a,b\r\n1,2\r\n");
}

/// HTML as bytes of a code page that PidTagInternetCodepage states after it.
fn html_in(it: &mut Stream, subject: &str, code_page: u32, html: &[u8]) {
    bare(it, subject);
    it.binary(0x1013, html);
    it.int(0x3FDE, code_page);
    it.to("Ann", "ann@example.test");
}

pub(super) fn html_1252(it: &mut Stream) {
    html_in(it, "HTML in 1252", 1252, b"<p>caf\xE9 \x80</p>");
}

pub(super) fn html_1251(it: &mut Stream) {
    html_in(it, "HTML in 1251", 1251, b"<p>\xCF\xF0\xE8\xE2\xE5\xF2</p>");
}

pub(super) fn html_932(it: &mut Stream) {
    html_in(it, "HTML in 932", 932, b"<p>\x83\x65\x83\x58\x83\x67</p>");
}

/// Strings without a code page in their type.
pub(super) fn eight_bit(it: &mut Stream) {
    it.var(0x001E, 0x001A, b"IPM.Note\0");
    it.var(0x001E, 0x0037, b"\xCF\xF0\xE8\xE2\xE5\xF2\0");
    it.var(0x001E, 0x0042, b"Pat\0");
    it.var(0x001E, 0x5D02, b"pat@example.test\0");
    it.at(0x0039, 1_772_442_000);
    it.var(0x001E, 0x1000, b"\xCF\xF0\xE8\xE2\xE5\xF2\r\n\0");
    it.int(0x3FFD, 1251);
    it.to("Ann", "ann@example.test");
}

/// A text whose bytes are in several records, so that records end inside it.
pub(super) fn long_text(it: &mut Stream) {
    bare(it, "Long text");
    let text = "Zeile für Zeile.\r\n".repeat(3_000);
    let value: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut head = tag(0x001F, 0x1000);
    head.extend(super::super::stream::len32(value.len() as u64));
    it.0.push(Atom::Fixed(head));
    it.0.push(Atom::Bytes(value));
    it.to("Ann", "ann@example.test");
}
