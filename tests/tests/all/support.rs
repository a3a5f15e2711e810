//! Documents in one line, and what comes of them in every chunk size.

use exportitems::{Error, ErrorKind, ItemError, Outcome, Summary};
use exportitems_testkit::chunks::Chunking;
use exportitems_testkit::oracle;
use exportitems_testkit::run::{pull, Reported, Run, Setup};

/// A whole payload in base64: two records with one property.
pub(crate) const PAYLOAD: &str = "AQAAAAgAAAAAAAAAAQAAAAIAAAANAAAAAgEJEAUAAAB2YWx1ZQ==";

/// An envelope around a body's content.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// A response with these messages.
pub(crate) fn response(messages: &str) -> String {
    envelope(&format!(
        "<m:ExportItemsResponse><m:ResponseMessages>{messages}</m:ResponseMessages></m:ExportItemsResponse>"
    ))
}

/// A message.
pub(crate) fn message(class: &str, content: &str) -> String {
    format!(
        "<m:ExportItemsResponseMessage ResponseClass=\"{class}\">{content}</m:ExportItemsResponseMessage>"
    )
}

/// A success with this content of `Data`.
pub(crate) fn data(content: &str) -> String {
    message(
        "Success",
        &format!(
            "<m:ResponseCode>NoError</m:ResponseCode><t:ItemId Id=\"AAMk\" ChangeKey=\"CQ\"/>\
             <m:Data>{content}</m:Data>"
        ),
    )
}

/// A good message.
pub(crate) fn good() -> String {
    data(PAYLOAD)
}

/// A refusal with this content besides its code.
pub(crate) fn refused(content: &str) -> String {
    message(
        "Error",
        &format!("{content}<m:ResponseCode>ErrorItemNotFound</m:ResponseCode>"),
    )
}

/// What comes of a document: the same in every chunk size, pushed or pulled, in every scratch.
pub(crate) fn run(document: impl AsRef<[u8]>) -> Run {
    run_as(document, Setup::default())
}

/// [`run`], set up otherwise.
pub(crate) fn run_as(document: impl AsRef<[u8]>, setup: Setup) -> Run {
    let document = document.as_ref();
    let every: Vec<Chunking> = (1..=64).map(Chunking::Every).collect();
    oracle::split_by(document, setup, &every);
    oracle::scratch(document, setup);
    oracle::push_is_pull(document, setup);
    pull(&[document], setup)
}

/// [`run`] for this many items.
pub(crate) fn run_for(items: u32, document: impl AsRef<[u8]>) -> Run {
    let setup = Setup {
        items: Some(items),
        ..Setup::default()
    };
    run_as(document, setup)
}

/// Shorthands for assertions.
pub(crate) trait Findings {
    /// The error of each item.
    fn errors(&self) -> Vec<Option<ItemError>>;
    /// The only outcome.
    fn outcome(&self) -> Outcome;
    /// The error's kind.
    fn kind(&self) -> Option<ErrorKind>;
    /// All message texts, joined.
    fn text(&self) -> String;
    /// Values of `MessageXml`.
    fn values(&self) -> Vec<(&str, &str)>;
    /// The summary and the error.
    fn end(&self) -> (Summary, Option<Error>);
}

impl Findings for Run {
    fn errors(&self) -> Vec<Option<ItemError>> {
        self.outcomes().map(|outcome| outcome.error).collect()
    }

    fn outcome(&self) -> Outcome {
        let outcomes: Vec<_> = self.outcomes().collect();
        assert_eq!(outcomes.len(), 1);
        *outcomes[0]
    }

    fn kind(&self) -> Option<ErrorKind> {
        self.error.map(|error| error.kind)
    }

    fn text(&self) -> String {
        (self.reported.iter())
            .filter_map(|reported| match reported {
                Reported::MessageText(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn values(&self) -> Vec<(&str, &str)> {
        (self.reported.iter())
            .filter_map(|reported| match reported {
                Reported::MessageXml(name, text, true) => Some((name.as_str(), text.as_str())),
                _ => None,
            })
            .collect()
    }

    fn end(&self) -> (Summary, Option<Error>) {
        (self.summary(), self.error)
    }
}
