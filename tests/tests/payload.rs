//! The payload check and the payload reader against their reference, on whole, cut and damaged payloads.

use base64::Engine as _;
use exportitems::{BrokenReason, PayloadCheck, Verdict};
use exportitems_testkit::data;
use exportitems_testkit::oracle::reader;
use exportitems_testkit::payload_gen::{atom_soup, damage, frame, item, put_record, sizes, Stream};
use exportitems_testkit::payload_reference::judge;
use proptest::prelude::*;

fn check<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let mut check = PayloadCheck::new();
    for piece in pieces {
        check.update(piece);
    }
    check.verdict()
}

/// The verdict after each byte: `verdicts[n]` is that on the first `n` bytes.
fn verdicts(payload: &[u8]) -> Vec<Verdict> {
    let mut check = PayloadCheck::new();
    let mut verdicts = vec![check.verdict()];
    for byte in payload.chunks(1) {
        check.update(byte);
        verdicts.push(check.verdict());
    }
    verdicts
}

/// Every verdict on every part of a payload is the reference's, for every partition.
fn agrees(payload: &[u8]) -> Result<(), TestCaseError> {
    for (len, verdict) in verdicts(payload).into_iter().enumerate() {
        prop_assert_eq!(
            verdict,
            judge(&payload[..len]),
            "of the first {} bytes",
            len
        );
    }
    let verdict = judge(payload);
    for size in 1..=64 {
        prop_assert_eq!(
            check(payload.chunks(size)),
            verdict,
            "in pieces of {}",
            size
        );
    }
    prop_assert_eq!(check([payload]), verdict);
    reader(payload);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn whole_items(item in item(), sizes in sizes()) {
        let payload = frame(&item.stream().bytes, &sizes);
        agrees(&payload)?;
        let mut check = PayloadCheck::new();
        check.update(&payload);
        prop_assert_eq!(check.verdict(), Verdict::Whole);
        prop_assert!(check.reached_attachments());
    }

    /// One `Data` holds one item.
    #[test]
    fn a_payload_after_a_payload_is_found(first in item(), second in item(), sizes in sizes()) {
        let mut payload = frame(&first.stream().bytes, &sizes);
        let offset = payload.len() as u64;
        payload.extend(frame(&second.stream().bytes, &sizes));
        agrees(&payload)?;
        let reason = BrokenReason::SecondConfig;
        prop_assert_eq!(check([&payload[..]]), Verdict::Broken { offset, reason });
    }

    /// A payload that simply stops: found everywhere but where both layers end.
    #[test]
    fn a_cut_in_the_payload_is_found(item in item(), sizes in sizes()) {
        let Stream { bytes, item_ends } = item.stream();
        let payload = frame(&bytes, &sizes);
        let mut unseen = Vec::new();
        for (len, verdict) in verdicts(&payload).into_iter().enumerate() {
            match verdict {
                Verdict::Whole => unseen.push(len),
                Verdict::Broken { .. } => {}
                _ => prop_assert!(false, "{} after {} bytes", verdict, len),
            }
        }
        // An item whose records end at the same place as one of its elements.
        let mut expected = Vec::new();
        let mut stream_len = 0;
        let mut payload_len = frame(&[], &sizes).len();
        for size in sizes.iter().cycle() {
            let body = (*size).min(bytes.len() - stream_len);
            stream_len += body;
            payload_len += 8 + body;
            if item_ends.contains(&stream_len) {
                expected.push(payload_len);
            }
            if stream_len == bytes.len() {
                break;
            }
        }
        prop_assert_eq!(unseen, expected);
    }

    /// The harder case: the server ends the stream early and frames what it has correctly.
    #[test]
    fn a_cut_in_the_stream_is_found(item in item(), sizes in sizes()) {
        let Stream { bytes, item_ends } = item.stream();
        let mut unseen = Vec::new();
        for len in 1..=bytes.len() {
            match check([&frame(&bytes[..len], &sizes)[..]]) {
                Verdict::Whole => unseen.push(len),
                Verdict::Broken { reason: BrokenReason::AtomCut | BrokenReason::Open, .. } => {}
                verdict => prop_assert!(false, "{} after {} bytes of the stream", verdict, len),
            }
        }
        prop_assert_eq!(unseen, item_ends);
    }

    #[test]
    fn damaged_payloads(item in item(), sizes in sizes(), damage in damage()) {
        agrees(&damage.apply(frame(&item.stream().bytes, &sizes)))?;
    }

    #[test]
    fn damaged_streams(item in item(), sizes in sizes(), damage in damage()) {
        agrees(&frame(&damage.apply(item.stream().bytes), &sizes))?;
    }

    #[test]
    fn atoms_in_any_order(stream in atom_soup(), sizes in sizes()) {
        agrees(&frame(&stream, &sizes))?;
    }

    /// Records that no item has, between those that it has.
    #[test]
    fn records_of_any_kind(
        records in proptest::collection::vec((0..20_u32, atom_soup()), 0..5),
        tail in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut payload = frame(&[], &[1]);
        for (opcode, body) in records {
            put_record(&mut payload, opcode, &body);
        }
        payload.extend(tail);
        agrees(&payload)?;
    }

    #[test]
    fn anything(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        agrees(&bytes)?;
    }

    #[test]
    fn any_partition(item in item(), sizes in sizes(), damage in damage(),
        mut pieces in proptest::collection::vec(0..300_usize, 0..20),
    ) {
        let payload = damage.apply(frame(&item.stream().bytes, &sizes));
        pieces.push(usize::MAX);
        let mut rest = &payload[..];
        let partition = pieces.iter().map(|len| {
            let (piece, after) = rest.split_at(rest.len().min(*len));
            rest = after;
            piece
        });
        prop_assert_eq!(check(partition), judge(&payload));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What is read of a payload that is cut is what the reference reads up to there.
    #[test]
    fn every_cut_is_read_up_to_there(item in item(), sizes in sizes()) {
        let payload = frame(&item.stream().bytes, &sizes);
        for len in 0..=payload.len() {
            reader(&payload[..len]);
        }
    }
}

/// All property types up to the code pages, and all ids of type `PtypInteger32`, which markers look
/// like, followed by what a value of any size needs.
#[test]
fn every_tag() {
    let types = (0..=0x8100).map(|property_type: u32| 1 << 16 | property_type);
    let ids = (0x4000..=0x8000).map(|id: u32| id << 16 | 3);
    let others = [0x4074_000B, 0x4075_000B, 0x407B_0102, 0x407D_0003];
    for tag in types.chain(ids).chain(others) {
        for after in [0, 2, 4, 5, 8, 16, 21] {
            // As a length or a count, the number after the tag is 1.
            let mut atom = tag.to_le_bytes().to_vec();
            atom.extend([1].into_iter().chain([0; 20]).take(after));
            let payload = frame(&atom, &[atom.len()]);
            assert_eq!(check([&payload[..]]), judge(&payload), "{tag:08X}");
            reader(&payload);
        }
    }
}

/// The three payloads that Microsoft's page of `ExportItems` shows, none of them whole: the
/// documentation left bytes out of each.
#[test]
fn published_samples() {
    let reason = |offset, reason| Verdict::Broken { offset, reason };
    let samples = [
        // A record header is read in the middle of a recipient's address.
        (
            "02_response_success_http-ns.xml",
            0,
            reason(0x10, BrokenReason::Opcode),
        ),
        // Not base64 at its end: the incomplete last quantum is left out.
        (
            "02_response_success_http-ns.xml",
            1,
            reason(0x30, BrokenReason::Opcode),
        ),
        // 8210 bytes announced, 410 there.
        (
            "02_response_success_http-ns.xml",
            2,
            reason(0x3E, BrokenReason::RecordCut),
        ),
        (
            "03_response_partial_errors_http-ns.xml",
            0,
            reason(0x10, BrokenReason::Opcode),
        ),
    ];
    for (file, index, expected) in samples {
        let Some(page) = data::text(&format!("samples/exportitems-page/{file}")) else {
            return;
        };
        let base64: String = page
            .split("<m:Data>")
            .nth(index + 1)
            .and_then(|rest| rest.split("</m:Data>").next())
            .expect("a Data element")
            .split_whitespace()
            .collect();
        let payload = base64::engine::general_purpose::STANDARD
            .decode(&base64[..base64.len() / 4 * 4])
            .expect("base64");
        assert_eq!(check([&payload[..]]), expected, "{file}, Data {index}");
        assert_eq!(judge(&payload), expected, "{file}, Data {index}");
    }
}
