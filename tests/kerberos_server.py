"""An EWS server over TLS whose logins MIT Kerberos judges, by python3-gssapi.

  kerberos_server.py CERTIFICATE KEY BINDING

BINDING is the hash of the certificate that logins have to be bound to, in hexadecimal. The key of the server is in the
keytab that KRB5_KTNAME names.

The first line printed is the port. A line follows for each request: `asked`, `accepted PRINCIPAL` or `refused ERROR`,
and the length of its body.
"""

import base64
import re
import socket
import ssl
import sys
import threading

import gssapi
from gssapi.raw import ChannelBindings

CERTIFICATE, KEY, BINDING = sys.argv[1:]
DATA = "AQAAAAgAAAAAAAAAAQAAAAIAAAAIAAAAAwAXAAEAAAA="
BINDINGS = ChannelBindings(application_data=b"tls-server-end-point:" + bytes.fromhex(BINDING))


def judge(token):
    context = gssapi.SecurityContext(usage="accept", channel_bindings=BINDINGS)
    context.step(token)
    return str(context.initiator_name)


def serve(stream):
    reader, user = stream.makefile("rb"), None
    while reader.readline():
        fields = {}
        while (line := reader.readline().strip()) != b"":
            name, value = line.decode().split(":", 1)
            fields[name.lower()] = value.strip()
        body = reader.read(int(fields["content-length"])).decode()
        result = "served" if user else "asked"
        if "authorization" in fields:
            scheme, token = fields["authorization"].split(" ", 1)
            try:
                assert scheme == "Negotiate"
                user = judge(base64.b64decode(token))
                result = f"accepted {user}"
            except Exception as error:
                result = f"refused {type(error).__name__}"
        print(result, len(body), flush=True)
        messages = "".join(
            '<m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
            f'<m:ItemId Id="{id}"/><m:Data>{DATA}</m:Data></m:ExportItemsResponseMessage>'
            for id in re.findall(r'ItemId Id="([^"]*)"', body)
        )
        page = (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:ExportItemsResponse '
            'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:ResponseMessages>'
            f"{messages}</m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>"
        )
        head = "200 OK\r\nContent-Type: text/xml"
        if user is None:
            page, head = "", "401 Unauthorized\r\nWWW-Authenticate: Negotiate"
        stream.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(page)}\r\n\r\n{page}".encode())


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        stream, _ = listener.accept()

        def run(stream=stream):
            try:
                serve(context.wrap_socket(stream, server_side=True))
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()


main()
