"""What people read is held to what the code does."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from azpay.bootstrap import HANDLERS
from azpay.cli import failures, reconcile
from azpay.cli.app import app
from azpay.cli.commands import CommandGroup
from azpay.cli.table import TABLE, Group

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"`azpay ([a-z]+)[^`]*`")
BEFORE_A_COMMAND = re.compile(r"[A-Z_]+=.*|uv|run|--no-dev|[\d*,/-]+")
STANDS_FOR_MORE = "…"

VARYING = (
    (re.compile(r"\b(pay|ref|op|run|drf|cus|pm|pi|ch|re|txn|evt)_[A-Za-z0-9]{14,}"), r"\1_"),
    (re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?"), "DATE"),
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def typed(page: Path) -> Iterator[str]:
    """The lines that a reader may type or put into a crontab."""
    for language, block in FENCE.findall(page.read_text("utf-8")):
        lines = [line.strip() for line in block.splitlines()]
        if language == "console":
            yield from (line.removeprefix("$ ") for line in lines if line.startswith("$ "))
        elif language in {"sh", "cron"}:
            yield from lines


def simple_commands(line: str) -> Iterator[list[str]]:
    """The parts of a line between pipes and the like, without where their output goes."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    words.whitespace_split = True
    command: list[str] = []
    redirected = False
    for word in words:
        if set(word) <= set("|&;"):
            yield command
            command = []
        elif not redirected and word not in {"<", ">"}:
            command.append(word)
        redirected = word in {"<", ">"}
    yield command


def calls(page: Path) -> Iterator[list[str]]:
    """The arguments of every call of azpay on the page."""
    for command in chain.from_iterable(map(simple_commands, typed(page))):
        if "azpay" in command:
            at = command.index("azpay")
            if all(BEFORE_A_COMMAND.fullmatch(word) for word in command[:at]):
                yield command[at + 1 :]


def understand(group: Any, name: str, args: list[str], parent: Any = None) -> None:
    """Read a command line to its end, as azpay would, without doing what it says."""
    with group.make_context(name, args, parent=parent) as ctx:
        if isinstance(group, CommandGroup):
            word, command, rest = group.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
            understand(command, str(word), rest, ctx)


CALLS = [(relative(page), args) for page in PAGES for args in calls(page) if args != ["--version"]]


@pytest.mark.parametrize("args", [args for _, args in CALLS], ids=[f"{page}: {args}" for page, args in CALLS])
def test_a_command_line_in_the_documentation_is_understood(args: list[str]) -> None:
    understand(get_command(app), "azpay", args)


def test_the_documentation_shows_many_command_lines() -> None:
    shown = {tuple(args) for _, args in CALLS}

    assert len(shown) > 60


def test_a_command_line_that_is_wrong_is_not_understood() -> None:
    with pytest.raises(Exception, match="No such option: --plam"):
        understand(get_command(app), "azpay", ["reconcile", "--plam", "x.json"])


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_command_that_a_page_names_exists(page: Path) -> None:
    known = {entry.name for entry in TABLE}

    named = set(NAMED.findall(prose(page)))

    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_link_leads_to_a_page_and_to_a_heading_on_it(page: Path) -> None:
    broken = []
    for path, part in LINK.findall(prose(page)):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (part and part not in map(anchor, headings(target))):
            broken.append(f"{path}#{part}")

    assert broken == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=relative)
def test_a_page_can_be_found(page: Path) -> None:
    linking = {
        (other.parent / path).resolve()
        for other in PAGES
        if other != page
        for path, _ in LINK.findall(prose(other))
        if path
    }

    assert page == DOCS / "index.md" or page.resolve() in linking


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_the_readme_shows_every_command(entry: Any) -> None:
    text = README.read_text("utf-8")

    assert re.search(rf"^(?:pip .* )?azpay {entry.name}\b", text, re.MULTILINE)


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints() -> None:
    command = [sys.executable, "-m", "azpay", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)

    printed = iter(steady(done.stdout).splitlines())
    missing = [line for line in captured() if line not in printed]

    assert missing == []


def captured() -> list[str]:
    """The lines that the README says the demo prints, in their order."""
    [capture] = [
        block for language, block in FENCE.findall(README.read_text("utf-8")) if language == "console"
    ]
    return [line for line in steady(capture).splitlines() if line not in {STANDS_FOR_MORE, ""}]


def steady(text: str) -> str:
    """Without what differs from run to run."""
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("page", [README, DOCS / "reference" / "exit-statuses.md"], ids=relative)
def test_the_exit_statuses_are_those_of_the_code(page: Path) -> None:
    of_reconcile = {reconcile.DIFFERS, reconcile.INCOMPLETE}
    known = {0, failures.INTERRUPTED} | of_reconcile | set(failures.EXIT_STATUS.values())

    told = [int(status) for status in re.findall(r"^\| (\d+) \|", page.read_text("utf-8"), re.MULTILINE)]

    assert told == sorted(known)


def test_every_json_document_is_described() -> None:
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "azpay").rglob("*.py"))
    written = set(re.findall(r'"(azpay\.\w+/\d+)"', sources))

    described = {heading for heading in headings(DOCS / "reference" / "json.md") if "/" in heading}

    assert described == written


@pytest.mark.parametrize("event", HANDLERS.events)
def test_an_event_with_a_handler_is_among_those_to_send(event: str) -> None:
    page = (DOCS / "howto" / "webhooks.md").read_text("utf-8")

    told = re.findall(r"`([a-z_]+\.[a-z_*.]+)`", page)

    assert any(fnmatch(event, pattern) for pattern in told)


def test_the_generated_pages_are_current() -> None:
    generated: dict[Path, str] = runpy.run_path(str(DOCS / "reference" / "generate.py"))["pages"]()

    stale = [relative(page) for page, text in generated.items() if page.read_text("utf-8") != text]

    assert stale == [], "run `python docs/reference/generate.py`"


def test_a_command_of_a_group_is_in_the_reference() -> None:
    known = headings(DOCS / "reference" / "commands.md")

    words = [
        f"azpay {entry.name} {row.name}" for entry in TABLE if isinstance(entry, Group) for row in entry.rows
    ]

    assert set(words) <= set(known)


def test_decisions_are_numbered_without_gaps_and_indexed() -> None:
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    index = (DECISIONS / "index.md").read_text("utf-8")

    numbers = [int(page.name[:4]) for page in pages]

    assert numbers == list(range(1, len(pages) + 1))
    assert [page.name for page in pages if f"[{headings(page)[0][6:]}]({page.name})" not in index] == []


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("[0-9]*.md")), ids=relative)
def test_a_decision_fits_on_a_page_and_says_what_follows(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()

    assert len(lines) <= 60
    assert headings(page)[0].startswith(f"{page.name[:4]}. ")
    assert headings(page)[1:4] == ["Context", "Decision", "Consequences"]


MACHINES = (
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "artif" + "actory",
    "/" + "work/",
    "/" + "root/",
)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_no_file_names_a_package_index_or_somebodys_machine() -> None:
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]

    found = [
        f"{relative(file)}: {word}"
        for file in files
        if file.is_file()
        for word in MACHINES
        if word.encode() in file.read_bytes()
    ]

    assert found == []
