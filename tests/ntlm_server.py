"""An EWS server over TLS whose logins pyspnego judges.

  ntlm_server.py CERTIFICATE KEY POLICY OFFERS AFFINITY

POLICY is what Extended Protection does: `none`, `allow` or `require`. OFFERS are the schemes, with commas.
With AFFINITY `yes` a 401 sets a cookie, and a leg without it reaches another server, which knows no handshake.
The users are in the file that NTLM_USER_FILE names.

The first line printed is the port. A line of JSON follows for each request: its connection, the length of its body,
whether it has Authorization, and what came of it: `asked`, `challenged`, `accepted`, `refused ERROR`, `served`.
"""

import base64
import hashlib
import json
import re
import socket
import ssl
import sys
import threading

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from spnego._ntlm_raw.messages import Authenticate, AvId, NTClientChallengeV2
from spnego.channel_bindings import GssChannelBindings

CERTIFICATE, KEY, POLICY, OFFERS, AFFINITY = sys.argv[1:]
DATA = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA="
PAGE = b"<html><title>401 - Unauthorized</title></html>" * 100
LOCK = threading.Lock()


class BindingRequired(Exception):
    """The login has no binding, or the sixteen zero bytes that say so."""


def bindings():
    with open(CERTIFICATE, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return None
    name = algorithm.name
    if isinstance(algorithm, (hashes.MD5, hashes.SHA1)):
        name = "sha256"
    digest = hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest)


class Connection:
    def __init__(self, number, stream, own):
        self.number, self.stream, self.own = number, stream, own
        self.context, self.user = None, None

    def serve(self):
        reader = self.stream.makefile("rb")
        while reader.readline():
            fields = {}
            while (line := reader.readline().strip()) != b"":
                name, value = line.decode("utf-8").split(":", 1)
                fields[name.lower()] = value.strip()
            body = reader.read(int(fields["content-length"]))
            status, answer, page, result = self.answer(fields, body)
            head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(page)}\r\n" + "".join(f"{it}\r\n" for it in answer)
            report = {"connection": self.number, "body": len(body), "shown": "authorization" in fields, "result": result}
            with LOCK:
                print(json.dumps(report), flush=True)
            self.stream.sendall(head.encode() + b"\r\n" + page)

    def answer(self, fields, body):
        shown = fields.get("authorization")
        result = "served"
        if shown is not None:
            scheme, token = shown.split(" ", 1)
            result, reply = self.step(fields, base64.b64decode(token))
            if result == "challenged":
                return 401, self.fields([f"{scheme} {base64.b64encode(reply).decode()}"]), PAGE, result
        elif self.user is None:
            result = "asked"
        if self.user is None:
            return 401, self.fields(OFFERS.split(",")), PAGE, result
        messages = "".join(
            '<m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
            f'<m:ItemId Id="{id}"/><m:Data>{DATA}</m:Data></m:ExportItemsResponseMessage>'
            for id in re.findall(r'ItemId Id="([^"]*)"', body.decode())
        )
        page = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:ExportItemsResponse '
            'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:ResponseMessages>'
            f"{messages}</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
        )
        return 200, ["Content-Type: text/xml; charset=utf-8"], page.encode(), result

    def fields(self, challenges):
        fields = [f"WWW-Authenticate: {it}" for it in challenges] + ["Content-Type: text/html"]
        if AFFINITY == "yes":
            fields.append(f"Set-Cookie: exchangecookie=server{self.number}; path=/; HttpOnly")
        return fields

    def step(self, fields, token):
        has_cookie = f"exchangecookie=server{self.number}" in fields.get("cookie", "")
        try:
            if token[8] == 1:
                self.context, self.user = spnego.server(protocol="ntlm"), None
                return "challenged", self.context.step(token)
            if AFFINITY == "yes" and not has_cookie:
                raise ConnectionError("another server")
            sent = NTClientChallengeV2.unpack(Authenticate.unpack(token).nt_challenge_response[16:]).av_pairs
            binding = sent.get(AvId.channel_bindings)
            if POLICY == "require" and binding in (None, bytes(16)):
                raise BindingRequired
            judged = POLICY != "none" and binding is not None
            self.context.step(token, channel_bindings=self.own if judged else None)
            self.user = self.context.client_principal
            return "accepted", None
        except Exception as error:
            self.context, self.user = None, None
            return f"refused {type(error).__name__}", None


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # SHA-1 and MD5 in certificates.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(CERTIFICATE, KEY)
    own = bindings()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0
    while True:
        stream, _ = listener.accept()

        def serve(stream=stream, number=number):
            try:
                Connection(number, context.wrap_socket(stream, server_side=True), own).serve()
            except (OSError, ssl.SSLError):
                pass

        threading.Thread(target=serve, daemon=True).start()
        number += 1


main()
