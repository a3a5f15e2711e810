//! Names of properties, property sets and media types, as Microsoft's [MS-OXPROPS] publishes them.
//!
//! [MS-OXPROPS]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxprops/

mod lids;

use exportitems::payload::Guid;

use lids::LIDS;

use crate::item::{Name, Property};
use crate::text::hex;

/// Returns a GUID of the form that most of MAPI's property sets have: `….-0000-0000-C000-000000000046`.
const fn mapi(data1: u32) -> Guid {
    let [a, b, c, d] = data1.to_le_bytes();
    Guid([a, b, c, d, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46])
}

/// PS_PUBLIC_STRINGS.
pub const PS_PUBLIC_STRINGS: Guid = mapi(0x0002_0329);
/// PS_INTERNET_HEADERS.
pub const PS_INTERNET_HEADERS: Guid = mapi(0x0002_0386);
/// PSETID_Common.
pub const PSETID_COMMON: Guid = mapi(0x0006_2008);
/// PSETID_Appointment.
pub const PSETID_APPOINTMENT: Guid = mapi(0x0006_2002);
/// PSETID_Task.
pub const PSETID_TASK: Guid = mapi(0x0006_2003);
/// PSETID_Address.
pub const PSETID_ADDRESS: Guid = mapi(0x0006_2004);
/// PSETID_Meeting.
pub const PSETID_MEETING: Guid = Guid([
    0x90, 0xDA, 0xD8, 0x6E, 0x0B, 0x45, 0x1B, 0x10, 0x98, 0xDA, 0x00, 0xAA, 0x00, 0x3F, 0x13, 0x05,
]);

const SETS: &[(Guid, &str)] = &[
    (PS_PUBLIC_STRINGS, "PS_PUBLIC_STRINGS"),
    (PS_INTERNET_HEADERS, "PS_INTERNET_HEADERS"),
    (PSETID_COMMON, "PSETID_Common"),
    (PSETID_APPOINTMENT, "PSETID_Appointment"),
    (PSETID_TASK, "PSETID_Task"),
    (PSETID_ADDRESS, "PSETID_Address"),
    (PSETID_MEETING, "PSETID_Meeting"),
    (mapi(0x0006_200A), "PSETID_Log"),
    (mapi(0x0006_200E), "PSETID_Note"),
    (mapi(0x0006_2040), "PSETID_Sharing"),
    (mapi(0x0006_2041), "PSETID_PostRss"),
];

