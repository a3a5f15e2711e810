//! Which property becomes which line of a vCard, [MS-OXVCARD] section 2.1.3.
//!
//! [MS-OXVCARD]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxvcard/

/// PidTagSurname, …GivenName, …MiddleName, …DisplayNamePrefix, …Generation.
pub(super) const NAME: [u16; 5] = [0x3A11, 0x3A06, 0x3A44, 0x3A45, 0x3A05];

/// PidTagCompanyName, PidTagDepartmentName.
pub(super) const ORGANIZATION: &[u16] = &[0x3A16, 0x3A18];

/// Lines of one text.
pub(super) const TEXTS: &[(&str, u16)] = &[
    ("NICKNAME", 0x3A4F),
    ("TITLE", 0x3A17),
    ("ROLE", 0x3A46), // PidTagProfession
    ("TEL;TYPE=PREF,VOICE", 0x3A1A),
    ("TEL;TYPE=WORK,VOICE", 0x3A08),
    ("TEL;TYPE=WORK,VOICE", 0x3A1B),
    ("TEL;TYPE=HOME,VOICE", 0x3A09),
    ("TEL;TYPE=HOME,VOICE", 0x3A2F),
    ("TEL;TYPE=CELL,VOICE", 0x3A1C),
    ("TEL;TYPE=CAR,VOICE", 0x3A1E),
    ("TEL;TYPE=VOICE", 0x3A1F), // PidTagOtherTelephoneNumber
    ("TEL;TYPE=WORK,FAX", 0x3A24),
    ("TEL;TYPE=HOME,FAX", 0x3A25),
    ("TEL;TYPE=FAX", 0x3A23), // PidTagPrimaryFaxNumber
    ("TEL;TYPE=PAGER", 0x3A21),
    ("TEL;TYPE=ISDN", 0x3A2D),
    ("TEL;TYPE=X-COMPANY,VOICE", 0x3A57),
    ("TEL;TYPE=X-CALLBACK,VOICE", 0x3A02),
    ("TEL;TYPE=X-ASSISTANT,VOICE", 0x3A2E),
    ("TEL;TYPE=X-RADIO,VOICE", 0x3A1D),
    ("TEL;TYPE=X-TELEX", 0x3A2C),
    ("TEL;TYPE=X-TTY", 0x3A4B),
    ("URL;TYPE=WORK", 0x3A51),
    ("URL;TYPE=HOME", 0x3A50),
    ("X-SPOUSE", 0x3A48),
    ("X-MANAGER", 0x3A4E),
    ("X-ASSISTANT", 0x3A30),
    ("X-OFFICE", 0x3A19),
    ("X-HOBBY", 0x3A43),
];

/// Lines of one text of PSETID_Address.
pub(super) const NAMED_TEXTS: &[(&str, u32)] = &[
    ("X-MS-IMADDRESS", 0x8062),        // PidLidInstantMessagingAddress
    ("X-PHONETIC-FIRST-NAME", 0x802C), // PidLidYomiFirstName
    ("X-PHONETIC-LAST-NAME", 0x802D),  // PidLidYomiLastName
];

/// Addresses: post office box, nothing, street, city, state, postal code, country.
pub(super) const ADDRESSES: &[(&str, &[u16])] = &[
    (
        "ADR;TYPE=HOME",
        &[0x3A5E, 0, 0x3A5D, 0x3A59, 0x3A5C, 0x3A5B, 0x3A5A],
    ),
    (
        "ADR;TYPE=X-OTHER",
        &[0x3A64, 0, 0x3A63, 0x3A5F, 0x3A62, 0x3A61, 0x3A60],
    ),
];

/// The same of PSETID_Address.
pub(super) const WORK_ADDRESS: [u32; 7] = [0x804A, 0, 0x8045, 0x8046, 0x8047, 0x8048, 0x8049];
