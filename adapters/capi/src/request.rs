//! The request encoder.

use core::ffi::c_void;
use core::mem::{align_of, size_of};

use exportitems::{
    ExchangeImpersonation, ExportItems, ItemId as CoreItemId, ManagementRole, RequestHeaders,
    RequestServerVersion,
};

use crate::memory::{
    answer, impl_object, object, place, read, slice, slice_mut, text, vacate, write, Rest,
};
use crate::status::{Error, Failure, Status};
use crate::text::Text;

/// Writes one ExportItems request, any number of bytes at a time.
#[derive(Debug)]
#[cfg_attr(all(), repr(C))] // puts the mark first; in this form cbindgen keeps the type opaque
pub struct Encoder {
    mark: u32,
    encoder: exportitems::Encoder<'static>,
}

impl_object!(Encoder, b"EIen");

/// One item to export, with the ids that `FindItem` or `SyncFolderItems` returned.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ItemId {
    /// `Id`: opaque, case-sensitive, never empty.
    pub id: Text,
    /// `ChangeKey`: exports only this version of the item. If absent, exports the current version.
    pub change_key: Text,
}

/// An ExportItems request. The encoder borrows what the structure points to, but not the structure itself.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Request {
    /// The items, at least one. Microsoft recommends at most 100.
    pub items: *const ItemId,
    /// Number of items.
    pub items_len: usize,
    /// `RequestServerVersion`, such as `Exchange2016`; if absent, `Exchange2013_SP1`.
    pub server_version: Text,
    /// `ExchangeImpersonation` as `KIND:VALUE`, with KIND one of `PrincipalName`, `SID`, `PrimarySmtpAddress` and
    /// `SmtpAddress`; if absent, no impersonation.
    pub impersonation: Text,
    /// `MailboxCulture`: the language of the server's texts, such as `en-US`; may be absent.
    pub mailbox_culture: Text,
    /// `ManagementRole`: user roles, from Exchange 2013 on.
    pub user_roles: *const Text,
    /// Number of user roles; may be 0.
    pub user_roles_len: usize,
    /// `ManagementRole`: application roles, from Exchange 2013 on.
    pub application_roles: *const Text,
    /// Number of application roles; may be 0.
    pub application_roles_len: usize,
}

/// Returns the size in bytes of an encoder for this number of items, and of user and application roles together.
/// `SIZE_MAX` means that no memory is large enough.
#[no_mangle]
pub extern "C" fn exportitems_encoder_size(items: usize, roles: usize) -> usize {
    let items = items.saturating_mul(size_of::<CoreItemId<'_>>());
    let roles = roles.saturating_mul(size_of::<&str>());
    size_of::<Encoder>()
        .saturating_add(items)
        .saturating_add(roles)
}

/// Returns the alignment of an encoder in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_encoder_align() -> usize {
    align_of::<Encoder>()
}

/// Checks a request, makes an encoder for it in `size` bytes of `memory`, and stores its address in `encoder`.
///
/// # Safety
/// `memory` is valid while the encoder is used, and used for nothing else; what `request` points to is valid and not
/// changed for as long; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_encoder_init(
    memory: *mut c_void,
    size: usize,
    request: *const Request,
    encoder: *mut *mut Encoder,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: `request` is null or points to an initialised value.
        let request = unsafe { read(request) }?;
        // SAFETY: `memory` is null or writable for `size` bytes, which only this object uses.
        let memory = unsafe { vacate::<Encoder>(memory, size) }?;
        let mut rest = Rest::after(memory, size);
        // SAFETY: the caller keeps what `request` points to unchanged while the encoder is used; `rest` belongs to it.
        let request = unsafe { borrow(&request, &mut rest) }?;
        let object = Encoder {
            mark: <Encoder as crate::memory::Object>::MARK,
            encoder: request.encoder().map_err(Failure::Request)?,
        };
        // SAFETY: `memory` came from `vacate`, and `encoder` is null or writable.
        unsafe { place(memory, object, encoder) }
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(init(), error) }
}

/// Returns the length of the whole request in bytes, for `Content-Length`; 0 if `encoder` is not an encoder.
///
/// # Safety
/// `encoder` is null or came from `exportitems_encoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_encoder_len(encoder: *mut Encoder) -> u64 {
    // SAFETY: `encoder` is null or came from its `init`, and no other call uses it now.
    unsafe { object(encoder) }.map_or(0, |encoder| encoder.encoder.encoded_len())
}