/// Ids and names, ordered by id.
const TAGS: &[(u16, &str)] = &[
    (0x0002, "AlternateRecipientAllowed"),
    (0x000F, "DeferredDeliveryTime"),
    (0x0015, "ExpiryTime"),
    (0x0017, "Importance"),
    (0x001A, "MessageClass"),
    (0x0023, "OriginatorDeliveryReportRequested"),
    (0x0026, "Priority"),
    (0x0029, "ReadReceiptRequested"),
    (0x002B, "RecipientReassignmentProhibited"),
    (0x002E, "OriginalSensitivity"),
    (0x0030, "ReplyTime"),
    (0x0031, "ReportTag"),
    (0x0032, "ReportTime"),
    (0x0036, "Sensitivity"),
    (0x0037, "Subject"),
    (0x0039, "ClientSubmitTime"),
    (0x003B, "SentRepresentingSearchKey"),
    (0x003D, "SubjectPrefix"),
    (0x003F, "ReceivedByEntryId"),
    (0x0040, "ReceivedByName"),
    (0x0041, "SentRepresentingEntryId"),
    (0x0042, "SentRepresentingName"),
    (0x0043, "ReceivedRepresentingEntryId"),
    (0x0044, "ReceivedRepresentingName"),
    (0x0046, "ReadReceiptEntryId"),
    (0x0049, "OriginalSubject"),
    (0x004D, "OriginalAuthorName"),
    (0x004F, "ReplyRecipientEntries"),
    (0x0050, "ReplyRecipientNames"),
    (0x0051, "ReceivedBySearchKey"),
    (0x0052, "ReceivedRepresentingSearchKey"),
    (0x0053, "ReadReceiptSearchKey"),
    (0x0057, "MessageToMe"),
    (0x0058, "MessageCcMe"),
    (0x0059, "MessageRecipientMe"),
    (0x005A, "OriginalSenderName"),
    (0x0060, "StartDate"),
    (0x0061, "EndDate"),
    (0x0062, "OwnerAppointmentId"),
    (0x0063, "ResponseRequested"),
    (0x0064, "SentRepresentingAddressType"),
    (0x0065, "SentRepresentingEmailAddress"),
    (0x0070, "ConversationTopic"),
    (0x0071, "ConversationIndex"),
    (0x0075, "ReceivedByAddressType"),
    (0x0076, "ReceivedByEmailAddress"),
    (0x0077, "ReceivedRepresentingAddressType"),
    (0x0078, "ReceivedRepresentingEmailAddress"),
    (0x007D, "TransportMessageHeaders"),
    (0x007F, "TnefCorrelationKey"),
    (0x0080, "ReportDisposition"),
    (0x0C06, "NonReceiptNotificationRequested"),
    (0x0C15, "RecipientType"),
    (0x0C17, "ReplyRequested"),
    (0x0C19, "SenderEntryId"),
    (0x0C1A, "SenderName"),
    (0x0C1B, "SupplementaryInfo"),
    (0x0C1D, "SenderSearchKey"),
    (0x0C1E, "SenderAddressType"),
    (0x0C1F, "SenderEmailAddress"),
    (0x0E01, "DeleteAfterSubmit"),
    (0x0E02, "DisplayBcc"),
    (0x0E03, "DisplayCc"),
    (0x0E04, "DisplayTo"),
    (0x0E06, "MessageDeliveryTime"),
    (0x0E07, "MessageFlags"),
    (0x0E08, "MessageSize"),
    (0x0E0F, "Responsibility"),
    (0x0E12, "MessageRecipients"),
    (0x0E13, "MessageAttachments"),
    (0x0E1B, "HasAttachments"),
    (0x0E1D, "NormalizedSubject"),
    (0x0E1F, "RtfInSync"),
    (0x0E20, "AttachSize"),
    (0x0E21, "AttachNumber"),
    (0x0E28, "PrimarySendAccount"),
    (0x0E29, "NextSendAcct"),
    (0x0E2B, "ToDoItemFlags"),
    (0x0E69, "Read"),
    (0x0FF4, "Access"),
    (0x0FF7, "AccessLevel"),
    (0x0FF9, "RecordKey"),
    (0x0FFE, "ObjectType"),
    (0x0FFF, "EntryId"),
    (0x1000, "Body"),
    (0x1001, "ReportText"),
    (0x1009, "RtfCompressed"),
    (0x1013, "Html"),
    (0x1014, "BodyContentLocation"),
    (0x1015, "BodyContentId"),
    (0x1016, "NativeBody"),
    (0x1035, "InternetMessageId"),
    (0x1039, "InternetReferences"),
    (0x1042, "InReplyToId"),
    (0x1043, "ListHelp"),
    (0x1044, "ListSubscribe"),
    (0x1045, "ListUnsubscribe"),
    (0x1080, "IconIndex"),
    (0x1081, "LastVerbExecuted"),
    (0x1082, "LastVerbExecutionTime"),
    (0x1090, "FlagStatus"),
    (0x1091, "FlagCompleteTime"),
    (0x1095, "FollowupIcon"),
    (0x10F4, "AttributeHidden"),
    (0x3000, "Rowid"),
    (0x3001, "DisplayName"),
    (0x3002, "AddressType"),
    (0x3003, "EmailAddress"),
    (0x3007, "CreationTime"),
    (0x3008, "LastModificationTime"),
    (0x300B, "SearchKey"),
    (0x3010, "TargetEntryId"),
    (0x3013, "ConversationId"),
    (0x3016, "ConversationIndexTracking"),
    (0x340D, "StoreSupportMask"),
    (0x3701, "AttachDataBinary"),
    (0x3702, "AttachEncoding"),
    (0x3703, "AttachExtension"),
    (0x3704, "AttachFilename"),
    (0x3705, "AttachMethod"),
    (0x3707, "AttachLongFilename"),
    (0x3708, "AttachPathname"),
    (0x3709, "AttachRendering"),
    (0x370A, "AttachTag"),
    (0x370B, "RenderingPosition"),
    (0x370D, "AttachLongPathname"),
    (0x370E, "AttachMimeTag"),
    (0x370F, "AttachAdditionalInformation"),
    (0x3711, "AttachContentBase"),
    (0x3712, "AttachContentId"),
    (0x3713, "AttachContentLocation"),
    (0x3714, "AttachFlags"),
    (0x371B, "TextAttachmentCharset"),
    (0x3900, "DisplayType"),
    (0x3905, "DisplayTypeEx"),
    (0x39FE, "SmtpAddress"),
    (0x3A00, "Account"),
    (0x3A02, "CallbackTelephoneNumber"),
    (0x3A05, "Generation"),
    (0x3A06, "GivenName"),
    (0x3A08, "BusinessTelephoneNumber"),
    (0x3A09, "HomeTelephoneNumber"),
    (0x3A0A, "Initials"),
    (0x3A0B, "Keyword"),
    (0x3A0F, "MessageHandlingSystemCommonName"),
    (0x3A11, "Surname"),
    (0x3A15, "PostalAddress"),
    (0x3A16, "CompanyName"),
    (0x3A17, "Title"),
    (0x3A18, "DepartmentName"),
    (0x3A19, "OfficeLocation"),
    (0x3A1A, "PrimaryTelephoneNumber"),
    (0x3A1C, "MobileTelephoneNumber"),
    (0x3A1F, "OtherTelephoneNumber"),
    (0x3A20, "TransmittableDisplayName"),
    (0x3A24, "BusinessFaxNumber"),
    (0x3A26, "Country"),
    (0x3A27, "Locality"),
    (0x3A28, "StateOrProvince"),
    (0x3A29, "StreetAddress"),
    (0x3A2A, "PostalCode"),
    (0x3A40, "SendRichInfo"),
    (0x3A42, "Birthday"),
    (0x3A44, "MiddleName"),
    (0x3A45, "DisplayNamePrefix"),
    (0x3A4F, "Nickname"),
    (0x3A51, "BusinessHomePage"),
    (0x3A71, "SendInternetEncoding"),
    (0x3FDE, "InternetCodepage"),
    (0x3FDF, "AutoResponseSuppress"),
    (0x3FEA, "HasDeferredActionMessages"),
    (0x3FF1, "MessageLocaleId"),
    (0x3FF8, "CreatorName"),
    (0x3FF9, "CreatorEntryId"),
    (0x3FFA, "LastModifierName"),
    (0x3FFB, "LastModifierEntryId"),
    (0x3FFD, "MessageCodepage"),
    (0x4019, "SenderFlags"),
    (0x401A, "SentRepresentingFlags"),
    (0x4022, "CreatorAddressType"),
    (0x4023, "CreatorEmailAddress"),
    (0x4029, "ReadReceiptAddressType"),
    (0x402A, "ReadReceiptEmailAddress"),
    (0x402B, "ReadReceiptName"),
    (0x4030, "SenderSimpleDisplayName"),
    (0x4031, "SentRepresentingSimpleDisplayName"),
    (0x4038, "CreatorSimpleDisplayName"),
    (0x4039, "LastModifierSimpleDisplayName"),
    (0x4076, "ContentFilterSpamConfidenceLevel"),
    (0x5902, "InternetMailOverrideFormat"),
    (0x5909, "MessageEditorFormat"),
    (0x5D01, "SenderSmtpAddress"),
    (0x5D02, "SentRepresentingSmtpAddress"),
    (0x5D05, "ReadReceiptSmtpAddress"),
    (0x5D07, "ReceivedBySmtpAddress"),
    (0x5D08, "ReceivedRepresentingSmtpAddress"),
    (0x5FDF, "RecipientOrder"),
    (0x5FE1, "RecipientProposed"),
    (0x5FF6, "RecipientDisplayName"),
    (0x5FF7, "RecipientEntryId"),
    (0x5FFB, "RecipientTrackStatusTime"),
    (0x5FFD, "RecipientFlags"),
    (0x5FFF, "RecipientTrackStatus"),
    (0x65E0, "SourceKey"),
    (0x65E1, "ParentSourceKey"),
    (0x65E2, "ChangeKey"),
    (0x65E3, "PredecessorChangeList"),
    (0x674A, "Mid"),
    (0x7FFA, "AttachmentLinkId"),
    (0x7FFB, "ExceptionStartTime"),
    (0x7FFC, "ExceptionEndTime"),
    (0x7FFD, "AttachmentFlags"),
    (0x7FFE, "AttachmentHidden"),
    (0x7FFF, "AttachmentContactPhoto"),
];

