//! Wrong calls return a status, and change nothing.

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use exportitems_capi::*;

/// Memory for any object.
#[repr(C, align(16))]
struct Memory([u8; 1024]);

impl Memory {
    fn new() -> Box<Self> {
        Box::new(Self([0; 1024]))
    }

    fn at(&mut self, offset: usize) -> *mut c_void {
        self.0[offset..].as_mut_ptr().cast()
    }
}

fn error() -> Error {
    Error {
        status: Status::Ok,
        index: 0,
        offset: 0,
        text: [0; EXPORTITEMS_ERROR_TEXT_LEN],
    }
}

fn message(error: &Error) -> String {
    let bytes = error.text.map(|byte| byte.to_ne_bytes()[0]);
    let text = core::ffi::CStr::from_bytes_until_nul(&bytes).unwrap();
    text.to_str().unwrap().to_owned()
}

fn text(text: &str) -> Text {
    Text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

const ABSENT: Text = Text {
    ptr: null(),
    len: 0,
};

#[test]
#[allow(clippy::too_many_lines)] // a table
fn initialisation_checks_its_arguments() {
    let mut memory = Memory::new();
    let mut scratch = [0_u8; 64];
    let mut decoder = null_mut();
    let bad = Options {
        items: 0,
        integrity: 4,
        max_item_bytes: 0,
        max_total_bytes: 0,
    };
    let too_many = Options {
        items: u32::MAX,
        integrity: 0,
        ..bad
    };
    let size = exportitems_decoder_size();
    let scratch = scratch.as_mut_ptr();
    let out: *mut *mut Decoder = &raw mut decoder;
    let null_out = null_mut();
    let cases = [
        (null_mut(), size, scratch, 64, null(), out, Status::Null),
        (
            memory.at(0),
            size,
            null_mut(),
            64,
            null(),
            out,
            Status::Null,
        ),
        (
            memory.at(0),
            size,
            scratch,
            64,
            null(),
            null_out,
            Status::Null,
        ),
        (
            memory.at(1),
            size,
            scratch,
            64,
            null(),
            out,
            Status::Misaligned,
        ),
        (
            memory.at(0),
            size - 1,
            scratch,
            64,
            null(),
            out,
            Status::MemoryTooSmall,
        ),
        (
            memory.at(0),
            size,
            scratch,
            63,
            null(),
            out,
            Status::ScratchTooSmall,
        ),
        (
            memory.at(0),
            size,
            scratch,
            0,
            null(),
            out,
            Status::ScratchTooSmall,
        ),
        (
            memory.at(0),
            size,
            scratch,
            usize::MAX,
            null(),
            out,
            Status::TooLong,
        ),
        (
            memory.at(0),
            size,
            scratch,
            64,
            &raw const bad,
            out,
            Status::InvalidValue,
        ),
        (
            memory.at(0),
            size,
            scratch,
            64,
            &raw const too_many,
            out,
            Status::InvalidValue,
        ),
    ];
    for (number, (memory, size, scratch, len, options, out, expected)) in
        cases.into_iter().enumerate()
    {
        let mut error = error();
        // SAFETY: every pointer is null, or valid for the length that is passed with it.
        let status = unsafe {
            exportitems_decoder_init(memory, size, scratch, len, options, out, &raw mut error)
        };
        assert_eq!(status, expected, "{number}");
        assert_eq!(error.status, expected, "{number}");
        assert!(!message(&error).is_empty());
        // SAFETY: as above, with a null pointer for the error.
        let status = unsafe {
            exportitems_decoder_init(memory, size, scratch, len, options, out, null_mut())
        };
        assert_eq!(status, expected, "{number}");
        assert!(decoder.is_null());
    }
}

/// Zeroed memory, and an object of another kind.
#[test]
fn an_object_is_known_by_its_mark() {
    let mut memory = Memory::new();
    let mut event = core::mem::MaybeUninit::<Event>::uninit();
    let mut input = Bytes {
        ptr: null(),
        len: 0,
    };
    let mut check = null_mut();
    for round in 0..2 {
        let decoder: *mut Decoder = memory.at(0).cast();
        // SAFETY: the memory is valid, and larger than a decoder.
        unsafe {
            let next =
                exportitems_decoder_next(decoder, &raw mut input, event.as_mut_ptr(), null_mut());
            assert_eq!(next, Status::NotInitialized);
            let finish = exportitems_decoder_finish(decoder, event.as_mut_ptr(), null_mut());
            assert_eq!(finish, Status::NotInitialized);
            assert_eq!(
                exportitems_decoder_reject_item(decoder),
                Status::NotInitialized
            );
            assert_eq!(
                exportitems_decoder_reset(decoder, null(), null_mut()),
                Status::NotInitialized
            );
            assert_eq!(exportitems_decoder_offset(decoder), 0);
            assert_eq!(exportitems_encoder_len(decoder.cast()), 0);
            assert!(!exportitems_http_response_is_complete(decoder.cast()));
            assert!(!exportitems_http_response_can_reuse(decoder.cast(), 0));
            if round == 0 {
                let init =
                    exportitems_payload_check_init(memory.at(0), 1024, &raw mut check, null_mut());
                assert_eq!(init, Status::Ok);
            }
        }
    }
    // SAFETY: null is checked for.
    unsafe {
        let next =
            exportitems_decoder_next(null_mut(), &raw mut input, event.as_mut_ptr(), null_mut());
        assert_eq!(next, Status::Null);
        assert_eq!(
            exportitems_payload_check_update(check, null(), 1, null_mut()),
            Status::Null
        );
        assert_eq!(
            exportitems_payload_check_update(check, null(), 0, null_mut()),
            Status::Ok
        );
        assert_eq!(
            exportitems_payload_check_verdict(check, null_mut(), null_mut()),
            Status::Null
        );
    }
}

/// A wrong call between two correct ones changes nothing. After an error and after the end, the status stays the same.
#[test]
fn order_and_errors() {
    let document = crate::documents::envelope("");
    let mut memory = Memory::new();
    let mut scratch = [0_u8; 64];
    let mut decoder = null_mut();
    let mut storage = core::mem::MaybeUninit::<Event>::uninit();
    let event = storage.as_mut_ptr();
    let mut error = error();
    // SAFETY: every pointer is null or valid, and the scratch outlives the decoder.
    unsafe {
        let init = exportitems_decoder_init(
            memory.at(0),
            1024,
            scratch.as_mut_ptr(),
            64,
            null(),
            &raw mut decoder,
            &raw mut error,
        );
        assert_eq!(init, Status::Ok);
        let mut input = Bytes {
            ptr: document.as_ptr(),
            len: document.len(),
        };
        let whole = input;
        assert_eq!(
            exportitems_decoder_next(decoder, null_mut(), event, null_mut()),
            Status::Null
        );
        assert_eq!(
            exportitems_decoder_next(decoder, &raw mut input, null_mut(), null_mut()),
            Status::Null
        );
        assert_eq!(input.len, document.len());
        let mut nothing = Bytes {
            ptr: null(),
            len: 1,
        };
        assert_eq!(
            exportitems_decoder_next(decoder, &raw mut nothing, event, null_mut()),
            Status::Null
        );

        // Once with input and once without: the decoder stays at its end.
        for _ in 0..2 {
            while exportitems_decoder_next(decoder, &raw mut input, event, &raw mut error)
                == Status::Event
            {}
            let end = document.as_bytes().as_ptr_range().end;
            assert_eq!((input.ptr, input.len), (end, 0));
        }
        assert_eq!(exportitems_decoder_offset(decoder), document.len() as u64);
        while exportitems_decoder_finish(decoder, event, &raw mut error) == Status::Event {}
        assert_eq!(
            exportitems_decoder_finish(decoder, event, &raw mut error),
            Status::Ok
        );

        // More input after the end.
        input = whole;
        for _ in 0..2 {
            let next = exportitems_decoder_next(decoder, &raw mut input, event, &raw mut error);
            assert_eq!((next, error.status), (Status::Finished, Status::Finished));
            assert_eq!(
                exportitems_decoder_finish(decoder, event, &raw mut error),
                Status::Finished
            );
        }
        assert_eq!(error.offset, document.len() as u64);
        assert!(message(&error).starts_with("input after the end was declared"));

        // Ready again; then an error that stays.
        assert_eq!(
            exportitems_decoder_reset(decoder, null(), null_mut()),
            Status::Ok
        );
        input = Bytes {
            ptr: b"{}".as_ptr(),
            len: 2,
        };
        while exportitems_decoder_next(decoder, &raw mut input, event, &raw mut error)
            == Status::Event
        {}
        for _ in 0..2 {
            assert_eq!(
                exportitems_decoder_next(decoder, &raw mut input, event, &raw mut error),
                Status::NotSoap
            );
            assert_eq!(
                exportitems_decoder_finish(decoder, event, &raw mut error),
                Status::NotSoap
            );
        }
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn requests_that_cannot_be_sent_say_which_part() {
    let items = [
        ItemId {
            id: text("AAMk"),
            change_key: ABSENT,
        },
        ItemId {
            id: text("a\u{1}"),
            change_key: ABSENT,
        },
        ItemId {
            id: text("AAMk"),
            change_key: Text {
                ptr: b"\xff".as_ptr().cast(),
                len: 1,
            },
        },
    ];
    let request = |items: &[ItemId]| Request {
        items: items.as_ptr(),
        items_len: items.len(),
        server_version: ABSENT,
        impersonation: ABSENT,
        mailbox_culture: ABSENT,
        user_roles: null(),
        user_roles_len: 0,
        application_roles: null(),
        application_roles_len: 0,
    };
    let good = request(&items[..1]);
    let version = |version| Request {
        server_version: text(version),
        ..good
    };
    let who = Request {
        impersonation: text("somebody"),
        ..good
    };
    let roles = [text("")];
    let role = Request {
        user_roles: roles.as_ptr(),
        user_roles_len: 1,
        ..good
    };
    let cases = [
        (good, 1024, Status::Ok, 0, 0),
        (good, exportitems_encoder_size(1, 0), Status::Ok, 0, 0),
        (
            good,
            exportitems_encoder_size(1, 0) - 1,
            Status::MemoryTooSmall,
            0,
            0,
        ),
        (good, 0, Status::MemoryTooSmall, 0, 0),
        (request(&[]), 1024, Status::RequestNoItems, 0, 0),
        (request(&items[..2]), 1024, Status::RequestCharacter, 1, 1),
        (request(&items), 1024, Status::NotUtf8, 0, 0),
        (
            version("Exchange2007"),
            1024,
            Status::RequestVersionTooOld,
            0,
            0,
        ),
        (
            version("Exchange1999"),
            1024,
            Status::RequestVersionUnknown,
            0,
            0,
        ),
        (who, 1024, Status::RequestImpersonationKind, 0, 0),
        (
            role,
            exportitems_encoder_size(1, 1),
            Status::RequestEmpty,
            0,
            0,
        ),
        (
            role,
            exportitems_encoder_size(1, 0),
            Status::MemoryTooSmall,
            0,
            0,
        ),
    ];
    for (number, (request, size, expected, index, offset)) in cases.into_iter().enumerate() {
        let mut memory = Memory::new();
        let mut encoder = null_mut();
        let mut error = error();
        // SAFETY: the memory has the given size, and the request outlives the encoder.
        let status = unsafe {
            exportitems_encoder_init(
                memory.at(0),
                size,
                &raw const request,
                &raw mut encoder,
                &raw mut error,
            )
        };
        assert_eq!(status, expected, "{number}");
        assert_eq!((error.index, error.offset), (index, offset), "{number}");
        if status == Status::Ok {
            // SAFETY: the encoder was made above.
            assert!(unsafe { exportitems_encoder_len(encoder) } > 0);
        }
    }
}

/// The memory that the earlier encoder borrowed was overwritten for the request that cannot be sent.
#[test]
fn an_init_that_fails_leaves_no_object() {
    let [good, bad] = [("a", "b"), ("\u{1}", "c")].map(|(first, second)| {
        [first, second].map(|id| ItemId {
            id: text(id),
            change_key: ABSENT,
        })
    });
    let request = |items: &[ItemId]| Request {
        items: items.as_ptr(),
        items_len: items.len(),
        server_version: ABSENT,
        impersonation: ABSENT,
        mailbox_culture: ABSENT,
        user_roles: null(),
        user_roles_len: 0,
        application_roles: null(),
        application_roles_len: 0,
    };
    let mut memory = Memory::new();
    let mut encoder = null_mut();
    let mut written = 0;
    let mut out = [0; 16];
    // SAFETY: the memory has the given size, and the requests outlive the encoder.
    unsafe {
        for (items, expected) in [(&good, Status::Ok), (&bad, Status::RequestCharacter)] {
            let status = exportitems_encoder_init(
                memory.at(0),
                1024,
                &request(items),
                &raw mut encoder,
                null_mut(),
            );
            assert_eq!(status, expected);
        }
        let status =
            exportitems_encoder_write(encoder, out.as_mut_ptr(), 16, &raw mut written, null_mut());
        assert_eq!(status, Status::NotInitialized);
        assert_eq!(exportitems_encoder_len(encoder), 0);
    }
}

#[test]
fn heads_that_cannot_be_sent_say_which_header() {
    let header = |name, value| HttpHeader {
        name: text(name),
        value: text(value),
    };
    let headers = [header("Accept", "text/xml"), header("Host", "example.com")];
    let head = |len, target| HttpRequestHead {
        target: text(target),
        host: text("example.com"),
        headers: headers.as_ptr(),
        headers_len: len,
        content_length: 1,
    };
    let cases = [
        (head(1, "/"), 1024, Status::Ok, 0),
        (head(2, "/"), 1024, Status::HttpRequestReservedHeader, 1),
        (head(1, "x"), 1024, Status::HttpRequestTarget, 0),
        (
            head(1, "/"),
            exportitems_http_request_size(0),
            Status::MemoryTooSmall,
            0,
        ),
        (head(usize::MAX / 2, "/"), 1024, Status::TooLong, 0),
    ];
    for (number, (head, size, expected, index)) in cases.into_iter().enumerate() {
        let mut memory = Memory::new();
        let mut request = null_mut();
        let mut error = error();
        // SAFETY: the memory has the given size, and the head outlives the encoder.
        let status = unsafe {
            exportitems_http_request_init(
                memory.at(0),
                size,
                &raw const head,
                &raw mut request,
                &raw mut error,
            )
        };
        assert_eq!((status, error.index), (expected, index), "{number}");
    }
}
