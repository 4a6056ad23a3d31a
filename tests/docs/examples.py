"""The examples of a page: what it says to type, what it says is answered, and what really is.

A ```sh block is run, all blocks of a page in one shell; the ```json or ```text block that
follows it is its answer. Other blocks (```bash, ```http …) are only shown.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture import sources

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WIDTH = 100
_END = "=== end of block ==="
#: What differs each time: told alike before answers are compared.
_VARYING = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "‹id›"),
    (
        re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"),
        "‹instant›",
    ),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "‹day›"),  # many pages ask for today's
    (re.compile(r"\beyJ[\w…-]+(\.[\w-]+)*"), "‹token›"),
    (re.compile(r"\blk_[\w…-]+"), "‹key›"),
    (re.compile(r'("prefix": ")[0-9a-f…]+'), r"\1‹prefix›"),
    (re.compile(r"(?<![\w-])\d+-(\d+)(?![\d-])"), r"‹account›-\1"),
    (re.compile(r"\b\d+(\.\d+)? s\b"), "‹seconds›"),
    (re.compile(r"\b\d+ questions\b"), "‹questions›"),  # each room adds its own
    (re.compile(r"\bwhsec_[\w+/=…-]+"), "‹secret›"),
    (re.compile(r'"[0-7][0-9a-f]{47}"'), "‹cursor›"),
    (re.compile(r'"loyalty-‹id›"|t-[0-9a-f]{32}'), "‹tenant›"),
]
_SECRETS = [
    (re.compile(r"\b(eyJ[\w-]{8})[\w-]*\.[\w-]+\.[\w-]+"), r"\1…"),
    (re.compile(r"\b(lk_[0-9a-f]{4})[\w-]+"), r"\1…"),
    (re.compile(r"\b(whsec_[\w+/]{4})[\w+/=-]+"), r"\1…"),
]


@dataclass(frozen=True, slots=True)
class Example:
    """What is typed, and the block with the answer: its language, text and place in the page."""

    typed: str
    language: str = ""
    answer: str = ""
    span: tuple[int, int] | None = None


def examples(page: Path) -> list[Example]:
    """The examples of a page, in order."""
    blocks = list(_BLOCK.finditer(page.read_text()))
    found = []
    for number, block in enumerate(blocks):
        if block[1] != "sh":
            continue
        after = blocks[number + 1] if number + 1 < len(blocks) else None
        if after is not None and after[1] in {"json", "text"}:
            found.append(Example(block[2], after[1], after[2], after.span(2)))
        else:
            found.append(Example(block[2]))
    return found


def run(page: Path, env: Mapping[str, str], folder: Path) -> list[str]:
    """What each example of the page prints, run in `folder`. Fails with the shell's own words."""
    script = "set -euo pipefail\n" + "".join(
        f"{example.typed}\necho; echo '{_END}'\n" for example in examples(page)
    )
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, f"{page.name}: {done.stderr}\n{done.stdout[-2000:]}"
    return done.stdout.split(f"\n{_END}\n")[:-1]


def shown(language: str, printed: str) -> str:
    """What was printed as a page shows it: JSON laid out, secrets cut short."""
    if language == "json":
        printed = _laid_out(json.loads(printed), "")
    for secret, cut in _SECRETS:
        printed = secret.sub(cut, printed)
    return printed.strip() + "\n"


def _laid_out(value: object, indent: str) -> str:
    """JSON in which what fits into a line stands in one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        inner = [_laid_out(one, deeper) for one in value]
        return "[\n" + ",\n".join(deeper + one for one in inner) + f"\n{indent}]"
    named = [f"{json.dumps(name)}: {_laid_out(one, deeper)}" for name, one in value.items()]
    return "{\n" + ",\n".join(deeper + one for one in named) + f"\n{indent}}}"


def comparable(text: str) -> str:
    """The text without what differs each time, and without its layout."""
    for varying, alike in _VARYING:
        text = varying.sub(alike, text)
    return re.sub(r"\s*([{}\[\]])\s*", r"\1", " ".join(text.split()))


def write(page: Path, printed: list[str]) -> None:
    """Puts what was printed into the page."""
    text = page.read_text()
    for example, said in reversed(list(zip(examples(page), printed, strict=True))):
        if example.span is not None:
            start, end = example.span
            text = text[:start] + shown(example.language, said) + text[end:]
    page.write_text(text)


def loyalty_command(folder: Path, tenant: str) -> Path:
    """`loyalty` as the pages type it, for a tenant of one's own, and `python`; returns `folder`."""
    command = folder / "loyalty"
    command.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--tenant*) ;;\n'
        f"token*|pause*|resume*|audit*|promotions*|members*|statement*|explain*|adjust*"
        f"|retry-failed*|re-evaluate*|import*|export*|erase*)"
        f' set -- "$@" --tenant {tenant};; esac\n'
        f'exec {sys.executable} -m loyalty.cli "$@"\n'
    )
    python = folder / "python"  # no link: that would forget its packages
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for script in (command, python):
        script.chmod(0o755)
    return folder


def environment(url: str, command_folder: Path) -> dict[str, str]:
    """What the reader has set before the first example."""
    path = f"{command_folder}{os.pathsep}{os.environ['PATH']}"
    packages = f"{sources.ROOT}{os.pathsep}{sources.ROOT / 'client'}"
    return {**os.environ, "PATH": path, "PYTHONPATH": packages, "API": url, "USER": "you"}