/// Returns the canonical name of a property, such as `PidTagSubject`, if it is known.
#[must_use]
pub fn name(property: &Property) -> Option<String> {
    match property.name.as_deref() {
        None => {
            let id = property.tag.id();
            let at = TAGS.binary_search_by_key(&id, |(known, _)| *known).ok()?;
            TAGS.get(at).map(|(_, name)| format!("PidTag{name}"))
        }
        Some(Name::Dispid(set, dispid)) => {
            let (_, lids) = LIDS.iter().find(|(of, _)| of == set)?;
            let at = lids
                .binary_search_by_key(dispid, |(known, _)| *known)
                .ok()?;
            lids.get(at).map(|(_, name)| format!("PidLid{name}"))
        }
        Some(Name::Text(_, name)) => Some(name.clone()),
    }
}

/// Returns the name of a property set, or the GUID.
#[must_use]
pub fn set_name(set: Guid) -> String {
    let known = SETS.iter().find(|(of, _)| *of == set);
    known.map_or_else(|| guid_text(set), |(_, name)| (*name).to_owned())
}

/// Returns a GUID in its usual form.
#[must_use]
pub fn guid_text(Guid(bytes): Guid) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let (first, second) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
    let third = u16::from_le_bytes([g, h]);
    let [h, i, rest @ ..] = rest;
    let node = hex(&rest);
    format!("{first:08x}-{second:04x}-{third:04x}-{h:02x}{i:02x}-{node}")
}

