"""
Makes the site of the documentation complete, as a hook of mkdocs (mkdocs.yml).

The texts are written to be read in the repository, where they lie beside what they are about. So pages that are not in
docs/ are added here, with the references that `docs_references` makes; and links, which lead from file to file of the
repository, are turned to the pages, and to files beside them in docs/. A file that is no text of the documentation,
such as the source of an example, gets a page with what is in it, so that the site alone is enough. What has no page at
all, such as a folder, is named without a link.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docs_references import REFERENCES
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

_ROOT: Final = Path(__file__).resolve().parent.parent
_LINK: Final = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_CODE_WITH_BAR: Final = re.compile(r"`(?P<code>[^`]*\\\|[^`]*)`")
_FENCE: Final = re.compile(r"^(```|~~~)")
_OTHERS: Final = {
    "index.md": "README.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "bench.md": "bench/README.md",
    "examples/image_classification/overview.md": "examples/image_classification/README.md",
    **{
        f"examples/{example}/{language}.md": f"examples/{example}/{language}/README.md"
        for example in ("echo", "image_classification")
        for language in ("cpp", "java", "python")
    },
}
"""The file in the repository of each page that is not in docs/."""

_SOURCES: Final = "source"
"""The folder, in the site, of the pages that show a file."""
_LANGUAGES: Final = {".cc": "cpp", ".h": "cpp", ".java": "java", ".py": "python", ".service": "ini"}
"""How files are coloured, by their ending."""

_PICTURES: Final = (_ROOT / "bench" / "last.svg",)
_SCREENSHOTS: Final = {
    "ui-light-1280": "The page by day",
    "ui-dark-1280": "The page by night",
    "ui-crash": "What it shows of an exception and of a crash",
    "ui-light-360": "The page on a phone",
}
"""The pictures of a service's page that `make screenshots` makes, and what they show."""
_SCREENSHOTS_PLACE: Final = "<!-- screenshots -->"
"""Where they stand in docs/operating.md, if there are any."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """
    Add the pages that are not in docs/, and those of the files that the texts link to.
    """
    texts = [*_OTHERS.values(), *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    for shown in sorted({target for text in dict.fromkeys(texts) for target in _linked_files(text)}):
        shown_page = File.generated(config, f"{_SOURCES}/{shown}.md", content=_source_page(shown))
        shown_page.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(shown_page)
    for page, source in _OTHERS.items():
        files.append(File.generated(config, page, content=(_ROOT / source).read_text("utf-8")))
    for picture in _PICTURES:
        files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    for name in _screenshots():
        files.append(File.generated(config, f"{name}.png", abs_src_path=str(_screenshot(name))))
    for name, write in REFERENCES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=write()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  mkdocs gives it
    """
    Turn the links of *page* to other pages and files of the site.
    """
    here = page.file.src_uri
    if here.startswith(f"{_SOURCES}/"):
        return markdown
    source = _OTHERS.get(here, f"docs/{here}")
    pages = {f"docs/{file.src_uri}": file.src_uri for file in files}
    pages |= {other: uri for uri, other in _OTHERS.items()}
    pages |= {
        file.src_uri.removeprefix(f"{_SOURCES}/").removesuffix(".md"): file.src_uri
        for file in files.documentation_pages()
        if file.src_uri.startswith(f"{_SOURCES}/")
    }

    def turn(match: re.Match[str]) -> str:
        path, mark, anchor = match["target"].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return match[0]
        target = _target(source, path)
        if target not in pages and f"{target}/README.md" in pages:
            target = f"{target}/README.md"
        if target in pages:
            there = posixpath.relpath(pages[target], posixpath.dirname(here) or ".")
            return f"[{match['text']}]({there}{mark}{anchor})"
        # A wrong link stays, and mkdocs names it.
        return match["text"] if (_ROOT / target).exists() else match[0]

    lines = []
    in_code = False
    for line in markdown.replace(_SCREENSHOTS_PLACE, _figures()).split("\n"):
        if _FENCE.match(line.lstrip()):
            in_code = not in_code
        if not in_code:
            line = _LINK.sub(turn, line)  # noqa: PLW2901  the line as the site has it
            if line.startswith("|"):
                line = _CODE_WITH_BAR.sub(_without_backslash, line)  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines)


def _without_backslash(match: re.Match[str]) -> str:
    """
    Write code in a table as HTML: GitHub takes the backslash before a bar away there, and Python-Markdown shows it.
    """
    code = html.escape(match["code"].replace("\\|", "|"), quote=False).replace("|", "&#124;")
    return f"<code>{code}</code>"


def _target(source: str, path: str) -> str:
    """
    Return the path in the repository that a link to *path* in the file *source* leads to.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


def _linked_files(source: str) -> Iterator[str]:
    """
    Yield the files of the repository, other than Markdown, that the text *source* links to. Hidden ones are no pages of
    mkdocs.
    """
    for match in _LINK.finditer((_ROOT / source).read_text("utf-8")):
        path = match["target"].partition("#")[0]
        target = _target(source, path)
        hidden = any(part.startswith(".") for part in target.split("/"))
        if path and not hidden and not target.endswith((".md", ".svg")) and (_ROOT / target).is_file():
            yield target


def _source_page(path: str) -> str:
    """
    Show the file *path* of the repository on a page, which the search leaves out.
    """
    name = posixpath.basename(path)
    language = _LANGUAGES.get(posixpath.splitext(path)[1], "text")
    text = (_ROOT / path).read_text("utf-8").rstrip("\n")
    return f"---\nsearch: {{exclude: true}}\n---\n\n# {name}\n\n`{path}`\n\n~~~~~{language}\n{text}\n~~~~~\n"


def _figures() -> str:
    """
    Show the screenshots that are there, each below what it shows. A part of them would be of different pages.
    """
    return "\n\n".join(f"{text}:\n\n![{text}]({name}.png)" for name, text in _screenshots().items())


def _screenshots() -> dict[str, str]:
    return _SCREENSHOTS if all(_screenshot(name).exists() for name in _SCREENSHOTS) else {}


def _screenshot(name: str) -> Path:
    return _ROOT / "build" / "screenshots" / f"{name}.png"
