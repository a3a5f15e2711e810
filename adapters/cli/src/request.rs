//! The options of a request, which `encode` and `export` share.

use std::path::PathBuf;

use exportitems::{
    ExchangeImpersonation, ItemId, ManagementRole, RequestHeaders, RequestServerVersion,
};

use crate::ids::{self, Requested};
use crate::status::Failure;

/// The requested items, and the SOAP headers of the request.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct RequestOptions {
    /// The items: one id per line, or an id, a tab and a change key, or the output of list. Blank lines and
    /// lines that begin with `#` are skipped. `-` reads the standard input.
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    #[command(flatten)]
    soap: SoapOptions,
}

/// The SOAP headers of a request.
#[derive(Debug, clap::Args)]
#[allow(clippy::doc_markdown)] // clap prints these lines without rendering Markdown
pub(crate) struct SoapOptions {
    /// Impersonate this user. KIND is PrincipalName, SID, PrimarySmtpAddress or SmtpAddress.
    #[arg(long, value_name = "KIND:VALUE", value_parser = impersonation)]
    impersonate: Option<String>,
    /// The schema version of the request, Exchange2010_SP1 or later.
    #[arg(long, value_name = "VERSION", default_value_t)]
    server_version: RequestServerVersion,
    /// The language of the server's messages, a tag such as en-US.
    #[arg(long, value_name = "LANGUAGE")]
    mailbox_culture: Option<String>,
    /// Act in this role: KIND is UserRoles or ApplicationRoles. May be given more than once.
    #[arg(long, value_name = "KIND:ROLE", value_parser = role)]
    management_role: Vec<Role>,
}

/// Checks `KIND:VALUE`, which [`who`] reads.
fn impersonation(text: &str) -> Result<String, &'static str> {
    match who(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("impersonation is written KIND:VALUE, \
             with KIND one of PrincipalName, SID, PrimarySmtpAddress, SmtpAddress"),
    }
}

/// Reads `KIND:VALUE`.
fn who(text: &str) -> Option<ExchangeImpersonation<'_>> {
    let (kind, value) = text.split_once(':')?;
    ExchangeImpersonation::of_kind(kind, value)
}

/// A role of `ManagementRole`.
#[derive(Clone, Debug)]
enum Role {
    User(String),
    Application(String),
}

fn role(text: &str) -> Result<Role, &'static str> {
    match text.split_once(':') {
        Some(("UserRoles", role)) => Ok(Role::User(role.to_owned())),
        Some(("ApplicationRoles", role)) => Ok(Role::Application(role.to_owned())),
        _ => Err("write KIND:ROLE, with KIND one of UserRoles, ApplicationRoles"),
    }
}

/// The roles of a request, by kind.
#[derive(Debug, Default)]
pub(crate) struct Roles<'a> {
    user: Vec<&'a str>,
    application: Vec<&'a str>,
}

impl RequestOptions {
    /// Reads the requested items.
    pub(crate) fn requested(&self) -> Result<Vec<Requested>, Failure> {
        ids::open(&self.ids)
    }

    pub(crate) const fn soap(&self) -> &SoapOptions {
        &self.soap
    }
}

impl SoapOptions {
    pub(crate) const fn server_version(&self) -> RequestServerVersion {
        self.server_version
    }

    /// Returns whether the request impersonates a user.
    pub(crate) const fn impersonates(&self) -> bool {
        self.impersonate.is_some()
    }

    /// Returns the SMTP address of the impersonated user, if it is one.
    pub(crate) fn impersonated_address(&self) -> Option<&str> {
        match self.impersonate.as_deref().and_then(who)? {
            ExchangeImpersonation::PrimarySmtpAddress(address)
            | ExchangeImpersonation::SmtpAddress(address) => Some(address),
            _ => None,
        }
    }

    /// Returns the roles, in the two lists that a request borrows.
    pub(crate) fn roles(&self) -> Roles<'_> {
        let mut roles = Roles::default();
        for role in &self.management_role {
            match role {
                Role::User(role) => roles.user.push(role),
                Role::Application(role) => roles.application.push(role),
            }
        }
        roles
    }

    /// The headers of the request.
    pub(crate) fn headers<'a>(&'a self, roles: &'a Roles<'a>) -> RequestHeaders<'a> {
        let mut headers = RequestHeaders::new().server_version(self.server_version);
        // clap has checked the syntax.
        if let Some(who) = self.impersonate.as_deref().and_then(who) {
            headers = headers.impersonation(who);
        }
        if let Some(language) = &self.mailbox_culture {
            headers = headers.mailbox_culture(language);
        }
        if !self.management_role.is_empty() {
            headers = headers.management_role(ManagementRole {
                user_roles: &roles.user,
                application_roles: &roles.application,
            });
        }
        headers
    }
}

impl<'a> From<&'a Requested> for ItemId<'a> {
    fn from(item: &'a Requested) -> Self {
        Self {
            id: &item.id,
            change_key: item.change_key.as_deref(),
        }
    }
}
