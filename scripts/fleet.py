"""A fleet on this machine for scripts: an emulated server, a queue, and workers."""

import collections
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEASE = 3


def build(release):
    """Builds the command, and returns its path."""
    profile = ["--release"] if release else []
    subprocess.run(["cargo", "build", "-q", "-p", "exportitems-cli", *profile], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("release" if release else "debug") / "exportitems"


def address(number):
    return f"user{number:02}@example.test"


class Process:
    """A program that is started again after it was killed."""

    def __init__(self, arguments, log):
        self.arguments, self.log = [str(argument) for argument in arguments], log
        self.start()

    def start(self):
        # The log is appended to, so that the messages of killed processes stay.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        self.start()


def wait_for(path, process):
    """Waits until a program that has just started writes a file, and returns its text."""
    while not path.exists() or not path.read_text():
        if process.process.poll() is not None:
            sys.exit(f"{process.arguments[0]} has not started; see {process.log}")
        time.sleep(0.01)
    return path.read_text()


def start_nats(folder):
    """Starts nats-server at a free port, and returns it with its URL. It starts again at the same port."""
    config = folder / "nats.conf"

    def write(port):
        config.write_text(
            f'listen: "127.0.0.1:{port}"\nports_file_dir: "{folder}"\n'
            f'jetstream {{ store_dir: "{folder}/nats", max_mem: 64MB, max_file: 1GB }}\n'
        )

    write(-1)
    nats = Process(["nats-server", "-c", config], folder / "nats.log")
    ports = json.loads(wait_for(folder / f"nats-server_{nats.process.pid}.ports", nats))
    url = ports["nats"][0]
    write(url.rsplit(":", 1)[1])
    return nats, url


def held(out):
    """The SHA-256 of each item of an archive, after a check that the manifest names it once as complete."""
    items, named = {}, collections.Counter()
    for line in (out / "manifest.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry.get("status") == "ok" and not entry.get("suspect"):
            items[entry["id"]] = entry["sha256"]
            named[entry["id"]] += 1
    twice = [item for item, times in named.items() if times > 1]
    assert not twice, f"{len(twice)} items of {out.name} are named more than once"
    return items


class Fleet:
    """The queue, the server and the workers."""

    def __init__(self, command, folder, mailboxes, scenario):
        self.command, self.folder, self.mailboxes = command, folder, mailboxes
        (folder / "scenario.toml").write_text(scenario)
        emulator = [command, "emulate", "--items", "0", "--scenario", folder / "scenario.toml", "--url-file", folder / "url"]
        self.emulator = Process(emulator, folder / "emulator.log")
        url = wait_for(folder / "url", self.emulator).strip()
        self.nats, self.nats_url = start_nats(folder)
        self.config = folder / "config.toml"
        self.config.write_text(f'nats = "{self.nats_url}"\nimpersonation = true\n[servers.main]\nurl = "{url}"\n')
        self.list = folder / "mailboxes.txt"
        self.list.write_text("".join(address(number) + "\n" for number in range(mailboxes)))
        self.workers = []

    def run(self, *arguments, check=True):
        arguments = [str(argument) for argument in (self.command, *arguments)]
        done = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            sys.exit(f"{' '.join(arguments)}: status {done.returncode}\n{done.stderr[-2000:]}")
        return done

    def submit(self, run):
        self.run("fleet", "submit", "--config", self.config, "--mailboxes", self.list, "--server", "main", "--run", run)

    def start_workers(self, out, workers):
        work = [self.command, "fleet", "work", "--config", self.config, "--out", out, "--metrics", "off"]
        work += ["--lease", LEASE, "--delay", 1, "--longest-wait", 1]
        log = self.folder / "workers.log"
        self.workers = [Process([*work, "--name", f"worker-{number}"], log) for number in range(workers)]

    def status(self):
        """The numbers of jobs; `None` while the queue is starting."""
        done = self.run("fleet", "status", "--config", self.config, "--json", check=False)
        return json.loads(done.stdout) if done.stdout else None

    def wait_until_done(self):
        end = time.monotonic() + 300
        while True:
            jobs = self.status()
            if jobs and jobs["waiting"] + jobs["running"] == 0:
                return jobs
            assert time.monotonic() < end, f"the jobs do not end: {jobs}"
            time.sleep(0.2)

    def end(self):
        for process in [*self.workers, self.nats, self.emulator]:
            process.process.send_signal(signal.SIGCONT)
            process.kill()
