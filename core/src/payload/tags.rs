//! The vocabulary of the `FastTransfer` stream: markers, meta-properties, property types.
//!
//! A marker looks like the tag of a property, id in the upper half and type in the lower.

/// `MetaTagFXDelProp`, [MS-OXCFXICS] 2.2.4.1.5, whose value is a tag.
pub(super) const META_TAG_FX_DEL_PROP: u32 = 0x4016_0003;

/// `StartRecip`, [MS-OXCFXICS] 2.2.4.1.4.
pub(super) const START_RECIP: u32 = 0x4003_0003;
/// `EndToRecip`.
pub(super) const END_TO_RECIP: u32 = 0x4004_0003;
/// `NewAttach`.
pub(super) const NEW_ATTACH: u32 = 0x4000_0003;
/// `EndAttach`.
pub(super) const END_ATTACH: u32 = 0x400E_0003;
/// `StartEmbed`.
pub(super) const START_EMBED: u32 = 0x4001_0003;

/// `PidTagMessageAttachments`, as the value of a `MetaTagFXDelProp`.
pub(super) const MESSAGE_ATTACHMENTS: u32 = 0x0E13_000D;

/// How a property's value is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Bytes of one value; 0 if its length precedes it.
    pub(super) size: u8,
    /// Multi-valued: a count precedes the values.
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
        let size = fixed_size(single);
        (size > 0 || is_variable(single)).then_some(Self { size, many })
    }
}

/// Bytes of a value of a property type, [MS-OXCFXICS] 2.2.4.1.1; 0: it has no such size.
#[inline]
pub(super) fn fixed_size(property_type: u16) -> u8 {
    const SIZES: [u8; 0x15] = {
        let mut sizes = [0; 0x15];
        sizes[0x02] = 2; // PtypInteger16
        sizes[0x03] = 4; // PtypInteger32
        sizes[0x04] = 4; // PtypFloating32
        sizes[0x05] = 8; // PtypFloating64
        sizes[0x06] = 8; // PtypCurrency
        sizes[0x07] = 8; // PtypFloatingTime
        sizes[0x0A] = 4; // PtypErrorCode
        sizes[0x0B] = 2; // PtypBoolean: 2 bytes here, 1 elsewhere
        sizes[0x14] = 8; // PtypInteger64
        sizes
    };
    match (SIZES.get(usize::from(property_type)), property_type) {
        (Some(&size), _) => size,
        (None, 0x40) => 8,  // PtypTime
        (None, 0x48) => 16, // PtypGuid
        (None, _) => 0,
    }
}

/// Whether the length of a value precedes it, [MS-OXCFXICS] 2.2.4.1.1 and 2.2.4.1.3.
#[inline]
pub(super) fn is_variable(property_type: u16) -> bool {
    matches!(
        property_type,
        // PtypObject, PtypString8, PtypString, PtypServerId, PtypBinary
        0x0D | 0x1E | 0x1F | 0xFB | 0x102
        // A code page string, 2.2.4.1.1.1: the other 15 bits are the code page.
        | 0x8000..
    )
}
