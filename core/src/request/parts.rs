//! The one walk over a request, from which its check, its length and its bytes are taken.

use super::error::RequestField;
use super::ExportItems;

// The namespaces are `http://`. Microsoft's page showed `https://` for years; servers refuse that.
const PROLOGUE: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/""#,
    r#" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types""#,
    r#" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">"#,
    r#"<s:Header><t:RequestServerVersion Version=""#,
);

const FIRST_ITEM: &str = concat!(
    "</s:Header><s:Body><m:ExportItems><m:ItemIds>",
    r#"<t:ItemId Id=""#,
);
const NEXT_ITEM: &str = r#""/><t:ItemId Id=""#;
const EPILOGUE: &str = r#""/></m:ItemIds></m:ExportItems></s:Body></s:Envelope>"#;

/// A stretch of the document: markup, then the text behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Never empty.
    pub(super) markup: &'static str,
    /// May be empty.
    pub(super) text: &'a str,
    /// Whose text it is; `None` for one of ours.
    pub(super) field: Option<RequestField>,
}

impl<'a> Part<'a> {
    const fn markup(markup: &'static str) -> Self {
        Self::own(markup, "")
    }

    const fn own(markup: &'static str, text: &'static str) -> Self {
        Self {
            markup,
            text,
            field: None,
        }
    }

    const fn theirs(markup: &'static str, text: &'a str, field: RequestField) -> Self {
        Self {
            markup,
            text,
            field: Some(field),
        }
    }
}

/// The parts of a request, in the order of the document.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    request: ExportItems<'a>,
    step: Step,
}

/// Where the walk stands, in the order of the document.
#[derive(Clone, Copy, Debug)]
enum Step {
    Version,
    VersionEnd,
    Impersonation,
    ImpersonationValue,
    ImpersonationKind,
    ImpersonationEnd,
    Culture,
    CultureEnd,
    Role,
    UserRole(usize),
    ApplicationRole(usize),
    RoleEnd,
    Id(usize),
    ChangeKey(usize),
    Done,
}

impl<'a> Parts<'a> {
    pub(super) const fn new(request: ExportItems<'a>) -> Self {
        Self {
            request,
            step: Step::Version,
        }
    }

    /// The part of this step, if the request has it.
    fn part(&self) -> Option<Part<'a>> {
        let request = &self.request;
        let who = request.impersonation;
        let culture = request.mailbox_culture;
        let role = request.management_role;
        Some(match self.step {
            Step::Version => Part::own(PROLOGUE, request.server_version.as_str()),
            Step::VersionEnd => Part::markup(r#""/>"#),

            Step::Impersonation => {
                Part::own("<t:ExchangeImpersonation><t:ConnectingSID><t:", who?.kind())
            }
            Step::ImpersonationValue => {
                Part::theirs(">", who?.value(), RequestField::ExchangeImpersonation)
            }
            Step::ImpersonationKind => Part::own("</t:", who?.kind()),
            Step::ImpersonationEnd => {
                who?;
                Part::markup("></t:ConnectingSID></t:ExchangeImpersonation>")
            }

            Step::Culture => {
                Part::theirs("<t:MailboxCulture>", culture?, RequestField::MailboxCulture)
            }
            Step::CultureEnd => {
                culture?;
                Part::markup("</t:MailboxCulture>")
            }

            Step::Role => {
                role?;
                Part::markup("<t:ManagementRole>")
            }
            Step::UserRole(index) => role_part(
                role?.user_roles,
                index,
                RequestField::UserRole { index },
                "<t:UserRoles><t:Role>",
                "</t:Role></t:UserRoles>",
            )?,
            Step::ApplicationRole(index) => role_part(
                role?.application_roles,
                index,
                RequestField::ApplicationRole { index },
                "<t:ApplicationRoles><t:Role>",
                "</t:Role></t:ApplicationRoles>",
            )?,
            Step::RoleEnd => {
                role?;
                Part::markup("</t:ManagementRole>")
            }

            Step::Id(index) => match request.items.get(index) {
                Some(item) => {
                    let markup = if index == 0 { FIRST_ITEM } else { NEXT_ITEM };
                    Part::theirs(markup, item.id, RequestField::Id { index })
                }
                None => Part::markup(EPILOGUE),
            },
            Step::ChangeKey(index) => Part::theirs(
                r#"" ChangeKey=""#,
                request.items.get(index)?.change_key?,
                RequestField::ChangeKey { index },
            ),
            Step::Done => return None,
        })
    }

    /// The step after this one.
    fn following(&self) -> Step {
        let role = self.request.management_role;
        match self.step {
            Step::Version => Step::VersionEnd,
            Step::VersionEnd => Step::Impersonation,
            Step::Impersonation => Step::ImpersonationValue,
            Step::ImpersonationValue => Step::ImpersonationKind,
            Step::ImpersonationKind => Step::ImpersonationEnd,
            Step::ImpersonationEnd => Step::Culture,
            Step::Culture => Step::CultureEnd,
            Step::CultureEnd => Step::Role,
            Step::Role => Step::UserRole(0),
            Step::UserRole(index) => match role {
                Some(role) if index < role.user_roles.len() => Step::UserRole(index + 1),
                _ => Step::ApplicationRole(0),
            },
            Step::ApplicationRole(index) => match role {
                Some(role) if index < role.application_roles.len() => {
                    Step::ApplicationRole(index + 1)
                }
                _ => Step::RoleEnd,
            },
            Step::RoleEnd => Step::Id(0),
            Step::Id(index) if index < self.request.items.len() => Step::ChangeKey(index),
            Step::ChangeKey(index) => Step::Id(index + 1),
            Step::Id(_) | Step::Done => Step::Done,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        loop {
            let part = self.part();
            self.step = self.following();
            if part.is_some() || matches!(self.step, Step::Done) {
                return part;
            }
        }
    }
}

/// The part at `index` of a list of roles: one of them, or, behind the last, the end of the list.
fn role_part<'a>(
    roles: &[&'a str],
    index: usize,
    field: RequestField,
    open: &'static str,
    close: &'static str,
) -> Option<Part<'a>> {
    match roles.get(index) {
        Some(role) if index == 0 => Some(Part::theirs(open, role, field)),
        Some(role) => Some(Part::theirs("</t:Role><t:Role>", role, field)),
        None if index == 0 => None,
        None => Some(Part::markup(close)),
    }
}
