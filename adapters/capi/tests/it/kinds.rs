//! A handle of another kind is refused before memory after its end is read.

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use exportitems_capi::*;

const ABSENT: Text = Text {
    ptr: null(),
    len: 0,
};

/// Two pages. The second is not accessible, so reading past the end of the first one crashes.
struct Guarded {
    start: *mut c_void,
    page: usize,
}

impl Guarded {
    fn new() -> Self {
        // SAFETY: a new mapping at an address that the system chooses; the protected page is part of it.
        unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap();
            let (access, kind) = (
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
            );
            let start = libc::mmap(null_mut(), 2 * page, access, kind, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            let second = start.cast::<u8>().wrapping_add(page).cast();
            assert_eq!(libc::mprotect(second, page, libc::PROT_NONE), 0);
            Self { start, page }
        }
    }

    /// The last `size` accessible bytes.
    fn last(&self, size: usize) -> *mut c_void {
        let start = self.start.cast::<u8>();
        start.wrapping_add(self.page - size).cast()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing points into it any more.
        unsafe { libc::munmap(self.start, 2 * self.page) };
    }
}

/// A kind of object: its name, its size, how it is made and a call that takes it.
struct Kind {
    name: &'static str,
    size: usize,
    init: fn(memory: *mut c_void, size: usize) -> Status,
    call: fn(object: *mut c_void) -> Status,
}

fn scratch() -> *mut u8 {
    Box::leak(Box::new([0_u8; 64])).as_mut_ptr()
}

fn text(text: &'static str) -> Text {
    Text {
        ptr: text.as_ptr().cast(),
        len: text.len(),
    }
}

fn no_items() -> Request {
    Request {
        items: null(),
        items_len: 0,
        server_version: ABSENT,
        impersonation: ABSENT,
        mailbox_culture: ABSENT,
        user_roles: null(),
        user_roles_len: 0,
        application_roles: null(),
        application_roles_len: 0,
    }
}

