"""Compares converted items with what should be in them, as readers that are not ours see them.

    judge.py DIR

DIR has for each item NAME.json, which says what should be in it, NAME.facts.json with the converter's warnings,
NAME.eml, NAME.msg unless the item is too deep for it, and NAME.ics or NAME.vcf where the item is of that kind.
Prints a line for each difference.
"""

import email
import email.policy
import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import extract_msg
import icalendar
import recurring_ical_events
import vobject

differences = 0


def differ(name, what, expected, found):
    global differences
    if expected != found:
        differences += 1
        print(f"{name}: {what}: expected {expected!r:.300}, found {found!r:.300}")


def lines(text):
    return text.replace("\r\n", "\n")


def expected_text(text):
    if isinstance(text, dict):
        part, count = text["repeat"]
        return part * count
    return text


def body(message, kind):
    found = [
        part
        for part in leaves(message)
        if part.get_content_type() == kind and part.get_content_disposition() is None
    ]
    return lines(found[0].get_content()) if found else None


def leaves(message):
    """The parts of a message, but not those of messages in it."""
    if message.get_content_maintype() == "multipart":
        for part in message.iter_parts():
            yield from leaves(part)
    elif message.get_content_type() == "message/rfc822" or not message.is_multipart():
        yield message


def defects(message):
    found = [str(defect) for defect in message.defects]
    for name, value in message.items():
        found += [f"{name}: {defect}" for defect in value.defects]
    if message.is_multipart() and message.get_content_maintype() != "message":
        for part in message.iter_parts():
            found += defects(part)
    return found


def people(value):
    if value is None:
        return []
    return [f"{it.display_name} <{it.addr_spec}>" if it.display_name else it.addr_spec for it in value.addresses]


