#!/usr/bin/env python3
"""Lists and exports a mailbox with exchangelib, an EWS client of other authors.

    exchangelib_list.py URL ADDRESS

prints a line per item of each folder below the top of the mailbox, sorted: the path of the folder,
the item's id, its change key, and the SHA-256 of its exported bytes, with tabs between them.
"""

import base64
import hashlib
import sys

from exchangelib import DELEGATE, Account, Configuration, FaultTolerance, Version
from exchangelib.items import ASSOCIATED
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2010_SP2


def path_of(folder, top):
    names = []
    while folder != top:
        names.append(folder.name.replace("\\", "\\\\").replace("/", "\\/"))
        folder = folder.parent
    return "/".join(reversed(names))


def main(url, address):
    config = Configuration(
        service_endpoint=url,
        auth_type=NOAUTH,
        version=Version(build=EXCHANGE_2010_SP2),
        retry_policy=FaultTolerance(max_wait=20),
        max_connections=1,
    )
    account = Account(address, config=config, autodiscover=False, access_type=DELEGATE)
    top = account.msg_folder_root
    lines = []
    for folder in top.walk():
        items = folder.all().only("id", "changekey")
        found = [*items, *items.depth(ASSOCIATED)]
        asked = [(item.id, item.changekey) for item in found]
        for (id_, key), answer in zip(asked, account.export(asked) if asked else []):
            digest = answer if isinstance(answer, Exception) else hashlib.sha256(base64.b64decode(answer)).hexdigest()
            lines.append(f"{path_of(folder, top)}\t{id_}\t{key}\t{digest}")
    print("\n".join(sorted(lines)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