/// Every kind of object of the interface.
// SAFETY of all calls: memory and outputs are valid as long as they are used; objects are of any kind, which is what
// is tested.
#[allow(clippy::too_many_lines)] // a table
fn kinds() -> [Kind; 7] {
    [
        Kind {
            name: "decoder",
            size: exportitems_decoder_size(),
            init: |memory, size| {
                let mut made = null_mut();
                // SAFETY: see above.
                unsafe {
                    exportitems_decoder_init(
                        memory,
                        size,
                        scratch(),
                        64,
                        null(),
                        &raw mut made,
                        null_mut(),
                    )
                }
            },
            // SAFETY: see above.
            call: |object| unsafe { exportitems_decoder_reset(object.cast(), null(), null_mut()) },
        },
        Kind {
            name: "encoder",
            size: exportitems_encoder_size(1, 0),
            init: |memory, size| {
                let mut made = null_mut();
                let item = Box::leak(Box::new(ItemId {
                    id: text("AAMk"),
                    change_key: ABSENT,
                }));
                let request = Request {
                    items: item,
                    items_len: 1,
                    ..no_items()
                };
                // SAFETY: see above.
                unsafe {
                    exportitems_encoder_init(
                        memory,
                        size,
                        &raw const request,
                        &raw mut made,
                        null_mut(),
                    )
                }
            },
            call: |object| {
                let mut written = 0;
                // SAFETY: see above.
                unsafe {
                    exportitems_encoder_write(
                        object.cast(),
                        null_mut(),
                        0,
                        &raw mut written,
                        null_mut(),
                    )
                }
            },
        },
        Kind {
            name: "HTTP request",
            size: exportitems_http_request_size(0),
            init: |memory, size| {
                let mut made = null_mut();
                let head = HttpRequestHead {
                    target: text("/"),
                    host: text("a"),
                    headers: null(),
                    headers_len: 0,
                    content_length: 0,
                };
                // SAFETY: see above.
                unsafe {
                    exportitems_http_request_init(
                        memory,
                        size,
                        &raw const head,
                        &raw mut made,
                        null_mut(),
                    )
                }
            },
            call: |object| {
                let mut written = 0;
                // SAFETY: see above.
                unsafe {
                    exportitems_http_request_write(
                        object.cast(),
                        null_mut(),
                        0,
                        &raw mut written,
                        null_mut(),
                    )
                }
            },
        },
        Kind {
            name: "HTTP response",
            size: exportitems_http_response_size(),
            init: |memory, size| {
                let mut made = null_mut();
                // SAFETY: see above.
                unsafe {
                    exportitems_http_response_init(
                        memory,
                        size,
                        scratch(),
                        64,
                        &raw mut made,
                        null_mut(),
                    )
                }
            },
            // SAFETY: see above.
            call: |object| unsafe { exportitems_http_response_finish(object.cast(), null_mut()) },
        },
        Kind {
            name: "payload check",
            size: exportitems_payload_check_size(),
            init: |memory, size| {
                let mut made = null_mut();
                // SAFETY: see above.
                unsafe { exportitems_payload_check_init(memory, size, &raw mut made, null_mut()) }
            },
            // SAFETY: see above.
            call: |object| unsafe {
                exportitems_payload_check_update(object.cast(), null(), 0, null_mut())
            },
        },
        Kind {
            name: "endpoint",
            size: exportitems_endpoint_size(),
            init: |memory, size| {
                let mut made = null_mut();
                // SAFETY: see above.
                unsafe {
                    exportitems_endpoint_init(
                        memory,
                        size,
                        null(),
                        null(),
                        &raw mut made,
                        null_mut(),
                    )
                }
            },
            call: |object| {
                let mut limits = Limits {
                    items: 0,
                    connections: 0,
                    server_version: ABSENT,
                };
                // SAFETY: see above.
                unsafe { exportitems_endpoint_limits(object.cast(), &raw mut limits, null_mut()) }
            },
        },
        Kind {
            name: "exchange",
            size: exportitems_exchange_size(),
            init: |memory, size| {
                let (mut made, mut endpoint) = (null_mut(), null_mut());
                let room = Box::leak(Box::new([0_u64; EXPORTITEMS_ENDPOINT_SIZE / 8]));
                let room = room.as_mut_ptr().cast();
                // SAFETY: see above.
                let status = unsafe {
                    exportitems_endpoint_init(
                        room,
                        EXPORTITEMS_ENDPOINT_SIZE,
                        null(),
                        null(),
                        &raw mut endpoint,
                        null_mut(),
                    )
                };
                assert_eq!(status, Status::Ok);
                // SAFETY: see above.
                unsafe {
                    exportitems_exchange_init(memory, size, endpoint, 1, &raw mut made, null_mut())
                }
            },
            // SAFETY: see above.
            call: |object| unsafe { exportitems_exchange_cut(object.cast(), null_mut()) },
        },
    ]
}

#[test]
fn a_handle_of_another_kind_is_refused_before_its_end() {
    for made in kinds() {
        let guarded = Guarded::new();
        let memory = guarded.last(made.size);
        assert_eq!((made.init)(memory, made.size), Status::Ok, "{}", made.name);
        for taken in kinds() {
            let status = (taken.call)(memory);
            let case = format!("a {} in place of a {}", made.name, taken.name);
            if made.name == taken.name {
                assert_ne!(status, Status::NotInitialized, "{case}");
            } else {
                assert_eq!(status, Status::NotInitialized, "{case}");
            }
        }
    }
}

/// The mark is all that is read of memory without an object.
#[test]
fn memory_without_an_object_needs_four_bytes() {
    let guarded = Guarded::new();
    let memory = guarded.last(8);
    for taken in kinds() {
        assert_eq!(
            (taken.call)(memory),
            Status::NotInitialized,
            "{}",
            taken.name
        );
    }
}
