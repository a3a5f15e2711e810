"""Emulated servers, and what an archive holds of them, for scripts that kill processes."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tools import need

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "pat@example.test"


def options(description, **kills):
    """The options of a script; with `kills`, those of one that kills processes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    if kills:
        parser.add_argument("--kills", type=int, default=kills["kills"])
        parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--release", action="store_true", help="use the optimised program")
    parser.add_argument("--command", type=Path, help="use this program instead of building one")
    return parser


def build(given):
    """Builds the command as the options say, and returns its path."""
    if given.command:
        return given.command
    need("cargo")
    profile = ["--release"] if given.release else []
    subprocess.run(["cargo", "build", "-q", "-p", "exportitems-cli", *profile], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("release" if given.release else "debug") / "exportitems"


class Server:
    """An emulated server, which can be killed and started again at the same port."""

    def __init__(self, command, folder, text):
        self.command, self.folder = command, folder
        folder.mkdir(exist_ok=True)
        (folder / "scenario.toml").write_text(text)
        self.port = 0
        self.start()

    def start(self):
        arguments = ["emulate", "--items", "0", "--scenario", self.folder / "scenario.toml"]
        arguments += ["--url-file", self.folder / "url.txt", "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen([self.command, *arguments], stdout=subprocess.DEVNULL)
        while not (self.folder / "url.txt").exists():
            if self.process.poll() is not None:
                sys.exit("the emulator did not start")
            time.sleep(0.01)
        self.url = (self.folder / "url.txt").read_text().strip()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def kill(self):
        self.process.kill()
        self.process.wait()
        (self.folder / "url.txt").unlink()


def run(command, *arguments, expected=0):
    """Runs the command to its end, and returns the lines that it prints as JSON."""
    done = subprocess.run([command, *arguments], capture_output=True, text=True)
    if done.returncode != expected:
        sys.exit(f"status {done.returncode} instead of {expected}:\n{done.stderr}\n{done.stdout}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def contents(archive):
    """The items of the mailbox at the last run, and the paths and classes of its folders.

    An item is its folder, its SHA-256 and whether it is folder associated information. The result counts equal ones."""
    items, names, folders, is_next_run = {}, {}, {}, False
    with (archive / "manifest.jsonl").open() as lines:
        for line in map(json.loads, lines):
            kind = line.get("type")
            if kind == "deleted":
                items.pop(line["id"], None)
            elif kind == "run":
                is_next_run = True
            elif kind == "folder":
                if is_next_run:
                    folders, is_next_run = {}, False
                folders[line["folder"]] = line.get("folder_class")
                names[line["folder_id"]] = line["folder"]
            elif line.get("status") == "ok" and not line.get("suspect"):
                items[line["id"]] = line
    counts = Counter()
    for line in items.values():
        item = line["item"]
        folder = names.get(item["folder_id"], item["folder"])
        counts[folder, line["sha256"], item.get("associated", False)] += 1
    return counts, folders
