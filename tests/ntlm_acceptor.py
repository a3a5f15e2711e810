"""An NTLM server made of pyspnego, which judges the client of exportitems-ntlm.

Reads a command a line from its standard input, and answers each with a line:

  new PROTOCOL POLICY CERTIFICATE-HASH   a new connection; `ntlm` or `negotiate`; what Extended Protection does with a login
                                         that has no binding: `require` refuses it, `allow` accepts it; the hash in hex
  step MESSAGE                           a message of the client, in hex

  ready | challenge MESSAGE | accepted PRINCIPAL | refused ERROR

The users are in the file that NTLM_USER_FILE names.
"""

import sys

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego._ntlm_raw.messages import Authenticate, AvId, NTClientChallengeV2


class BindingRequired(Exception):
    """The login has no binding, or the sixteen zero bytes that say so."""


class Connection:
    def __init__(self, protocol, policy, certificate_hash):
        self.policy = policy
        self.bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + bytes.fromhex(certificate_hash))
        self.context = spnego.server(protocol=protocol)

    def step(self, message):
        bindings = None
        if message[8] == 3:
            sent = NTClientChallengeV2.unpack(Authenticate.unpack(message).nt_challenge_response[16:]).av_pairs
            binding = sent.get(AvId.channel_bindings)
            # pyspnego takes zeros for a right binding.
            if self.policy == "require" and binding in (None, bytes(16)):
                raise BindingRequired
            bindings = self.bindings if binding is not None else None
        reply = self.context.step(message, channel_bindings=bindings)
        if self.context.complete:
            return f"accepted {self.context.client_principal}"
        return f"challenge {reply.hex()}"


def main():
    sys.stdout.reconfigure(encoding="utf-8")
    connection = None
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            if command == "new":
                connection = Connection(*arguments)
                answer = "ready"
            else:
                answer = connection.step(bytes.fromhex(arguments[0]))
        except Exception as error:
            answer = f"refused {type(error).__name__}"
        print(answer, flush=True)


main()
