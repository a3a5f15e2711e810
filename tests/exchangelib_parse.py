"""Reads ExportItems responses with exchangelib's own parser.

Standard input: a document in base64 on each line.
Standard output: on each line its items, separated by "|": "data BASE64" or "error CODE".
"""

import base64
import sys

from exchangelib.errors import EWSError
from exchangelib.services import ExportItems


def items(document):
    service = ExportItems.__new__(ExportItems)
    service.streaming = False
    for item in service.parse(document):
        if isinstance(item, EWSError):
            yield f"error {type(item).__name__}"
        elif isinstance(item, Exception):
            raise item
        else:
            data = base64.b64decode("".join(item.split()), validate=True)
            yield f"data {base64.b64encode(data).decode()}"


for line in sys.stdin:
    print("|".join(items(base64.b64decode(line))))
