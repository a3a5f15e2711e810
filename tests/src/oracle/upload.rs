//! The encoder of uploads, against one that writes the whole document at once.

use arbitrary::{Arbitrary, Unstructured};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use exportitems::{
    CreateAction, FolderId, ItemId, RequestHeaders, UploadEncoder, UploadItem, UploadItems,
};

/// What a request says.
#[derive(Arbitrary, Debug)]
struct Request {
    items: Vec<Item>,
    culture: bool,
    /// Sizes of the outputs, and of the pieces that the data come in.
    sizes: Vec<(u8, u8)>,
}

#[derive(Arbitrary, Debug)]
struct Item {
    action: Action,
    is_associated: bool,
    folder: Id,
    data: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Action {
    CreateNew,
    Update(Id),
    UpdateOrCreate(Id),
}

/// An id with its change key.
type Id = (Text, Option<Text>);

#[derive(Arbitrary, Debug)]
enum Text {
    Usual,
    Escaped,
    Any(String),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Usual => "AAMkAGYz+NAA=",
            Self::Escaped => "<&>\"'é",
            Self::Any(text) => text,
        }
    }
}

fn item_id((id, change_key): &Id) -> ItemId<'_> {
    ItemId {
        id: id.as_str(),
        change_key: change_key.as_ref().map(Text::as_str),
    }
}

impl Item {
    fn upload(&self) -> UploadItem<'_> {
        let ItemId { id, change_key } = item_id(&self.folder);
        UploadItem {
            create_action: match &self.action {
                Action::CreateNew => CreateAction::CreateNew,
                Action::Update(id) => CreateAction::Update(item_id(id)),
                Action::UpdateOrCreate(id) => CreateAction::UpdateOrCreate(item_id(id)),
            },
            is_associated: self.is_associated,
            parent_folder_id: FolderId { id, change_key },
            data_len: self.data.len() as u64,
        }
    }

    fn ids(&self) -> impl Iterator<Item = &Id> {
        let item = match &self.action {
            Action::CreateNew => None,
            Action::Update(id) | Action::UpdateOrCreate(id) => Some(id),
        };
        [Some(&self.folder), item].into_iter().flatten()
    }

    /// The element, as a program writes it that has all of it in memory.
    fn element(&self) -> String {
        let id = |name: &str, (id, change_key): &Id| {
            let key = change_key.as_ref().map_or_else(String::new, |key| {
                format!(r#" ChangeKey="{}""#, escape(key.as_str()))
            });
            format!(r#"<t:{name} Id="{}"{key}/>"#, escape(id.as_str()))
        };
        let (action, item) = match &self.action {
            Action::CreateNew => ("CreateNew", String::new()),
            Action::Update(item) => ("Update", id("ItemId", item)),
            Action::UpdateOrCreate(item) => ("UpdateOrCreate", id("ItemId", item)),
        };
        format!(
            r#"<t:Item CreateAction="{action}" IsAssociated="{}">{}{item}<t:Data>{}</t:Data></t:Item>"#,
            self.is_associated,
            id("ParentFolderId", &self.folder),
            STANDARD.encode(&self.data),
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;")
}

/// A request that the encoder takes is that of a program that writes the whole document at once, in every size of output
/// and of pieces of data, and as long as announced; one that it refuses has something in it that XML or EWS does not take.
pub fn upload(bytes: &[u8]) {
    let Ok(request) = Request::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let uploads: Vec<UploadItem<'_>> = request.items.iter().map(Item::upload).collect();
    let mut headers = RequestHeaders::new();
    let mut culture = String::new();
    if request.culture {
        headers = headers.mailbox_culture("de-DE");
        culture.push_str("<t:MailboxCulture>de-DE</t:MailboxCulture>");
    }
    let illegal = |char: char| char < ' ' || matches!(char, '\u{fffe}' | '\u{ffff}');
    let is_text = |text: &Text| !text.as_str().is_empty() && !text.as_str().contains(illegal);
    let possible = !request.items.is_empty()
        && (request.items.iter().flat_map(Item::ids))
            .all(|(id, key)| is_text(id) && key.as_ref().is_none_or(is_text));

    let encoder = match UploadItems::new(&uploads).headers(headers).encoder() {
        Ok(encoder) => encoder,
        Err(error) => {
            assert!(!possible, "{error}: {request:?}");
            return;
        }
    };
    assert!(possible, "taken: {request:?}");
    let elements: String = request.items.iter().map(Item::element).collect();
    let expected = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
         <s:Header><t:RequestServerVersion Version=\"Exchange2013_SP1\"/>{culture}</s:Header>\
         <s:Body><m:UploadItems><m:Items>{elements}</m:Items></m:UploadItems></s:Body></s:Envelope>"
    );
    assert_eq!(encoder.encoded_len(), expected.len() as u64);
    let data: Vec<&[u8]> = request.items.iter().map(|item| &*item.data).collect();
    for sizes in [&request.sizes[..], &[(1, 1)], &[(255, 255)]] {
        let written = in_pieces(encoder.clone(), &data, sizes);
        assert_eq!(String::from_utf8_lossy(&written), expected, "{sizes:?}");
    }
    assert_eq!(at_once(encoder, &data.concat()), expected.as_bytes());
}

/// What an encoder writes that is given all data at once.
fn at_once(mut encoder: UploadEncoder<'_>, mut data: &[u8]) -> Vec<u8> {
    let len = usize::try_from(encoder.encoded_len()).expect("a length");
    let mut whole = vec![0; len + 1];
    assert_eq!(encoder.write(&mut data, &mut whole), len);
    assert!(encoder.is_done() && data.is_empty());
    assert_eq!(encoder.write(&mut &b"more"[..], &mut [0; 8]), 0);
    whole.truncate(len);
    whole
}

/// What an encoder writes that is given what it wants, in pieces of these sizes, again and again.
fn in_pieces(mut encoder: UploadEncoder<'_>, data: &[&[u8]], sizes: &[(u8, u8)]) -> Vec<u8> {
    let mut written = Vec::new();
    let mut given = vec![0; data.len()];
    let mut piece: &[u8] = &[];
    for &(size, len) in sizes.iter().chain(&[(1, 1)]).cycle() {
        if encoder.is_done() {
            break;
        }
        if let (Some(wanted), []) = (encoder.wanted(), piece) {
            let rest = &data[wanted.index][given[wanted.index]..];
            assert_eq!(wanted.bytes, rest.len() as u64);
            piece = &rest[..rest.len().min(usize::from(len))];
            given[wanted.index] += piece.len();
        }
        let mut out = vec![0; usize::from(size)];
        let n = encoder.write(&mut piece, &mut out);
        assert!(
            n == out.len() || encoder.is_done() || piece.is_empty(),
            "an output not filled"
        );
        written.extend_from_slice(&out[..n]);
    }
    assert!(encoder.wanted().is_none());
    written
}
