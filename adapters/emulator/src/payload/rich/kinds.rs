//! Group 6: items that are no ordinary mails.

use super::super::stream::{one_off, utf16, Stream};
use super::build::{filetime, sized, ADDRESS, APPOINTMENT, COMMON, MEETING, TASK};

/// 2026-03-02, a Monday, in minutes since 1601-01-01.
const MONDAY: u32 = 223_614_720;
/// Minutes of a week.
const WEEK: u32 = 7 * 24 * 60;

/// A clear-signed mail: its one attachment is the whole entity.
pub(super) fn clear_signed(it: &mut Stream) {
    it.string(0x001A, "IPM.Note.SMIME.MultipartSigned");
    it.headers("Signed");
    it.to("Ann", "ann@example.test");
    it.attach(1, |it| {
        it.string(0x370E, "multipart/signed");
        it.string(0x3707, "smime.p7m");
        it.binary(
            0x3701,
            b"Content-Type: multipart/signed; micalg=sha-256; protocol=\"application/pkcs7-signature\"; boundary=\"s\"\r\n\r\n\
              --s\r\nContent-Type: text/plain\r\n\r\nSigned text  \r\n--s\r\n\
              Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n\
              MAA=\r\n--s--\r\n",
        );
    });
}

pub(super) fn encrypted(it: &mut Stream) {
    it.string(0x001A, "IPM.Note.SMIME");
    it.headers("Encrypted");
    it.to("Ann", "ann@example.test");
    it.attach(1, |it| {
        it.string(0x370E, "application/pkcs7-mime");
        it.string(0x3707, "smime.p7m");
        // ContentInfo with the object identifier of envelopedData.
        it.binary(
            0x3701,
            b"\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03\xA0\0",
        );
    });
}

pub(super) fn failed_delivery(it: &mut Stream) {
    it.string(0x001A, "REPORT.IPM.Note.NDR");
    it.headers("Undeliverable: hello");
    it.string(0x1001, "Your message could not be delivered.\r\n");
    it.string(0x6820, "dns; b.example.test");
    it.addressee(1, |it| {
        it.string(0x39FE, "nobody@example.test");
        it.string(
            0x0C1B,
            "<b.example.test #5.1.1 smtp;550 5.1.1 no such user>",
        );
        it.int(0x0C20, 511);
    });
    it.attach_message("hello", |it| it.mail("hello"));
}

pub(super) fn read_receipt(it: &mut Stream) {
    it.string(0x001A, "REPORT.IPM.Note.IPNRN");
    it.headers("Read: hello");
    it.string(0x1046, "<hello@example.test>");
    it.to("Ann", "ann@example.test");
}

/// Central European Time, as PidLidAppointmentTimeZoneDefinitionRecur (MS-OXOCAL 2.2.1.41).
fn time_zone() -> Vec<u8> {
    let name = "W. Europe Standard Time";
    let mut zone = vec![2, 1];
    let header = 6 + 2 * name.len();
    zone.extend(halves(&[header, 2, name.len()]));
    zone.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    zone.extend(halves(&[1]));
    zone.extend([2, 1, 0x3E, 0, 3, 0, 0xEA, 0x07]);
    zone.extend([0; 14]);
    for bias in [-60_i32, 0, -60] {
        zone.extend(bias.to_le_bytes());
    }
    zone.extend(halves(&[0, 10, 0, 5, 3, 0, 0, 0])); // the last Sunday of October, 03:00
    zone.extend(halves(&[0, 3, 0, 5, 2, 0, 0, 0]));
    zone
}