/// Writes the next bytes of the request to `out`, and stores their number in `written`.
///
/// If it is less than `len`, the request is complete.
///
/// # Safety
/// `encoder` came from `exportitems_encoder_init`; `out` is valid for writes of `len` bytes, and initialised; the
/// other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_encoder_write(
    encoder: *mut Encoder,
    out: *mut u8,
    len: usize,
    written: *mut usize,
    error: *mut Error,
) -> Status {
    let next = || -> Result<Status, Failure> {
        // SAFETY: `encoder` is null or came from its `init`, and no other call uses it now.
        let encoder = unsafe { object(encoder) }?;
        // SAFETY: `written` is null or writable. It is written first, so that a null pointer loses no bytes.
        unsafe { write(written, 0) }?;
        // SAFETY: `out` is writable for `len` initialised bytes, which nothing else uses.
        let out = unsafe { slice_mut(out, len) }?;
        let count = encoder.encoder.write(out);
        // SAFETY: `written` is null or writable.
        unsafe { write(written, count) }?;
        Ok(Status::Ok)
    };
    // SAFETY: `error` is null or writable.
    unsafe { answer(next(), error) }
}

/// Converts a request to that of the core. The converted lists are stored in `rest`.
///
/// # Safety
/// What `request` points to is valid while the result is used, and so is `rest`, which is aligned for a pointer.
unsafe fn borrow(request: &Request, rest: &mut Rest) -> Result<ExportItems<'static>, Failure> {
    // SAFETY: `request.items` is readable for `request.items_len` elements.
    let items = unsafe { slice(request.items, request.items_len) }?;
    let item = |item: ItemId| {
        Ok(CoreItemId {
            // SAFETY: the text `item.id` is readable for as long as it is used. Without an id it is empty, which the
            // core refuses.
            id: unsafe { text(item.id) }?.unwrap_or_default(),
            // SAFETY: the text `item.change_key` is readable for as long as it is used.
            change_key: unsafe { text(item.change_key) }?,
        })
    };
    // SAFETY: `rest` is memory after an object with pointers: unused, and aligned for pointers.
    let items = unsafe { rest.convert(items, item) }?;
    let mut headers = RequestHeaders::new();
    // SAFETY: the text `request.server_version` is readable for as long as it is used.
    if let Some(version) = unsafe { text(request.server_version) }? {
        let version = version.parse::<RequestServerVersion>();
        headers = headers.server_version(version.map_err(Failure::Version)?);
    }
    // SAFETY: the text `request.impersonation` is readable for as long as it is used.
    if let Some(who) = unsafe { text(request.impersonation) }? {
        let (kind, value) = who.split_once(':').unwrap_or_default();
        let who = ExchangeImpersonation::of_kind(kind, value);
        headers = headers.impersonation(who.ok_or(Failure::ImpersonationKind)?);
    }
    // SAFETY: the text `request.mailbox_culture` is readable for as long as it is used.
    if let Some(language) = unsafe { text(request.mailbox_culture) }? {
        headers = headers.mailbox_culture(language);
    }
    // SAFETY: the role texts stay readable while the encoder is used.
    let user_roles = unsafe { roles(request.user_roles, request.user_roles_len, rest) }?;
    // SAFETY: the role texts stay readable while the encoder is used.
    let application_roles = unsafe {
        roles(
            request.application_roles,
            request.application_roles_len,
            rest,
        )
    }?;
    if !(user_roles.is_empty() && application_roles.is_empty()) {
        headers = headers.management_role(ManagementRole {
            user_roles,
            application_roles,
        });
    }
    Ok(ExportItems::new(items).headers(headers))
}

/// # Safety
/// As for [`borrow`].
unsafe fn roles(
    roles: *const Text,
    len: usize,
    rest: &mut Rest,
) -> Result<&'static [&'static str], Status> {
    // SAFETY: `roles` is readable for `len` elements.
    let roles = unsafe { slice(roles, len) }?;
    // SAFETY: the text `role` is readable for as long as it is used. Without a role it is empty, which the core
    // refuses.
    let role = |role| Ok(unsafe { text(role) }?.unwrap_or_default());
    // SAFETY: `rest` is memory after an object with pointers: unused, and aligned for pointers.
    unsafe { rest.convert(roles, role) }
}
