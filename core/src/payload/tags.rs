//! The vocabulary of the `FastTransfer` stream: markers, meta-properties, property types.
//!
//! A marker looks like the tag of a property, id in the upper half and type in the lower.

// Markers of messageContent, [MS-OXCFXICS] 2.2.4.1.4.
pub(super) const NEW_ATTACH: u32 = 0x4000_0003;
pub(super) const START_EMBED: u32 = 0x4001_0003;
pub(super) const END_EMBED: u32 = 0x4002_0003;
pub(super) const START_RECIP: u32 = 0x4003_0003;
pub(super) const END_TO_RECIP: u32 = 0x4004_0003;
pub(super) const END_ATTACH: u32 = 0x400E_0003;

// Meta-properties, [MS-OXCFXICS] 2.2.4.1.5.
pub(super) const META_TAG_EC_WARNING: u32 = 0x400F_0003;
pub(super) const META_TAG_FX_DEL_PROP: u32 = 0x4016_0003;

/// `PidTagMessageAttachments`, as the value of a `MetaTagFXDelProp`.
pub(super) const MESSAGE_ATTACHMENTS: u32 = 0x0E13_000D;

/// How a property's value is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Bytes of one value; 0: its length stands before it.
    pub(super) size: u8,
    /// Multi-valued: a count stands before the values.
    pub(super) many: bool,
}

impl Layout {
    /// The layout of a property type, if there is such a type.
    pub(super) fn of(property_type: u16) -> Option<Self> {
        let many = property_type & 0x9000 == 0x1000;
        let single = if many {
            property_type & !0x1000
        } else {
            property_type
        };
        // PtypErrorCode, PtypBoolean, PtypObject and PtypServerId are never multi-valued.
        if many && matches!(single, 0x000A | 0x000B | 0x000D | 0x00FB) {
            return None;
        }
        let size = value_size(single)?;
        Some(Self { size, many })
    }
}

/// Bytes of a value of a property type, [MS-OXCFXICS] 2.2.4.1.1 and 2.2.4.1.3; 0: its length
/// stands before it.
#[inline]
pub(super) fn value_size(property_type: u16) -> Option<u8> {
    /// 0xFF: there is no such type.
    const SIZES: [u8; 0x49] = {
        let mut sizes = [0xFF; 0x49];
        sizes[0x02] = 2; // PtypInteger16
        sizes[0x03] = 4; // PtypInteger32
        sizes[0x04] = 4; // PtypFloating32
        sizes[0x05] = 8; // PtypFloating64
        sizes[0x06] = 8; // PtypCurrency
        sizes[0x07] = 8; // PtypFloatingTime
        sizes[0x0A] = 4; // PtypErrorCode
        sizes[0x0B] = 2; // PtypBoolean: 2 bytes here, 1 elsewhere
        sizes[0x0D] = 0; // PtypObject
        sizes[0x14] = 8; // PtypInteger64
        sizes[0x1E] = 0; // PtypString8
        sizes[0x1F] = 0; // PtypString
        sizes[0x40] = 8; // PtypTime
        sizes[0x48] = 16; // PtypGuid
        sizes
    };
    match SIZES.get(usize::from(property_type)) {
        Some(0xFF) => None,
        Some(size) => Some(*size),
        // A code page string, 2.2.4.1.1.1: the other 15 bits are the code page.
        None if property_type & 0x8000 != 0 => Some(0),
        // PtypServerId, PtypBinary
        None if matches!(property_type, 0x00FB | 0x0102) => Some(0),
        None => None,
    }
}

/// Whether a tag is a marker or meta-property that *messageContent* has no place for.
pub(super) fn is_foreign(tag: u32) -> bool {
    matches!(
        tag,
        // IncrSyncStateBegin, IncrSyncStateEnd, IncrSyncProgressMode, IncrSyncProgressPerMsg,
        // IncrSyncGroupInfo, IncrSyncChgPartial
        0x403A_0003 | 0x403B_0003 | 0x4074_000B | 0x4075_000B | 0x407B_0102 | 0x407D_0003
    ) || (
        // Folders, lists of messages, synchronization, FXErrorInfo, ids without a meaning today,
        // and MetaTagIdsetGiven, whose value is not of the type that it announces. Ordinary
        // properties of type PtypInteger32 begin behind them, with PidTagSenderFlags 0x4019.
        tag & 0xFFFF == 3 && (0x4000..=0x4018).contains(&(tag >> 16))
    )
}
