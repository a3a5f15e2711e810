//! Responses as Exchange sends them, with payloads that the payload check finds whole.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems_testkit::payload_gen::{frame, put_record, Attachment, Item};

/// Bytes of a transfer buffer, of the size that Exchange's have.
const TRANSFER_BUFFER: usize = 31_680;

const HEAD: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">"#,
    r#"<s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1748" MinorBuildNumber="10" "#,
    r#"Version="V2017_07_11" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header><s:Body>"#,
    r#"<m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" "#,
    r#"xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>"#,
);
const BEFORE_DATA: &str = concat!(
    r#"<m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ItemId "#,
    r#"Id="AAMkAGYzNjVmZTkyLTJlYzYtNGIzNC05NjQ0LTUwNmI4ZDU1ZDE2NwBGAAAAAADwfkzXbCQzQ4G6o3rHzn1qBwDPWcz8BKSxR7qLHuRdAAAA"#,
    r#"AAAEMAADPWcz8BKSxR7qLHuRdAAABcX3ZAAA=" ChangeKey="CQAAABYAAADPWcz8BKSxR7qLHuRdAAABcX9q"/><m:Data>"#,
);
const AFTER_DATA: &str = "</m:Data></m:ExportItemsResponseMessage>";
const TAIL: &str = "</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>";

/// The form of a response, as a server of this version writes it. The messages are the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Exchange 2010 SP2.
    Exchange2010,
    /// Exchange 2016.
    Exchange2016,
    /// Exchange Server Subscription Edition.
    Se,
    /// Exchange Online.
    Online,
}

