#!/usr/bin/env python3
"""Prints, as Markdown tables, how fast items are converted, beside other programs.

    benches/convert.py [ROUNDS]     5 rounds by default, of which the shortest and the median time count

A mail with an attachment of 100 MiB becomes an .eml and a .msg. Their peers are
  cat         which copies the payload;
  base64      of the GNU core utilities, which encodes the attachment;
  msgconvert  which converts our .msg to an .eml. It takes so long that it runs once.
10,000 mails of 2 KB become one mbox file, and files of their own, each of which is synced, in memory and on the disk.
Times are of whole commands; ways take turns. The memory is the most that our process held.
The last rows compare the reader of properties with the check of a payload and with a copy, in memory.
"""

import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ITEMS = 10_000
TIME = "/usr/bin/time"


def need(program):
    if shutil.which(program) is None:
        sys.exit(f"convert: no {program}; on Debian, install libemail-outlook-message-perl, coreutils and time")


def payload(number, size):
    """A mail with an attachment of `size` bytes, in records as Exchange writes them."""

    def variable(tag, value):
        return struct.pack("<II", tag, len(value)) + value

    def text(prop, value):
        return variable(prop << 16 | 0x1F, (value + "\0").encode("utf-16-le"))

    def marker(tag):
        return struct.pack("<I", tag)

    stream = b"".join(
        [
            text(0x001A, "IPM.Note"),
            text(0x0037, f"Message {number}"),
            struct.pack("<IQ", 0x00390040, 0x01DCAA0000000000 + number * 10_000_000),
            text(0x0042, "Pat Doe"),
            text(0x5D02, "pat@example.test"),
            text(0x1000, "Hello,\r\nthis is the body.\r\n" * 10),
            text(0x1035, f"<{number}@example.test>"),
            marker(0x40030003),
            struct.pack("<II", 0x0C150003, 1),
            text(0x3001, "Ann"),
            text(0x39FE, "ann@example.test"),
            marker(0x40040003),
            marker(0x40000003),
            struct.pack("<II", 0x37050003, 1),
            variable(0x37010102, bytes(range(256)) * (size // 256)),
            text(0x3707, "attachment.bin"),
            marker(0x400E0003),
        ]
    )
    records = [struct.pack("<IIQ", 1, 8, 1 << 32)]
    for start in range(0, len(stream), 31_680):
        record = stream[start : start + 31_680]
        records += [struct.pack("<II", 2, len(record)), record]
    return b"".join(records)


def timed(command, output=None):
    """The seconds of a command, and the most memory it held, in KiB."""
    with open(output or os.devnull, "wb") as out, tempfile.NamedTemporaryFile() as peak:
        start = time.perf_counter()
        # A child of this process would be said to have held what this process holds.
        done = subprocess.run([TIME, "-f", "%M", "-o", peak.name, *command], stdout=out)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            sys.exit(f"convert: `{' '.join(map(str, command[:4]))} …` failed with {done.returncode}")
        return seconds, int(peak.read())


def convert(command, to, out, *files):
    shutil.rmtree(out, ignore_errors=True)
    return [command, "convert", "--jobs", "1", "--to", to, "--out", out, *files]


def large(command, work, rounds):
    attachment, item = work / "attachment.bin", work / "large.fts"
    attachment.write_bytes(bytes(range(256)) * (100 << 12))
    item.write_bytes(payload(1, 100 << 20))
    times = {name: [] for name in ("eml", "msg", "cat", "base64", "msgconvert")}
    peaks = {}
    for number in range(rounds):
        for to in ("eml", "msg"):
            seconds, peaks[to] = timed(convert(command, to, work / to, item))
            times[to].append(seconds)
        times["cat"].append(timed(["cat", item], work / "copy")[0])
        times["base64"].append(timed(["base64", attachment], work / "copy")[0])
        if number == 0:
            (message,) = (work / "msg").iterdir()
            times["msgconvert"].append(timed(["msgconvert", "--outfile", work / "copy", message])[0])
    print("| 100 MiB attachment | ours | memory | peer | ratio, min | ratio, median | goal |")
    print("|---|---:|---:|---|---:|---:|---:|")
    for to in ("eml", "msg"):
        for peer in ("cat", "base64", "msgconvert"):
            ours, theirs = times[to], times[peer]
            print(
                f"| to .{to} | {min(ours):.2f} s | {peaks[to] / 1024:.1f} MiB | {peer}: {min(theirs):.2f} s "
                f"| {min(theirs) / min(ours):.2f} | {statistics.median(theirs) / statistics.median(ours):.2f} "
                f"| {30 if peer == 'msgconvert' else ''} |"
            )


def small(command, work, memory, rounds):
    items = work / "items"
    items.mkdir()
    for number in range(ITEMS):
        (items / f"{number}.fts").write_bytes(payload(number, 512))
    files = sorted(items.iterdir())
    print(f"\n| {ITEMS:,} items of {files[0].stat().st_size:,} bytes, one thread | items a second, most | median | memory | goal |")
    print("|---|---:|---:|---:|---:|")
    for name, to, place in [
        ("one mbox file", "mbox", work),
        (".eml files, in memory", "eml", memory),
        (".eml files, each synced to the disk", "eml", work),
    ]:
        runs = [timed(convert(command, to, place / "out", *files)) for _ in range(rounds)]
        seconds = [seconds for seconds, _ in runs]
        peak = max(peak for _, peak in runs) / 1024
        goal = "10,000" if place == memory or to == "mbox" else ""
        print(f"| {name} | {ITEMS / min(seconds):,.0f} | {ITEMS / statistics.median(seconds):,.0f} | {peak:.1f} MiB | {goal} |")
        shutil.rmtree(place / "out")


def main():
    rounds = int(sys.argv[1]) if sys.argv[1:] else 5
    for program in ("cargo", "cat", "base64", "msgconvert", TIME):
        need(program)
    os.chdir(ROOT)
    build = ["cargo", "build", "--quiet", "--release"]
    subprocess.run([*build, "-p", "exportitems-cli"], check=True)
    subprocess.run([*build, "-p", "exportitems-benches", "--features", "simd", "--bin", "payload"], check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
    # On the disk that is built on, and in memory.
    with tempfile.TemporaryDirectory(dir=target) as work, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        command = target / "release" / "exportitems"
        large(command, Path(work), rounds)
        small(command, Path(work), Path(memory), rounds)
    print("\n| in memory | reader | peer | ratio, min | ratio, median | goal |")
    print("|---|---:|---|---:|---:|---:|", flush=True)
    subprocess.run([target / "release" / "payload"], check=True)


main()
