#!/usr/bin/env python3
"""Exports items with exchangelib, an EWS client of other authors.

    exchangelib_export.py URL ID[,CHANGEKEY]...

prints one line per item, in the order asked for: its index, and the SHA-256 of its bytes or the
name of the error that exchangelib made of it.
The environment may hold EWS_USER and EWS_PASSWORD (Basic), or EWS_TOKEN (Bearer), and EWS_CA, a
file with the certificate to trust.
A failure of the whole request is one line, its error's name, and exit status 1.
"""

import base64
import hashlib
import os
import sys
import time

import requests.adapters
from exchangelib import BASIC, DELEGATE, OAUTH2, Account, Configuration, Credentials, FaultTolerance, Version
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import EWSError
from exchangelib.protocol import BaseProtocol
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2010_SP2
from oauthlib.oauth2 import OAuth2Token

ADDRESS = "pat@example.test"


class TrustingAdapter(requests.adapters.HTTPAdapter):
    """Trusts the certificate of EWS_CA."""

    def cert_verify(self, conn, url, verify, cert):
        super().cert_verify(conn=conn, url=url, verify=os.environ["EWS_CA"], cert=cert)


def credentials():
    """exchangelib's name for the authentication, and what to show."""
    if "EWS_TOKEN" in os.environ:
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http on loopback
        token = {"access_token": os.environ["EWS_TOKEN"], "token_type": "Bearer", "expires_at": time.time() + 3600}
        return OAUTH2, OAuth2AuthorizationCodeCredentials(access_token=OAuth2Token(token))
    if "EWS_USER" in os.environ:
        return BASIC, Credentials(os.environ["EWS_USER"], os.environ["EWS_PASSWORD"])
    return NOAUTH, None


def main(url, *ids):
    if "EWS_CA" in os.environ:
        BaseProtocol.HTTP_ADAPTER_CLS = TrustingAdapter
    auth_type, shown = credentials()
    # A given version and authentication keep exchangelib from asking the server for them.
    config = Configuration(
        service_endpoint=url,
        credentials=shown,
        auth_type=auth_type,
        version=Version(build=EXCHANGE_2010_SP2),
        retry_policy=FaultTolerance(max_wait=20),
        max_connections=1,
    )
    account = Account(ADDRESS, config=config, autodiscover=False, access_type=DELEGATE)
    asked = [tuple((item.split(",") + [None])[:2]) for item in ids]
    try:
        answers = account.export(asked)
    except Exception as error:
        print(type(error).__name__)
        return 1
    for index, answer in enumerate(answers):
        if isinstance(answer, EWSError):
            print(index, type(answer).__name__)
        else:
            print(index, hashlib.sha256(base64.b64decode(answer)).hexdigest())
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
