#!/usr/bin/env python3
"""Uploads items with exchangelib, an EWS client of other authors.

    exchangelib_upload.py URL FOLDER_ID BASE64...

prints one line per item, in order: the id of the new item, or the name of the error that exchangelib made of it.
"""

import sys
from types import SimpleNamespace

from exchangelib import DELEGATE, Account, Configuration, Version
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2010_SP2


def main(url, folder, *data):
    # A given version and authentication keep exchangelib from asking the server for them.
    version = Version(build=EXCHANGE_2010_SP2)
    config = Configuration(service_endpoint=url, auth_type=NOAUTH, version=version, max_connections=1)
    account = Account("pat@example.test", config=config, autodiscover=False, access_type=DELEGATE)
    parent = SimpleNamespace(id=folder, changekey=None)
    for result in account.upload((parent, text) for text in data):
        print(type(result).__name__ if isinstance(result, Exception) else result[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