/// Returns the media type of a part: the stated one if it can be one of base64, else that of the file name's extension.
pub(crate) fn media_type(stated: &str, file_name: &str) -> String {
    const BY_EXTENSION: &[(&str, &str)] = &[
        ("bmp", "image/bmp"),
        ("csv", "text/csv"),
        ("doc", "application/msword"),
        (
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("gif", "image/gif"),
        ("htm", "text/html"),
        ("html", "text/html"),
        ("ics", "text/calendar"),
        ("jpeg", "image/jpeg"),
        ("jpg", "image/jpeg"),
        ("json", "application/json"),
        ("mp3", "audio/mpeg"),
        ("mp4", "video/mp4"),
        ("pdf", "application/pdf"),
        ("png", "image/png"),
        ("ppt", "application/vnd.ms-powerpoint"),
        (
            "pptx",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ),
        ("rtf", "application/rtf"),
        ("svg", "image/svg+xml"),
        ("tif", "image/tiff"),
        ("tiff", "image/tiff"),
        ("txt", "text/plain"),
        ("vcf", "text/vcard"),
        ("wav", "audio/wav"),
        ("webp", "image/webp"),
        ("xls", "application/vnd.ms-excel"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("xml", "application/xml"),
        ("zip", "application/zip"),
    ];
    let stated = stated
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // RFC 2045 section 5.1; a composite type cannot be encoded (section 6.4).
    let is_token = |text: &str| {
        !text.is_empty()
            && text.len() <= 127
            && text
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&it))
    };
    if let Some((kind, subtype)) = stated.split_once('/') {
        let is_composite = matches!(kind, "multipart" | "message");
        if is_token(kind) && is_token(subtype) && !is_composite {
            return stated;
        }
    }
    let extension = file_name
        .rsplit_once('.')
        .map(|(_, it)| it.to_ascii_lowercase());
    let known = BY_EXTENSION
        .iter()
        .find(|(it, _)| Some(*it) == extension.as_deref());
    known
        .map_or("application/octet-stream", |(_, it)| it)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{guid_text, media_type, LIDS, PSETID_MEETING, PS_PUBLIC_STRINGS, TAGS};

    #[test]
    fn tables_are_ordered() {
        assert!(TAGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (_, lids) in LIDS {
            assert!(lids.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn guids_are_shown_as_usual() {
        assert_eq!(
            guid_text(PS_PUBLIC_STRINGS),
            "00020329-0000-0000-c000-000000000046"
        );
        assert_eq!(
            guid_text(PSETID_MEETING),
            "6ed8da90-450b-101b-98da-00aa003f1305"
        );
    }

    #[test]
    fn media_types_are_legal() {
        for (stated, name, expected) in [
            ("Image/PNG; x=y", "a", "image/png"),
            ("multipart/mixed", "a.pdf", "application/pdf"),
            ("message/rfc822", "a", "application/octet-stream"),
            ("a/b/c", "b.TXT", "text/plain"),
            ("image/png\r\nX: y", "c", "application/octet-stream"),
            ("", "", "application/octet-stream"),
        ] {
            assert_eq!(media_type(stated, name), expected, "{stated:?}");
        }
    }
}