def judge_message(name, expected, message):
    differ(name, "defects", [], defects(message))
    for key in ("from", "sender"):
        if key in expected:
            differ(name, key, [expected[key]], people(message[key]))
    for key in ("to", "cc", "bcc"):
        if key in expected:
            differ(name, key, expected[key], people(message[key]))
    if "subject" in expected:
        differ(name, "subject", expected["subject"], message["Subject"])
    if "subject_starts_with" in expected:
        start = expected["subject_starts_with"]
        differ(name, "subject", start, message["Subject"][: len(start)])
    if "date" in expected:
        date = message["Date"].datetime.astimezone(timezone.utc)
        differ(name, "date", expected["date"], date.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if "message_id" in expected:
        differ(name, "message_id", expected["message_id"], message["Message-ID"])
    for header, value in expected.get("headers", {}).items():
        differ(name, header, value, re.sub(r"\s+", " ", str(message[header])) if "\t" not in value else str(message[header]))
    for header in expected.get("absent", []):
        differ(name, header, None, message[header])
    if "type" in expected:
        differ(name, "type", expected["type"], message.get_content_type())
    if "text" in expected:
        differ(name, "text", expected_text(expected["text"]), body(message, "text/plain"))
    if "html" in expected:
        differ(name, "html", expected["html"], body(message, "text/html"))
    if "attachments" in expected:
        judge_attachments(name, expected["attachments"], message)
    if "status" in expected:
        part = [it for it in message.walk() if it.get_content_type() == "message/delivery-status"][0]
        found = [dict(block.items()) for block in part.get_payload()]
        differ(name, "status", expected["status"], found)
    if "depth" in expected:
        differ(name, "depth", expected["depth"], depth(message))


def depth(message):
    inner = [it for it in leaves(message) if it.get_content_type() == "message/rfc822"]
    return 1 + depth(inner[0].get_content()) if inner else 0


def judge_attachments(name, expected, message):
    parts = {part.get_filename(): part for part in leaves(message) if part.get_filename()}
    differ(name, "attachments", sorted(it["name"] for it in expected), sorted(parts))
    for attachment in expected:
        part = parts.get(attachment["name"])
        if part is None:
            continue
        where = f"{name}/{attachment['name']}"
        if "message" in attachment:
            judge_message(where, attachment["message"], part.get_content())
            continue
        content = part.get_payload(decode=True)
        if "data" in attachment:
            differ(where, "data", attachment["data"], content.decode("latin-1"))
        if "bytes" in attachment:
            differ(where, "bytes", attachment["bytes"], len(content))
        if "type" in attachment:
            differ(where, "type", attachment["type"], part.get_content_type())
        if "disposition" in attachment:
            differ(where, "disposition", attachment["disposition"], part.get_content_disposition())
        if "content_id" in attachment:
            differ(where, "content_id", attachment["content_id"], part["Content-ID"])


def judge_msg(name, expected, message):
    """The fields that a .msg has, as extract-msg reads them."""
    if "subject" in expected and name != "received":
        differ(name, "subject (msg)", expected["subject"], message.subject)
    if isinstance(expected.get("text"), str) and message.getStringStream("__substg1.0_1000") is not None:
        differ(name, "text (msg)", expected["text"], lines(message.getStringStream("__substg1.0_1000")))
    # Its own reader of RTF fails for some of the bodies.
    html = message.getStream("__substg1.0_10130102")
    if "html" in expected and html is not None:
        differ(name, "html (msg)", expected["html"], html.decode(encoding(message)))
    for key, kind in (("to", 1), ("cc", 2), ("bcc", 3)):
        if key in expected and name != "received":
            found = [it for it in message.recipients if (it.type if isinstance(it.type, int) else it.type.value) & 3 == kind]
            differ(name, f"{key} (msg)", len(expected[key]), len(found))
    files = {}
    for attachment in message.attachments:
        # extract-msg has no data of links.
        is_file = type(attachment).__name__ == "Attachment"
        if is_file and isinstance(attachment.data, bytes):
            files[attachment.longFilename or attachment.name or ""] = attachment.data
    for attachment in expected.get("attachments", []):
        if "data" in attachment and attachment.get("only") != "eml" and attachment["name"] in files:
            found = files[attachment["name"]].decode("latin-1")
            differ(f"{name}/{attachment['name']}", "data (msg)", attachment["data"], found)


def encoding(message):
    page = message.getPropertyVal("3FDE0003") or 65001
    return {1252: "cp1252", 1251: "cp1251", 932: "cp932"}.get(page, "utf-8")


def judge_calendar(name, expected, text):
    calendar = icalendar.Calendar.from_ical(text)
    for component in calendar.walk():
        differ(name, "errors", [], component.errors)
    differ(name, "method", expected["method"], str(calendar["METHOD"]))
    for kind, components in (("events", calendar.events), ("todos", calendar.todos)):
        for wanted, component in zip(expected.get(kind, []), components, strict=True):
            for key, value in wanted.items():
                found = component[key]
                if isinstance(value, list):
                    found = [str(it) for it in (found if isinstance(found, list) else [found])]
                elif hasattr(found, "dt"):
                    found = found.dt.isoformat()
                elif not isinstance(value, int):
                    found = str(found)
                differ(name, key, value, found)
    if "occurrences" in expected:
        occurrences = recurring_ical_events.of(calendar).between("20260101", "20270101")
        differ(name, "occurrences", expected["occurrences"], [it["DTSTART"].dt.isoformat() for it in occurrences])


def judge_card(name, expected, text):
    if "VERSION:3.0" in text:
        vobject.readOne(text).validate()
    found = dict(line.split(":", 1) for line in text.replace("\r\n ", "").split("\r\n") if line)
    for key, value in expected.items():
        differ(name, key, value, found.get(key))


def main(directory):
    count = 0
    for path in sorted(directory.glob("*.facts.json")):
        name = path.name.removesuffix(".facts.json")
        expected = json.loads((directory / f"{name}.json").read_text())
        facts = json.loads(path.read_text())
        differ(name, "partial", expected.get("partial", False), facts["partial"])
        if "warnings" in expected or not name == "line_ends":
            differ(name, "warnings", expected.get("warnings", []), sorted(set(facts["warnings"])))
        raw = (directory / f"{name}.eml").read_bytes()
        if "largest" in expected:
            differ(name, "size", True, len(raw) <= expected["largest"])
        if "ends_with" in expected:
            end = expected["ends_with"].encode()
            differ(name, "end", end, raw[-len(end) :])
        for text in expected.get("contains", []):
            differ(name, text, True, text.encode() in raw)
        if "recipients" in expected:
            # Python's parser of addresses takes hours for so many.
            message = email.message_from_bytes(raw, policy=email.policy.compat32)
            differ(name, "recipients", expected["recipients"], message["To"].count("@"))
        else:
            judge_message(name, expected, email.message_from_bytes(raw, policy=email.policy.default))
        msg = directory / f"{name}.msg"
        if msg.exists():
            unknown = extract_msg.enums.ErrorBehavior.ATTACH_NOT_IMPLEMENTED  # some OLE objects
            with extract_msg.openMsg(msg, strict=False, errorBehavior=unknown) as message:
                judge_msg(name, expected, message)
        if "calendar" in expected:
            judge_calendar(name, expected["calendar"], (directory / f"{name}.ics").read_bytes())
        if "card" in expected:
            judge_card(name, expected["card"], (directory / f"{name}.vcf").read_bytes().decode())
        count += 1
    print(f"{count} items, {differences} differences")
    return 1 if differences or not count else 0


sys.exit(main(Path(sys.argv[1])))
