//! Checks whether a server allows ExportItems, with a request for an item that does not exist.

use core::convert::Infallible;

use exportitems::policy::{Advice, Disposition};
use exportitems::{Event, Outcome, ResponseCode, ResponseItemId, Sink};
use exportitems_std::{ResponseTexts, Texts};

/// An id that no item has.
pub(super) const NO_ITEM: &str = "AAMkAA==";

/// Keeps the answer of a server about one item.
#[derive(Debug, Default)]
pub(super) struct Probe {
    texts: ResponseTexts,
    item: Option<(Outcome, Texts)>,
}

/// The meaning of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) is_allowed: bool,
    /// The code, if the server sent one.
    pub(super) code: Option<String>,
    pub(super) found: String,
    pub(super) advice: Option<String>,
}

impl Probe {
    /// Returns the version of the server, if the response contains it.
    pub(super) fn server_version(&self) -> Option<&str> {
        self.texts.server_version()
    }

    /// Judges the answer. `app_id` is the application of the access token.
    pub(super) fn judge(mut self, app_id: Option<&str>) -> Judgement {
        let item = self.item.map(|(_, texts)| texts);
        let Some(texts) = self.texts.take_fault().or(item) else {
            return Judgement {
                is_allowed: false,
                code: None,
                found: "the response contains no message for the requested item".to_owned(),
                advice: Some("look for a proxy that alters responses".to_owned()),
            };
        };
        let text = texts.code().unwrap_or_default();
        let code = ResponseCode::from_text(&text);
        let refuses_only_the_id = code != ResponseCode::ErrorNonExistentMailbox
            && Advice::of_code(code, None).disposition == Disposition::Permanent;
        let found = match (refuses_only_the_id, texts.message()) {
            (true, _) => format!("allowed; an id that no item has is answered by {text}"),
            (false, Some(message)) => format!("{text}: {message}"),
            (false, None) => text.clone(),
        };
        Judgement {
            is_allowed: refuses_only_the_id,
            advice: (!refuses_only_the_id).then(|| advice(code, app_id)),
            code: (!text.is_empty()).then_some(text),
            found,
        }
    }
}

/// Returns what an administrator can do about a code.
fn advice(code: ResponseCode, app_id: Option<&str>) -> String {
    use ResponseCode as C;
    let text = match code {
        C::ErrorImpersonateUserDenied | C::ErrorImpersonationDenied => {
            "the account may not impersonate this mailbox; give it the management role ApplicationImpersonation, \
             or an application in Exchange Online the permission full_access_as_app with an administrator's consent"
        }
        C::ErrorImpersonationFailed
        | C::ErrorInvalidExchangeImpersonationHeaderData
        | C::ErrorNonPrimarySmtpAddress
        | C::ErrorNonExistentMailbox => {
            "there is no mailbox with this primary SMTP address; check the address, which must not be an alias"
        }
        C::ErrorAccessDenied | C::ErrorOrganizationAccessBlocked => return blocked(app_id),
        C::ErrorAccountDisabled => "the account is disabled; enable it",
        C::ErrorPasswordExpired | C::ErrorPasswordChangeRequired => {
            "the password of the account has expired; set a new one"
        }
        C::ErrorInvalidLicense => "the mailbox has no licence for Exchange; assign one",
        C::ErrorInvalidManagementRoleHeader => {
            "the account does not have the role of --management-role; assign the role, or leave the option out"
        }
        _ => match Advice::of_code(code, None).disposition {
            Disposition::UnsupportedVersion => {
                "the server does not know this request; try an older --server-version, and note that ExportItems \
                 exists since Exchange 2010 SP1"
            }
            Disposition::Throttled | Disposition::Transient => {
                "the server is busy or out of order, so this could not be checked; run the command again later"
            }
            _ => "the server refuses the request; look up this code in Microsoft's list of ResponseCode values",
        },
    };
    text.to_owned()
}

/// Returns what to check if EWS is blocked.
pub(super) fn blocked(app_id: Option<&str>) -> String {
    let application = match app_id {
        Some(id) => format!("the application {id}"),
        None => "the application".to_owned(),
    };
    format!(
        "EWS is blocked for the account, {application} or the organization; check Get-CASMailbox for the account \
         (EwsEnabled has to be true), and in Exchange Online Get-OrganizationConfig: EwsEnabled has to be true, and \
         EwsAllowedAppIDs has to contain {application}"
    )
}

impl Sink for Probe {
    type Error = Infallible;

    fn begin(&mut self, _index: u32, _ids: ResponseItemId<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn write(&mut self, _bytes: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn commit(&mut self, outcome: &Outcome) -> Result<(), Infallible> {
        self.failed(outcome);
        Ok(())
    }

    fn abort(&mut self, outcome: &Outcome) {
        self.failed(outcome);
    }

    fn failed(&mut self, outcome: &Outcome) {
        self.item = Some((*outcome, self.texts.take(outcome)));
    }

    fn note(&mut self, event: &Event<'_>) {
        self.texts.note(event);
    }
}
