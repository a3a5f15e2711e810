//! The server of the crate sspi accepts and refuses as Exchange does.

use exportitems_ntlm::{Authenticate, Challenge, ChannelBinding, Login, NtHash, User, NEGOTIATE};
use sspi::{
    AuthIdentity, AuthIdentityBuffers, BufferType, CredentialUse, DataRepresentation, ErrorKind,
    Ntlm, SecurityBuffer, SecurityStatus, ServerRequestFlags, Sspi, SspiImpl, Username,
};

/// The hash of the server's certificate.
const CERTIFICATE: [u8; 32] = [0xc5; 32];

/// A connection to a server that knows one user.
struct Server {
    ntlm: Ntlm,
    credentials: Option<AuthIdentityBuffers>,
}

impl Server {
    fn new(user: Username, password: &str) -> Self {
        let mut ntlm = Ntlm::new();
        ntlm.set_channel_bindings(&[b"tls-server-end-point:", &CERTIFICATE[..]].concat());
        let identity = AuthIdentity {
            username: user,
            password: password.to_owned().into(),
        };
        let acquired = ntlm
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Inbound)
            .with_auth_data(&identity)
            .execute(&mut ntlm)
            .unwrap();
        Self {
            ntlm,
            credentials: acquired.credentials_handle,
        }
    }

    /// The server's next message; empty when the client is accepted.
    fn step(&mut self, message: &[u8]) -> Result<Vec<u8>, ErrorKind> {
        let token = |bytes| vec![SecurityBuffer::new(bytes, BufferType::Token)];
        let (mut input, mut output) = (token(message.to_vec()), token(Vec::new()));
        let step = self
            .ntlm
            .accept_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ServerRequestFlags::ALLOCATE_MEMORY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut input)
            .with_output(&mut output);
        let result = self
            .ntlm
            .accept_security_context_impl(step)
            .and_then(|mut generator| generator.resolve_to_result())
            .map_err(|error| error.error_type)?;
        if result.status == SecurityStatus::CompleteNeeded {
            self.ntlm
                .complete_auth_token(&mut output)
                .map_err(|error| error.error_type)?;
        }
        Ok(output.remove(0).buffer)
    }
}

/// Logs in; the server's password is `pässwörd`.
fn log_in(
    user: &str,
    password: &str,
    binding: Option<ChannelBinding>,
    change: impl Fn(&mut [u8], &mut [u8]),
) -> Result<(), ErrorKind> {
    let user = User::parse(user).unwrap();
    let domain = Some(user.domain()).filter(|domain| !domain.is_empty());
    let mut server = Server::new(Username::new(user.name(), domain).unwrap(), "pässwörd");
    let mut challenge = server.step(&NEGOTIATE)?;
    change(&mut challenge, &mut []);
    let read = Challenge::read(&challenge).unwrap();
    let login = Login {
        user,
        hash: &NtHash::from_password(password),
        host: "mail.contoso.com",
        binding,
        nonce: *b"\x01\x02\x03\x04\x05\x06\x07\x08",
    };
    let answer = Authenticate::new(&read, &login).unwrap();
    let mut message = vec![0; answer.len()];
    answer.write(&mut message).unwrap();
    change(&mut [], &mut message);
    server.step(&message).map(|reply| assert_eq!(reply, b""))
}

fn unchanged(_: &mut [u8], _: &mut [u8]) {}

#[test]
fn bindings() {
    let binding = |hash: &[u8]| Some(ChannelBinding::tls_server_end_point(hash));
    for (binding, expected) in [
        (binding(&CERTIFICATE), Ok(())),
        (binding(&[0xc4; 32]), Err(ErrorKind::BadBindings)),
        // It compares what it gets: zeros are a wrong binding, and none is accepted.
        (
            Some(ChannelBinding::from_bytes([0; 16])),
            Err(ErrorKind::BadBindings),
        ),
        (None, Ok(())),
    ] {
        let result = log_in(r"CONTOSO\alice", "pässwörd", binding, unchanged);
        assert_eq!(result, expected, "{binding:?}");
    }
}

#[test]
fn names_and_passwords() {
    let binding = Some(ChannelBinding::tls_server_end_point(&CERTIFICATE));
    for (user, password, expected) in [
        (r"CONTOSO\alice", "pässwörd", Ok(())),
        (r"CONTOSO\jörg", "pässwörd", Ok(())),
        ("alice", "pässwörd", Ok(())),
        ("bob@contoso.com", "pässwörd", Ok(())),
        (r"CONTOSO\alice", "passwörd", Err(ErrorKind::LogonDenied)),
        ("bob@contoso.com", "", Err(ErrorKind::LogonDenied)),
    ] {
        let result = log_in(user, password, binding, unchanged);
        assert_eq!(result, expected, "{user}");
    }
}

/// What only the MIC covers: the challenge's version, and the answer's.
#[test]
fn changed_messages() {
    let attempt = |change: fn(&mut [u8], &mut [u8])| {
        let binding = Some(ChannelBinding::tls_server_end_point(&CERTIFICATE));
        log_in(r"CONTOSO\alice", "pässwörd", binding, change)
    };
    for change in [
        (|challenge, _| flip_at(challenge, 48)) as fn(&mut [u8], &mut [u8]),
        |_, answer| flip_at(answer, 64),
        |_, answer| flip_at(answer, 72),
    ] {
        assert_eq!(attempt(change), Err(ErrorKind::LogonDenied));
    }
}

fn flip_at(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}