fn halves(values: &[usize]) -> Vec<u8> {
    let values = values
        .iter()
        .map(|it| u16::try_from(*it).unwrap_or(u16::MAX));
    values.flat_map(u16::to_le_bytes).collect()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// Mondays from 10:00 to 10:30, six times; the second one is moved to Tuesday at 11:00, and the third one is not there
/// (MS-OXOCAL 2.2.1.44).
fn recurrence() -> Vec<u8> {
    let second = MONDAY + WEEK;
    let moved = second + 24 * 60;
    let times = words(&[moved + 660, moved + 720, second + 600]);
    let subject = "Verschoben ☕";
    let blob = [
        halves(&[0x3004, 0x3004, 0x200B, 1, 0]),
        words(&[0, 1, 0, 2]),                         // each week, on Mondays
        words(&[0x2022, 6, 1]),                       // six times; weeks begin on Monday
        words(&[2, second, second + WEEK, 1, moved]), // removed, and moved
        words(&[MONDAY, MONDAY + 5 * WEEK]),
        words(&[0x3006, 0x3009, 600, 630]),
        halves(&[1]),
        times.clone(),
        halves(&[1, 13, 12]), // the subject is another one
        b"Verschoben ?".to_vec(),
        words(&[0, 4, 0, 0]),
        times,
        halves(&[subject.encode_utf16().count()]),
        subject.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        words(&[0, 0]),
    ];
    blob.concat()
}

/// A meeting request for a series with an exception, which has a message of its own.
pub(super) fn recurring_meeting(it: &mut Stream) {
    it.string(0x001A, "IPM.Schedule.Meeting.Request");
    it.headers("Jour fixe");
    it.string(0x1000, "Agenda\r\n");
    it.truth(0x0063);
    it.numbered_at(APPOINTMENT, 0x820D, 1_772_442_000);
    it.numbered_at(APPOINTMENT, 0x820E, 1_772_443_800);
    it.numbered_text(APPOINTMENT, 0x8208, "Raum 1; Süd");
    it.numbered_int(APPOINTMENT, 0x8205, 1);
    it.numbered_bytes(APPOINTMENT, 0x8216, &recurrence());
    it.numbered_bytes(APPOINTMENT, 0x8260, &time_zone());
    let id = [&[4, 0, 0, 0][..], &[0; 32], &[8, 0, 0, 0], &[7; 8]].concat();
    it.numbered_bytes(MEETING, 0x0023, &id);
    it.to("Ann", "ann@example.test");
    it.addressee(2, |it| it.string(0x39FE, "bo@example.test"));
    it.attach(5, |it| {
        it.int(0x7FFD, 2);
        // 2026-03-10T11:00:00, in local time
        it.fixed(0x0040, 0x7FFB, &filetime(1_773_140_400));
        it.embed(|it| {
            it.string(
                0x001A,
                "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}",
            );
            it.string(0x1000, "Other agenda\r\n");
        });
    });
}

pub(super) fn contact(it: &mut Stream) {
    it.string(0x001A, "IPM.Contact");
    it.string(0x3001, "Ann Müller");
    it.string(0x3A11, "Müller");
    it.string(0x3A06, "Ann");
    it.string(0x3A16, "Example; Inc.");
    it.string(0x3A08, "+49 30 1");
    it.numbered_text(ADDRESS, 0x8082, "SMTP");
    it.numbered_text(ADDRESS, 0x8083, "ann@example.test");
    it.numbered_text(ADDRESS, 0x8046, "Berlin");
}

pub(super) fn distribution_list(it: &mut Stream) {
    it.string(0x001A, "IPM.DistList");
    it.numbered_text(ADDRESS, 0x8053, "Team");
    let members = [
        &2_u32.to_le_bytes()[..],
        &sized(&one_off("Ann", "ann@example.test")),
        &sized(&one_off("Bo", "bo@example.test")),
    ];
    it.numbered(0x1102, ADDRESS, 0x8054, &members.concat());
}

pub(super) fn task(it: &mut Stream) {
    it.string(0x001A, "IPM.Task");
    it.string(0x0037, "Bericht");
    it.numbered_at(TASK, 0x8104, 1_772_409_600);
    it.numbered_at(TASK, 0x8105, 1_772_582_400);
    it.numbered_int(TASK, 0x8101, 1);
    it.numbered(0x0005, TASK, 0x8102, &0.25_f64.to_le_bytes());
    it.numbered(0x000B, COMMON, 0x8503, &[0, 0]);
}

pub(super) fn note(it: &mut Stream) {
    it.string(0x001A, "IPM.StickyNote");
    it.string(0x0037, "Milch");
    it.string(0x1000, "Milch\r\nBrot\r\n");
}

/// A mail that was not sent, with a recipient without an address.
pub(super) fn draft(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
    it.string(0x0037, "Draft");
    it.int(0x0E07, 9);
    it.var(0x001F, 0x1000, &utf16("Not yet\r\n"));
    it.addressee(1, |it| it.string(0x3001, "Ann"));
}

pub(super) fn empty(it: &mut Stream) {
    it.string(0x001A, "IPM.Note");
}
