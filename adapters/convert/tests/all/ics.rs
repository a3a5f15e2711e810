//! Appointments, meetings and tasks as iCalendar objects.

use exportitems_convert::names::{
    PSETID_APPOINTMENT as APPOINTMENT, PSETID_COMMON, PSETID_MEETING, PSETID_TASK,
};
use exportitems_convert::{ics, WarningKind};

use crate::common::{convert_to, mail, utf16, Converted, Stream};
use crate::python::python;

/// 2026-03-02, a Monday, in minutes since 1601-01-01.
const MONDAY: u32 = 223_614_720;

/// Prints the occurrences of all events until the end of 2026, as recurring-ical-events sees them.
const OCCURRENCES: &str = r#"
import sys, icalendar, recurring_ical_events
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
for component in calendar.walk():
    assert not component.errors, component.errors
for event in recurring_ical_events.of(calendar).between("20260101", "20270101"):
    print(event["DTSTART"].dt.isoformat(), event["DTEND"].dt.isoformat(), event["SUMMARY"])
"#;

fn convert(stream: &Stream) -> Converted {
    convert_to(stream, ics::write)
}

/// The lines, unfolded.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n ", "");
    text.split_terminator("\r\n").map(str::to_owned).collect()
}

fn has(converted: &Converted, line: &str) {
    let lines = lines(&converted.eml);
    assert!(
        lines.iter().any(|it| it == line),
        "no {line:?} in\n{lines:#?}"
    );
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn halves(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// Central European Time: one hour ahead, two from the last Sunday of March to that of October.
fn definition() -> Vec<u8> {
    let name: Vec<u16> = "W. Europe Standard Time".encode_utf16().collect();
    let header = [
        halves(&[2, u16::try_from(name.len()).unwrap()]),
        halves(&name),
        halves(&[1]),
    ]
    .concat();
    let biases = [-60_i32, 0, -60].map(i32::to_le_bytes).concat();
    [
        vec![2, 1],
        halves(&[u16::try_from(header.len()).unwrap()]),
        header,
        vec![2, 1, 0x3E, 0],
        halves(&[3, 2026]),
        vec![0; 14],
        biases,
        halves(&[0, 10, 0, 5, 3, 0, 0, 0]),
        halves(&[0, 3, 0, 5, 2, 0, 0, 0]),
    ]
    .concat()
}

/// A pattern of so many occurrences from `MONDAY` on. `days` is the part that depends on the type.
fn pattern(
    frequency: u16,
    kind: u16,
    period: u32,
    days: &[u32],
    count: u32,
    removed: &[u32],
) -> Vec<u8> {
    let removed = [&[u32::try_from(removed.len()).unwrap()], removed].concat();
    let end = if count == 0 { 0x2023 } else { 0x2022 };
    [
        halves(&[0x3004, 0x3004, frequency, kind, 0]),
        words(&[0, period, 0]),
        words(days),
        words(&[end, count, 1]),
        words(&removed),
        words(&[0]),
        words(&[MONDAY, MONDAY + 400 * 24 * 60]),
    ]
    .concat()
}

/// From 10:00 to 10:30, with exceptions in both of their forms.
fn appointment_pattern(pattern: &[u8], exceptions: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut blob = pattern.to_vec();
    blob.extend(words(&[0x3006, 0x3009, 600, 630]));
    blob.extend(u16::try_from(exceptions.len()).unwrap().to_le_bytes());
    blob.extend(exceptions.iter().flat_map(|(it, _)| it.clone()));
    blob.extend(words(&[0]));
    blob.extend(exceptions.iter().flat_map(|(_, it)| it.clone()));
    blob.extend(words(&[0]));
    blob
}

/// The occurrence of the second Monday, moved to Tuesday, with another subject and place.
fn exception() -> (Vec<u8>, Vec<u8>) {
    let day = MONDAY + 7 * 24 * 60;
    let times = words(&[day + 1440 + 660, day + 1440 + 720, day + 600]);
    let flags = halves(&[0x0001 | 0x0010 | 0x0008]);
    let text = |text: &str| {
        let len = u16::try_from(text.len()).unwrap();
        [&halves(&[len + 1, len])[..], text.as_bytes()].concat()
    };
    let wide = |text: &str| {
        let units: Vec<u16> = text.encode_utf16().collect();
        [
            halves(&[u16::try_from(units.len()).unwrap()]),
            halves(&units),
        ]
        .concat()
    };
    (
        [
            times.clone(),
            flags,
            text("Kaffee?"),
            words(&[0]),
            text("Caf\u{e9}"[..3].trim()),
        ]
        .concat(),
        [
            words(&[4, 0, 0]),
            times,
            wide("Kaffee ☕"),
            wide("Café"),
            words(&[0]),
        ]
        .concat(),
    )
}

fn appointment() -> Stream {
    let id = [
        &[
            4, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 8,
        ][..],
        &[0x07, 0xEA, 3, 2],
        &[0; 16],
        &[16, 0, 0, 0],
        &[7; 16],
    ]
    .concat();
    Stream::default()
        .text(0x001A, "IPM.Appointment")
        .text(0x0037, "Jour fixe; Raum 1, 2")
        .text(0x1000, "Agenda:\r\n1. Zahlen")
        .word(0x0017_0003, 2)
        .word(0x0036_0003, 2)
        .lid_text(APPOINTMENT, 0x8208, "Raum 1")
        .lid_word(APPOINTMENT, 0x8205, 2)
        .lid_word(PSETID_COMMON, 0x8501, 10)
        .lid(PSETID_COMMON, 0x8503, 0x000B, &[1, 0])
        .lid_bytes(PSETID_MEETING, 0x0023, &id)
        .lid_time(PSETID_MEETING, 0x001A, 1_770_000_000)
        .lid_time(APPOINTMENT, 0x820D, 1_772_442_000) // 2026-03-02T09:00:00Z
        .lid_time(APPOINTMENT, 0x820E, 1_772_443_800)
}

fn series(blob: &[u8]) -> Stream {
    appointment()
        .lid_bytes(APPOINTMENT, 0x8216, blob)
        .lid_bytes(APPOINTMENT, 0x8260, &definition())
}

#[test]
fn an_appointment() {
    let converted = convert(&appointment().file("plan.txt", b"plan"));
    for line in [
        "METHOD:PUBLISH",
        "UID:040000008200E00074C5B7101A82E00800000000000000000000000000000000000000001000000007070707070707070707070707070707",
        "DTSTAMP:20260202T024000Z",
        "DTSTART:20260302T090000Z",
        "DTEND:20260302T093000Z",
        "SUMMARY:Jour fixe\\; Raum 1\\, 2",
        "DESCRIPTION:Agenda:\\n1. Zahlen",
        "LOCATION:Raum 1",
        "PRIORITY:1",
        "CLASS:PRIVATE",
        "TRANSP:OPAQUE",
        "TRIGGER:-PT10M",
        "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain;X-FILENAME=\"plan.txt\":cGxhbg==",
    ] {
        has(&converted, line);
    }
    assert_eq!(converted.warnings, []);
    assert_eq!(convert(&appointment()).eml, convert(&appointment()).eml);
}

#[test]
fn a_series_with_exceptions_in_its_time_zone() {
    // Six Mondays; the second is moved, the third is not there.
    let removed = [MONDAY + 7 * 1440, MONDAY + 14 * 1440];
    let pattern = pattern(0x200B, 1, 1, &[2], 6, &removed);
    let body = Stream::default()
        .word(0x7FFD_0003, 2)
        .time(0x7FFB, 1_773_140_400) // 2026-03-10T11:00:00, local
        .word(0x3705_0003, 5)
        .marker(0x4001_0003)
        .text(0x1000, "Other agenda")
        .marker(0x4002_0003);
    let stream = series(&appointment_pattern(&pattern, &[exception()])).attachment(body);
    let converted = convert(&stream);
    for line in [
        "TZID:W. Europe Standard Time",
        "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
        "DTSTART;TZID=\"W. Europe Standard Time\":20260302T100000",
        "RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO;WKST=MO",
        "EXDATE;TZID=\"W. Europe Standard Time\":20260316T100000",
        "RECURRENCE-ID;TZID=\"W. Europe Standard Time\":20260309T100000",
        "SUMMARY:Kaffee ☕",
        "LOCATION:Café",
        "DESCRIPTION:Other agenda",
    ] {
        has(&converted, line);
    }
    assert_eq!(converted.warnings, []);
    // The first exception turns the reminder off.
    assert_eq!(converted.eml.matches("BEGIN:VALARM").count(), 1);
    let Some(read) = python(OCCURRENCES, converted.eml.as_bytes()) else {
        return;
    };
    let regular = "Jour fixe; Raum 1, 2";
    let expected = [
        format!("2026-03-02T10:00:00+01:00 2026-03-02T10:30:00+01:00 {regular}"),
        "2026-03-10T11:00:00+01:00 2026-03-10T12:00:00+01:00 Kaffee ☕".into(),
        format!("2026-03-23T10:00:00+01:00 2026-03-23T10:30:00+01:00 {regular}"),
        format!("2026-03-30T10:00:00+02:00 2026-03-30T10:30:00+02:00 {regular}"),
        format!("2026-04-06T10:00:00+02:00 2026-04-06T10:30:00+02:00 {regular}"),
    ];
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn rules_of_every_kind() {
    for (pattern, rule) in [
        (
            pattern(0x200A, 0, 2880, &[], 3, &[]),
            "FREQ=DAILY;COUNT=3;INTERVAL=2",
        ),
        (
            pattern(0x200A, 1, 1, &[0x3E], 0, &[]),
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;WKST=MO",
        ),
        (
            pattern(0x200C, 2, 3, &[15], 0, &[]),
            "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15",
        ),
        (
            pattern(0x200C, 2, 1, &[30], 0, &[]),
            "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1",
        ),
        (
            pattern(0x200C, 4, 1, &[31], 0, &[]),
            "FREQ=MONTHLY;BYMONTHDAY=-1",
        ),
        (
            pattern(0x200C, 3, 1, &[0x7F, 5], 0, &[]),
            "FREQ=MONTHLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=-1",
        ),
        (
            pattern(0x200D, 3, 12, &[2, 1], 2, &[]),
            "FREQ=YEARLY;COUNT=2;BYMONTH=3;BYDAY=MO;BYSETPOS=1",
        ),
        (
            pattern(0x200D, 2, 24, &[2], 0, &[]),
            "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=2",
        ),
    ] {
        let converted = convert(&series(&appointment_pattern(&pattern, &[])));
        has(&converted, &format!("RRULE:{rule}"));
        assert_eq!(converted.warnings, []);
    }
    // It ends by date, at the time of the last occurrence in UTC.
    let mut until = pattern(0x200B, 1, 1, &[2], 1, &[]);
    until[26..28].copy_from_slice(&[0x21, 0x20]);
    let converted = convert(&series(&appointment_pattern(&until, &[])));
    has(
        &converted,
        "RRULE:FREQ=WEEKLY;UNTIL=20270406T080000Z;BYDAY=MO;WKST=MO",
    );
}

/// A recurrence that is cut anywhere, or of a calendar that iCalendar does not have, is a warning.
#[test]
fn damaged_recurrences_are_warnings() {
    let pattern = pattern(0x200B, 1, 1, &[2], 6, &[]);
    let blob = appointment_pattern(&pattern, &[exception()]);
    for len in 1..blob.len() - 4 {
        let converted = convert(&series(&blob[..len]));
        let kinds: Vec<_> = converted.warnings.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [WarningKind::Recurrence], "{len}");
        has(&converted, "SUMMARY:Jour fixe\\; Raum 1\\, 2");
    }
    let hijri = self::pattern(0x200C, 0x000A, 1, &[1], 0, &[]);
    let converted = convert(&series(&appointment_pattern(&hijri, &[])));
    assert_eq!(converted.warnings[0].kind, WarningKind::Recurrence);
    for len in 0..definition().len() {
        let stream = appointment().lid_bytes(APPOINTMENT, 0x825E, &definition()[..len]);
        has(&convert(&stream), "DTSTART:20260302T090000Z");
    }
}

#[test]
fn a_meeting_and_its_response() {
    let meeting = |class: &str| {
        let mut stream = Stream::default().text(0x001A, class);
        stream.0.extend(mail("x").0);
        let person = |address: &str| Stream::default().text(0x39FE, address);
        stream
            .lid_time(APPOINTMENT, 0x820D, 1_772_442_000)
            .lid_time(APPOINTMENT, 0x820E, 1_772_443_800)
            .boolean(0x0063)
            .to("Ann \"A\"; B", "ann@example.test")
            .recipient(2, person("bo@example.test").word(0x5FFF_0003, 3))
            .recipient(3, person("room@example.test"))
    };
    let converted = convert(&meeting("IPM.Schedule.Meeting.Request"));
    for line in [
        "METHOD:REQUEST",
        "ORGANIZER;CN=\"Pat Doe\":mailto:pat@example.test",
        "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"Ann 'A'; B\":mailto:ann@example.test",
        "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE:mailto:bo@example.test",
        "ATTENDEE;CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:room@example.test",
    ] {
        has(&converted, line);
    }
    let converted = convert(&meeting("IPM.Schedule.Meeting.Resp.Neg"));
    has(&converted, "METHOD:REPLY");
    has(
        &converted,
        "ATTENDEE;PARTSTAT=DECLINED;CN=\"Pat Doe\":mailto:pat@example.test",
    );
    has(
        &converted,
        "ORGANIZER;CN=\"Ann 'A'; B\":mailto:ann@example.test",
    );
    let canceled = convert(&meeting("IPM.Schedule.Meeting.Canceled"));
    has(&canceled, "METHOD:CANCEL");
    has(&canceled, "STATUS:CANCELLED");
}

#[test]
fn days_and_tasks_are_dates() {
    // A day in a zone that is ahead of UTC begins on the day before.
    let day = Stream::default()
        .text(0x001A, "IPM.Appointment")
        .lid(APPOINTMENT, 0x8215, 0x000B, &[1, 0])
        .lid_time(APPOINTMENT, 0x820D, 1_772_406_000) // 2026-03-01T23:00:00Z
        .lid_time(APPOINTMENT, 0x820E, 1_772_492_400);
    let with_zone = day.clone().lid_bytes(APPOINTMENT, 0x825E, &definition());
    for stream in [day, with_zone] {
        let converted = convert(&stream);
        has(&converted, "DTSTART;VALUE=DATE:20260302");
        has(&converted, "DTEND;VALUE=DATE:20260303");
    }
    let task = Stream::default()
        .text(0x001A, "IPM.Task")
        .text(0x0037, "Bericht")
        .lid_time(PSETID_TASK, 0x8104, 1_772_409_600)
        .lid_time(PSETID_TASK, 0x8105, 1_772_582_400)
        .lid_word(PSETID_TASK, 0x8101, 1)
        .lid(PSETID_TASK, 0x8102, 0x0005, &0.25_f64.to_le_bytes())
        .lid_bytes(PSETID_TASK, 0x8116, &pattern(0x200B, 1, 2, &[2], 0, &[]));
    let converted = convert(&task);
    for line in [
        "BEGIN:VTODO",
        "DTSTART;VALUE=DATE:20260302",
        "DUE;VALUE=DATE:20260304",
        "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;WKST=MO",
        "STATUS:IN-PROCESS",
        "PERCENT-COMPLETE:25",
    ] {
        has(&converted, line);
    }
}

/// CR, LF and NUL in every string.
#[test]
fn no_string_makes_a_line() {
    let evil = "x\r\nEVIL:y\0\nEVIL:z";
    let stream = Stream::default()
        .text(0x001A, "IPM.Schedule.Meeting.Request")
        .text(0x0037, evil)
        .text(0x0042, evil)
        .text(0x5D02, evil)
        .text(0x1000, evil)
        .named(0x0002_0329, "Keywords", &[evil])
        .lid_text(APPOINTMENT, 0x8208, evil)
        .lid_text(APPOINTMENT, 0x8234, evil)
        .lid_bytes(APPOINTMENT, 0x8233, &[0; 48])
        .lid_bytes(
            PSETID_MEETING,
            0x0003,
            &[&[0; 40], &b"vCal-Uid\x01\0\0\0x\r\nEVIL:y"[..]].concat(),
        )
        .lid_bytes(PSETID_MEETING, 0x0023, &utf16(evil))
        .to(evil, evil)
        .file(evil, b"x");
    for line in convert(&stream).eml.split_terminator("\r\n") {
        assert!(!line.starts_with("EVIL"), "{line}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}
