"""
Everything that the code and the documents cite exists: each section of docs/eas-compatibility.md, each of its sources,
and each file and heading that a Markdown link names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build import ROOT

PACKAGE = ROOT / "host" / "eas_host"
COMPATIBILITY = ROOT / "docs" / "eas-compatibility.md"
NAME = f"docs/{COMPATIBILITY.name}"
FOLDERS = ("bench", "docs", "examples", "host", "java", "native", "scripts", "tests")
ENDINGS = frozenset({".c", ".cc", ".h", ".java", ".md", ".py", ".pyi", ".sh"})
BUILT = frozenset({"build", "node_modules", "__pycache__"})

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
NUMBER = re.compile(r"^(\d+(?:\.\d+)*)\.? ")
LINK = re.compile(r"\]\(([^)\s]+)\)")
LEADER = re.compile(r"\n[ \t]*(?:#|//|\*)?[ \t]*")
"""The end of a line, with what begins the next line of a comment."""
SECTION = r"\d+(?:\.\d+)*"
CITATION = re.compile(rf"{re.escape(NAME)}(?:, sections? ({SECTION}(?:(?:, | and ){SECTION})*))?")


def documents() -> list[Path]:
    """All but templates, whose links lead to what is written beside them."""
    found = [*sorted(ROOT.glob("*.md")), *(path for path in sources() if path.suffix == ".md")]
    return [path for path in found if "templates" not in path.parts]


def sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS and not BUILT & set(path.relative_to(ROOT).parts) and path.is_file():
                yield path


def prose(path: Path) -> str:
    """The text of a document, without what it shows as code."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def headings(path: Path) -> list[str]:
    return HEADING.findall(prose(path))


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sections() -> list[str]:
    return [number[1] for heading in headings(COMPATIBILITY) if (number := NUMBER.match(heading))]


def citations(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The citations in a file of code, each with the numbers of its sections."""
    text = LEADER.sub(" ", path.read_text(encoding="utf-8"))
    for match in CITATION.finditer(text):
        yield match[0], re.findall(SECTION, match[1] or "")


def test_section_numbers_are_unique_and_ascending() -> None:
    """A number is found by leafing through."""
    numbers = sections()
    assert numbers
    in_order = sorted(set(numbers), key=lambda number: [int(part) for part in number.split(".")])
    assert numbers == in_order


def test_cited_sections_exist() -> None:
    """Code that cites the document says which section, and the section is there."""
    known = set(sections())
    cited = 0
    for path in sources():
        if path.suffix == ".md" or path == Path(__file__):
            continue
        where = path.relative_to(ROOT)
        for text, numbers in citations(path):
            assert numbers, f"{where}: {text!r} names no section"
            assert set(numbers) <= known, f"{where}: {text!r}; sections: {sorted(known)}"
            cited += 1
        stray = re.findall(r"\S*compatibility\.md", path.read_text(encoding="utf-8"))
        assert all(word.endswith(NAME) for word in stray), f"{where}: {stray}; write {NAME}"
    assert cited


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_markdown_links_lead_to_existing_files_and_headings(document: Path) -> None:
    for link in LINK.findall(SPAN.sub("", prose(document))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, wanted = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), f"{link}: there is no such file"
        if wanted:
            assert wanted in {anchor(heading) for heading in headings(target)}, f"{link}: there is no such heading"


def test_cited_sources_and_the_list_of_sources_are_the_same() -> None:
    """Each source that a fact names is in the list with its address, and each in the list is named by a fact."""
    facts, _, listed = SPAN.sub("", prose(COMPATIBILITY)).partition("## 12. Sources")
    tag = r"\[([A-Z][A-Z0-9-]+)\]"
    named = set(re.findall(tag, facts))
    assert named
    assert set(re.findall(rf"^\| {tag} \|", listed, re.MULTILINE)) == named
    assert set(re.findall(rf"^{tag}: \S+$", listed, re.MULTILINE)) == named


PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|cc|h|java))\b")


def test_files_named_in_the_architecture_exist() -> None:
    """Their paths begin at the host's package, or at the top of the repository."""
    text = FENCE.sub("", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    named = set(PATH.findall(text)) - {"app.py"}
    assert len(named) > 20
    places = (ROOT, PACKAGE, PACKAGE.parent)
    assert [name for name in sorted(named) if not any((root / name).is_file() for root in places)] == []


@pytest.mark.parametrize(
    ("package", "before", "after"),
    [
        ("eas_host", "## The packages", "In `host/eas_runtime/`"),
        ("eas_runtime", "In `host/eas_runtime/`", "Beside them:"),
    ],
)
def test_architecture_names_exactly_the_packages_there_are(package: str, before: str, after: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index(before) : text.index(after)]
    named = {name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    paths = (ROOT / "host" / package).iterdir()
    there = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert named == there - {"__init__", "__main__"}