impl Style {
    /// Every style, with its name.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Exchange2010, "Exchange 2010"),
        (Self::Exchange2016, "Exchange 2016"),
        (Self::Se, "Exchange SE"),
        (Self::Online, "Exchange Online"),
    ];

    /// The response up to its first message.
    fn head(self) -> String {
        const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
        const XSI: &str = r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
        const XSD: &str = r#" xmlns:xsd="http://www.w3.org/2001/XMLSchema""#;
        let own = format!(r#" xmlns="{TYPES}""#);
        let ([major, minor, build, revision], version) = match self {
            Self::Exchange2010 => ([14, 3, 123, 3], "Exchange2010_SP2"),
            Self::Exchange2016 => ([15, 1, 2507, 6], "V2017_07_11"),
            Self::Se => ([15, 2, 2562, 17], "V2017_07_11"),
            Self::Online => ([15, 20, 3370, 16], "V2018_01_08"),
        };
        let (info, body, response) = match self {
            Self::Exchange2010 => ([&own, XSI, XSD], [XSI, XSD], ["", ""]),
            Self::Exchange2016 | Self::Se => ([&own[..], XSD, XSI], [XSI, XSD], ["", ""]),
            Self::Online => (["", XSD, XSI], ["", ""], [XSD, XSI]),
        };
        let (info, body, response) = (info.concat(), body.concat(), response.concat());
        format!(
            r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><h:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{build}" MinorBuildNumber="{revision}" Version="{version}" xmlns:h="{TYPES}"{info}/></s:Header><s:Body{body}><m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"{response} xmlns:t="{TYPES}"><m:ResponseMessages>"#
        )
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The response.
    pub xml: Vec<u8>,
    /// The base64 in it and nothing else, without its padding: what a bare engine decodes.
    pub symbols: Vec<u8>,
    /// Its messages.
    pub items: u32,
    /// Decoded bytes of all items.
    pub bytes: u64,
}

impl Corpus {
    /// `items` items of about `size` bytes, their base64 in lines of `wrap` symbols, or in one.
    ///
    /// # Panics
    /// With a size of 4 GiB or more.
    #[must_use]
    pub fn items(items: u32, size: usize, wrap: Option<usize>) -> Self {
        Self::after(HEAD, items, size, wrap)
    }

    /// [`items`](Self::items) in the style of a server.
    ///
    /// # Panics
    /// As [`items`](Self::items).
    #[must_use]
    pub fn of_style(style: Style, items: u32, size: usize) -> Self {
        Self::after(&style.head(), items, size, None)
    }

    fn after(head: &str, items: u32, size: usize, wrap: Option<usize>) -> Self {
        let mut corpus = Self {
            xml: head.into(),
            symbols: Vec::new(),
            items,
            bytes: 0,
        };
        for seed in 1..=items {
            let payload = payload(seed, size);
            let text = STANDARD.encode(&payload);
            corpus.bytes += payload.len() as u64;
            corpus.xml.extend_from_slice(BEFORE_DATA.as_bytes());
            for line in text.as_bytes().chunks(wrap.unwrap_or(usize::MAX)) {
                corpus.xml.extend_from_slice(line);
                if wrap.is_some() {
                    corpus.xml.extend_from_slice(b"\r\n");
                }
            }
            corpus.xml.extend_from_slice(AFTER_DATA.as_bytes());
            let whole = payload.len() / 3 * 4;
            corpus.symbols.extend_from_slice(&text.as_bytes()[..whole]);
        }
        corpus.xml.extend_from_slice(TAIL.as_bytes());
        corpus
    }

    /// `items` messages that refuse their item, each with a text and a value in `MessageXml`.
    #[must_use]
    pub fn errors(items: u32) -> Self {
        let mut xml = HEAD.to_owned();
        for _ in 0..items {
            xml += concat!(
                r#"<m:ExportItemsResponseMessage ResponseClass="Error"><m:MessageText>The specified object was not found "#,
                "in the store., The process failed to get the correct properties.</m:MessageText>",
                "<m:ResponseCode>ErrorItemNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
                r#"<m:MessageXml><t:Value Name="InnerErrorMessageText">MapiExceptionNotFound: &quot;16.55847&quot;</t:Value>"#,
                "</m:MessageXml></m:ExportItemsResponseMessage>",
            );
        }
        xml += TAIL;
        Self {
            xml: xml.into(),
            symbols: Vec::new(),
            items,
            bytes: 0,
        }
    }
}

/// A response of one item and any length, that is not held: its parts, of which `block` is fed again
/// and again.
#[derive(Clone, Debug)]
pub struct Endless {
    /// The start, to the first transfer buffer.
    pub head: Vec<u8>,
    /// Whole transfer buffers, 1 MiB of base64 or a little less.
    pub block: Vec<u8>,
    /// The end.
    pub tail: Vec<u8>,
}

impl Endless {
    /// The same each time.
    ///
    /// # Panics
    /// If the parts' lengths do not fit together: a mistake in this file.
    #[must_use]
    pub fn new() -> Self {
        // Both parts are multiples of 3 bytes, so their base64 can be put in a row.
        let mut start = frame(&body(TRANSFER_BUFFER - 8, 1), &[TRANSFER_BUFFER]);
        let rest = start.len() % 3;
        if rest > 0 {
            start = frame(&body(TRANSFER_BUFFER - 8 - rest, 1), &[TRANSFER_BUFFER]);
        }
        let mut block = Vec::new();
        for seed in 2..26 {
            // 8 of the record, 31,681 of the property.
            put_record(&mut block, 2, &body(TRANSFER_BUFFER - 7, seed));
        }
        assert!(start.len().is_multiple_of(3) && block.len().is_multiple_of(3));
        Self {
            head: [HEAD, BEFORE_DATA, &STANDARD.encode(start)]
                .concat()
                .into_bytes(),
            block: STANDARD.encode(block).into_bytes(),
            tail: [AFTER_DATA, TAIL].concat().into_bytes(),
        }
    }
}

impl Default for Endless {
    fn default() -> Self {
        Self::new()
    }
}

/// The payload of an item: a message whose attachment fills it up to about `size` bytes.
///
/// # Panics
/// With a size of 4 GiB or more.
#[must_use]
pub fn payload(seed: u32, size: usize) -> Vec<u8> {
    let item = |fill: usize| Item {
        properties: vec![
            property(0x0003, 0x0017, &1_u32.to_le_bytes()), // PidTagImportance
            property(0x0040, 0x0039, &[seed.to_le_bytes(), [0xDA; 4]].concat()), // PidTagClientSubmitTime
            variable(0x001F, 0x001A, &utf16("IPM.Note")), // PidTagMessageClass
            variable(0x001F, 0x0037, &utf16("Minutes of the meeting")), // PidTagSubject
        ],
        recipients: vec![vec![variable(0x001F, 0x3001, &utf16("Pat Doe"))]],
        attachments: vec![Attachment {
            properties: vec![variable(0x0102, 0x3701, &noise(fill, seed))], // PidTagAttachDataBinary
            embedded: None,
        }],
    };
    let build = |fill| frame(&item(fill).stream().bytes, &[TRANSFER_BUFFER]);
    build(size.saturating_sub(build(0).len()))
}

/// `PidTagRtfCompressed` of `size` bytes with its tag and its length.
fn body(size: usize, seed: u32) -> Vec<u8> {
    variable(0x0102, 0x1009, &noise(size - 8, seed))
}

/// MS-OXCFXICS 2.2.4.1: a property of fixed size.
fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &id.to_le_bytes(), value].concat()
}

/// MS-OXCFXICS 2.2.4.1: a property of variable size.
fn variable(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let len = u32::try_from(value.len()).expect("below 4 GiB");
    property(kind, id, &[&len.to_le_bytes(), value].concat())
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

/// Bytes without a pattern (xorshift), the same for a seed.
fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) | 1 << 40;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word).flatten().take(len).collect()
}
