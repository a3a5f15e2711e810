//! The open elements of a `FastTransfer` stream.

/// The open elements.
///
/// # Why a number is enough
/// A recipient holds no element, an attachment holds at most an embedded message, and a message
/// holds recipients and attachments. So the open elements, from the outside in, are always
/// *message (attachment message)ⁿ [recipient / attachment]*: below the innermost element the kinds
/// alternate, and the number `n` together with the innermost kind says all that a stack would.
///
/// The number here is 4 `n` and the innermost kind, which makes every marker the step of an addition:
/// two in an attachment come to the message that is embedded there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nesting(u16);

/// Innermost kinds.
const MESSAGE: i8 = 0;
const RECIPIENT: i8 = 1;
const ATTACHMENT: i8 = 2;

/// What the tags of type PtypInteger32 with an id from 0x4000 on are. A marker of *messageContent*
/// ([MS-OXCFXICS] 2.2.4.1.4) is the step that it makes, and in the lowest two bits the kind of element in which
/// it is allowed.
const MARKERS: [i8; 0x19] = {
    // Folders, lists of messages, synchronization, FXErrorInfo, ids without a meaning today,
    // and MetaTagIdsetGiven, whose value is not of the type that it announces. Ordinary
    // properties begin after them, with PidTagSenderFlags 0x4019.
    let mut markers = [FOREIGN; 0x19];
    markers[0x00] = 2 << 2 | MESSAGE; // NewAttach
    markers[0x01] = 2 << 2 | ATTACHMENT; // StartEmbed
    markers[0x02] = -2 << 2 | MESSAGE; // EndEmbed
    markers[0x03] = 1 << 2 | MESSAGE; // StartRecip
    markers[0x04] = -1 << 2 | RECIPIENT; // EndToRecip
    markers[0x0E] = -2 << 2 | ATTACHMENT; // EndAttach
    markers[0x0F] = PROPERTY; // MetaTagEcWarning
    markers[0x16] = PROPERTY; // MetaTagFXDelProp
    markers
};
// No element is of kind 3.
const FOREIGN: i8 = 3;
const PROPERTY: i8 = 7;

/// Other meta-properties that *messageContent* has no place for.
const SYNCHRONIZATION: [u32; 6] = [
    0x403A_0003, // IncrSyncStateBegin
    0x403B_0003, // IncrSyncStateEnd
    0x4074_000B, // IncrSyncProgressMode
    0x4075_000B, // IncrSyncProgressPerMsg
    0x407B_0102, // IncrSyncGroupInfo
    0x407D_0003, // IncrSyncChgPartial
];

fn marker(tag: u32) -> Option<i8> {
    let index = usize::try_from(tag.wrapping_sub(0x4000_0003).rotate_right(16)).ok()?;
    MARKERS.get(index).copied()
}

/// How a tag that is not an allowed marker is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// A property's.
    Property,
    /// A marker that opens or closes what it cannot.
    Misplaced,
    /// A marker or meta-property that *messageContent* has no place for, or one that opens more
    /// embedded messages than are counted.
    Foreign,
}

impl Nesting {
    /// Nothing is open but the item itself.
    pub(super) const ITEM: Self = Self(0);

    /// What is open after a marker that is allowed here.
    #[inline]
    pub(super) fn after(self, tag: u32) -> Option<Self> {
        let (open, marker) = (i32::from(self.0), i32::from(marker(tag)?));
        if (open ^ marker) & 3 != 0 {
            return None;
        }
        let after = u16::try_from(open + (marker >> 2)).ok()?;
        (after < 0x400).then_some(Self(after))
    }

    /// How a tag is judged for which [`after`](Self::after) returns `None`.
    pub(super) fn other(self, tag: u32) -> Other {
        match marker(tag) {
            None if SYNCHRONIZATION.contains(&tag) => Other::Foreign,
            None | Some(PROPERTY) => Other::Property,
            Some(FOREIGN) => Other::Foreign,
            // Of an embedded message that is one too many.
            Some(marker) if (i32::from(self.0) ^ i32::from(marker)) & 3 == 0 && marker > 0 => {
                Other::Foreign
            }
            // The item itself has no marker at its end, too.
            Some(_) => Other::Misplaced,
        }
    }
}
