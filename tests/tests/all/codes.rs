//! ResponseCodes, against all that exist.

use exportitems::ResponseCode;
use exportitems_testkit::data;

/// Codes are compared by their hash: no code that the schema of Exchange SE has is taken for another.
#[test]
fn no_published_code_is_taken_for_another() {
    let path = "lists/ResponseCodeType_ExchangeSE_15.2.2562.17_sorted.txt";
    let Some(codes) = data::text(path) else {
        return;
    };
    let mut known = 0;
    for code in codes.lines() {
        if let Some(text) = ResponseCode::from_text(code).as_str() {
            assert_eq!(text, code);
            known += 1;
        }
    }
    assert_eq!(known, ResponseCode::KNOWN.len());
}
