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
#[cfg_attr(all(), repr(C))] // for the mark to come first; in this form cbindgen keeps the type opaque
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
    /// `ChangeKey`: only this version of the item will do. Absent: whatever the item is now.
    pub change_key: Text,
}

/// An ExportItems request. What it points at is borrowed by the encoder; the structure itself is not.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Request {
    /// The items, at least one; Microsoft recommends 100 at most.
    pub items: *const ItemId,
    /// How many.
    pub items_len: usize,
    /// `RequestServerVersion`, such as `Exchange2016`; absent: `Exchange2013_SP1`.
    pub server_version: Text,
    /// `ExchangeImpersonation` as `KIND:VALUE`, with KIND one of `PrincipalName`, `SID`, `PrimarySmtpAddress` and
    /// `SmtpAddress`; absent: no impersonation.
    pub impersonation: Text,
    /// `MailboxCulture`: the language for the server's texts, such as `en-US`; may be absent.
    pub mailbox_culture: Text,
    /// `ManagementRole`: user roles, from Exchange 2013 on.
    pub user_roles: *const Text,
    /// How many; may be 0.
    pub user_roles_len: usize,
    /// `ManagementRole`: application roles, from Exchange 2013 on.
    pub application_roles: *const Text,
    /// How many; may be 0.
    pub application_roles_len: usize,
}

/// Size in bytes of an encoder for so many items and, together, roles. The largest number means
/// more than any memory holds.
#[no_mangle]
pub extern "C" fn exportitems_encoder_size(items: usize, roles: usize) -> usize {
    let items = items.saturating_mul(size_of::<CoreItemId<'_>>());
    let roles = roles.saturating_mul(size_of::<&str>());
    size_of::<Encoder>()
        .saturating_add(items)
        .saturating_add(roles)
}

/// Alignment of an encoder in bytes, at most 8.
#[no_mangle]
pub extern "C" fn exportitems_encoder_align() -> usize {
    align_of::<Encoder>()
}

/// Checks a request, makes an encoder for it in `size` bytes of `memory`, and stores where it is in `encoder`.
///
/// # Safety
/// `memory` is valid for as long as the encoder is used, for nothing else; what `request` points at is valid for
/// as long and not changed; the other pointers are null or valid.
#[no_mangle]
pub unsafe extern "C" fn exportitems_encoder_init(
    memory: *mut c_void,
    size: usize,
    request: *const Request,
    encoder: *mut *mut Encoder,
    error: *mut Error,
) -> Status {
    let init = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let request = unsafe { read(request) }?;
        // SAFETY: the caller's word.
        let memory = unsafe { vacate::<Encoder>(memory, size) }?;
        let mut rest = Rest::after(memory, size);
        // SAFETY: the caller's word.
        let request = unsafe { borrow(&request, &mut rest) }?;
        let object = Encoder {
            mark: <Encoder as crate::memory::Object>::MARK,
            encoder: request.encoder().map_err(Failure::Request)?,
        };
        // SAFETY: the caller's word.
        unsafe { place(memory, object, encoder) }
    };
    // SAFETY: the caller's word.
    unsafe { answer(init(), error) }
}

/// Length of the whole request in bytes, the `Content-Length`; 0 where there is no encoder.
///
/// # Safety
/// `encoder` is null or came from `exportitems_encoder_init`.
#[no_mangle]
pub unsafe extern "C" fn exportitems_encoder_len(encoder: *mut Encoder) -> u64 {
    // SAFETY: the caller's word.
    unsafe { object(encoder) }.map_or(0, |encoder| encoder.encoder.encoded_len())
}

/// Writes what comes next to `out`, and stores in `written` how many bytes that was.
///
/// `out` is filled while there is something to fill it with: fewer bytes than `len` mean that the request is done.
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
    let go_on = || -> Result<Status, Failure> {
        // SAFETY: the caller's word.
        let encoder = unsafe { object(encoder) }?;
        // SAFETY: the caller's word; before anything is written, so that a null pointer loses nothing.
        unsafe { write(written, 0) }?;
        // SAFETY: the caller's word.
        let out = unsafe { slice_mut(out, len) }?;
        let count = encoder.encoder.write(out);
        // SAFETY: the caller's word.
        unsafe { write(written, count) }?;
        Ok(Status::Ok)
    };
    // SAFETY: the caller's word.
    unsafe { answer(go_on(), error) }
}

/// The request as the core takes it, its lists converted into `rest`.
///
/// # Safety
/// What `request` points at is valid for as long as the result is used, and so is `rest`, which is aligned for a
/// pointer.
unsafe fn borrow(request: &Request, rest: &mut Rest) -> Result<ExportItems<'static>, Failure> {
    // SAFETY: the caller's word.
    let items = unsafe { slice(request.items, request.items_len) }?;
    let item = |item: ItemId| {
        Ok(CoreItemId {
            // SAFETY: the caller's word. An absent id is an empty one, which the core refuses.
            id: unsafe { text(item.id) }?.unwrap_or_default(),
            // SAFETY: the caller's word.
            change_key: unsafe { text(item.change_key) }?,
        })
    };
    // SAFETY: the caller's word.
    let items = unsafe { rest.convert(items, item) }?;
    let mut headers = RequestHeaders::new();
    // SAFETY: the caller's word.
    if let Some(version) = unsafe { text(request.server_version) }? {
        let version = version.parse::<RequestServerVersion>();
        headers = headers.server_version(version.map_err(Failure::Version)?);
    }
    // SAFETY: the caller's word.
    if let Some(who) = unsafe { text(request.impersonation) }? {
        let (kind, value) = who.split_once(':').unwrap_or_default();
        let who = ExchangeImpersonation::of_kind(kind, value);
        headers = headers.impersonation(who.ok_or(Failure::ImpersonationKind)?);
    }
    // SAFETY: the caller's word.
    if let Some(language) = unsafe { text(request.mailbox_culture) }? {
        headers = headers.mailbox_culture(language);
    }
    // SAFETY: the caller's word.
    let user_roles = unsafe { roles(request.user_roles, request.user_roles_len, rest) }?;
    // SAFETY: the caller's word.
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
    // SAFETY: the caller's word.
    let roles = unsafe { slice(roles, len) }?;
    // SAFETY: the caller's word. An absent role is an empty one, which the core refuses.
    let role = |role| Ok(unsafe { text(role) }?.unwrap_or_default());
    // SAFETY: the caller's word.
    unsafe { rest.convert(roles, role) }
}
