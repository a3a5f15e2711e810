//! Group 4: attachments.

use super::super::stream::Stream;
use super::bodies::PIXEL;

/// The data comes before the name and the type.
pub(super) fn data_first(it: &mut Stream) {
    it.mail("Data first");
    it.attach(1, |it| {
        it.binary(0x3701, b"%PDF-1.7");
        it.string(0x3707, "Plan.pdf");
        it.string(0x370E, "application/pdf");
    });
    it.attach(1, |it| {
        it.binary(0x3701, b"");
        it.string(0x3707, "empty.txt");
    });
}

pub(super) fn odd_names(it: &mut Stream) {
    it.mail("Odd names");
    for (name, data) in [
        ("Übersicht 2026 – Größen.txt", &b"1"[..]),
        ("..\\..\\C:\\Users\\x\\path.txt", b"2"),
        ("gpj.\u{202E}exe", b"3"),
        ("a;b=\"c\".txt", b"4"),
    ] {
        it.attach_file(name, data);
    }
    it.attach(1, |it| {
        it.string(0x3707, "");
        it.string(0x3703, ".txt");
        it.binary(0x3701, b"5");
    });
    it.attach(1, |it| {
        it.string(0x3707, "type.txt");
        it.string(0x370E, "multipart/mixed; boundary=x\r\nX-Evil: y");
        it.binary(0x3701, b"6");
    });
}

/// Files that are elsewhere.
pub(super) fn references(it: &mut Stream) {
    it.mail("References");
    it.attach(2, |it| {
        it.string(0x3707, "share.docx");
        it.string(0x370D, r"\\server\share\share.docx");
    });
    it.attach(7, |it| {
        it.string(0x3707, "cloud.docx");
        it.string(0x370D, "https://example.test/cloud.docx");
    });
}

/// Three mails in each other, the innermost one with a picture of its own.
pub(super) fn nested(it: &mut Stream) {
    it.mail("Level 0");
    it.attach_message("Level 1", |it| {
        it.mail("Level 1");
        it.attach_message("Level 2", |it| {
            it.mail("Level 2");
            it.attach_message("Level 3", |it| {
                it.mail("Level 3");
                it.binary(0x1013, b"<img src=cid:deep>");
                it.attach(1, |it| {
                    it.string(0x3712, "deep");
                    it.string(0x3707, "deep.png");
                    it.binary(0x3701, PIXEL);
                });
            });
        });
    });
}

/// An OLE object: a compound file, with a text in the stream `CONTENTS`.
pub(super) fn ole_object(it: &mut Stream) {
    it.mail("OLE object");
    it.attach(6, |it| {
        it.string(0x3001, "Object.txt");
        it.var(
            0x000D,
            0x3701,
            &compound_file(b"CONTENTS", b"text in an object"),
        );
    });
}

/// A compound file of version 3 with one stream in its mini stream (MS-CFB).
fn compound_file(name: &[u8], data: &[u8]) -> Vec<u8> {
    const FREE: u32 = 0xFFFF_FFFF;
    const END: u32 = 0xFFFF_FFFE;
    let mut file = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    file.extend([0; 16]);
    file.extend([0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    // Directory sectors, FAT sectors, directory, signature, cutoff, mini FAT, its sectors, DIFAT, its sectors.
    for word in [0, 1, 1, 0, 4096, 2, 1, END, 0, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    file.extend(FREE.to_le_bytes().repeat(108));
    let mut sector = |words: &[u32]| {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.resize(512, 0xFF);
        file.extend(bytes);
    };
    // Sector 0: FAT of the sectors FAT, directory, mini FAT, mini stream.
    sector(&[0xFFFF_FFFD, END, END, END]);
    let mut directory = entry("Root Entry", 5, 1, 3, 64);
    directory.extend(entry(
        &String::from_utf8_lossy(name),
        2,
        FREE,
        0,
        data.len(),
    ));
    directory.extend(entry("", 0, FREE, 0, 0).repeat(2));
    file.extend(directory);
    let mut sector = END.to_le_bytes().to_vec();
    sector.resize(512, 0xFF);
    file.extend(sector);
    let mut sector = data.to_vec();
    sector.resize(512, 0);
    file.extend(sector);
    file
}

/// An entry of a directory without siblings.
fn entry(name: &str, kind: u8, child: u32, start: u32, len: usize) -> Vec<u8> {
    let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_len = if name.is_empty() { 0 } else { entry.len() + 2 };
    entry.resize(64, 0);
    entry.extend(u16::try_from(name_len).unwrap_or_default().to_le_bytes());
    entry.extend([kind, 1]);
    entry.extend([0xFF; 8]);
    entry.extend(child.to_le_bytes());
    entry.extend([0; 36]);
    entry.extend(start.to_le_bytes());
    entry.extend((len as u64).to_le_bytes());
    entry
}
