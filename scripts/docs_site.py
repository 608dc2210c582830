"""
Makes the site of the documentation complete, as a hook of mkdocs (mkdocs.yml).

The texts are written to be read in the repository, where they lie beside what they are about. So pages that are not in
docs/ are added here, with two references that are made from the definitions the host itself uses; and links, which lead
from file to file of the repository, are turned to the pages, and to files beside them in docs/. A file that is not on
the site is named without a link.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from eas_host.config import HostConfig
from eas_host.config.host import OPTIONS, flag, variable
from eas_host.description import schema
from eas_host.description.keys.declaration import CLOUD_ONLY, Definition
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.key_index import index_keys

_ROOT: Final = Path(__file__).resolve().parent.parent
_LINK: Final = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_FENCE: Final = re.compile(r"^(```|~~~)")
_OTHERS: Final = {
    "index.md": "README.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "bench.md": "bench/README.md",
    **{
        f"examples/{example}/{language}.md": f"examples/{example}/{language}/README.md"
        for example in ("echo", "image_classification")
        for language in ("cpp", "java", "python")
    },
}
"""The file in the repository of each page that is not in docs/."""

_PICTURES: Final = (_ROOT / "bench" / "last.svg",)

_OPTION_HEAD: Final = ("| flag | variable | default | |", "|---|---|---|---|")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """
    Add the pages that are not in docs/.
    """
    for page, source in _OTHERS.items():
        files.append(File.generated(config, page, content=(_ROOT / source).read_text("utf-8")))
    for picture in _PICTURES:
        files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    files.append(File.generated(config, "reference/options.md", content=_options()))
    files.append(File.generated(config, "reference/keys.md", content=_keys()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  mkdocs gives it
    """
    Turn the links of *page* to other pages and files of the site.
    """
    here = page.file.src_uri
    source = _OTHERS.get(here, f"docs/{here}")
    pages = {f"docs/{file.src_uri}": file.src_uri for file in files}
    pages |= {other: uri for uri, other in _OTHERS.items()}

    def turn(match: re.Match[str]) -> str:
        path, mark, anchor = match["target"].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if target in pages:
            there = posixpath.relpath(pages[target], posixpath.dirname(here) or ".")
            return f"[{match['text']}]({there}{mark}{anchor})"
        # A wrong link stays, and mkdocs names it.
        return match["text"] if (_ROOT / target).exists() else match[0]

    lines = []
    in_code = False
    for line in markdown.split("\n"):
        if _FENCE.match(line.lstrip()):
            in_code = not in_code
        lines.append(line if in_code else _LINK.sub(turn, line))
    return "\n".join(lines)


def _options() -> str:
    """
    The reference of options, as `--help-all` has them.
    """
    defaults = {field.name: field.default for field in fields(HostConfig)}
    rows = ["# Options", "", "A flag wins over its variable, and both over a service.json."]
    group = ""
    for name, option in OPTIONS.items():
        if option.group != group:
            group = option.group
            rows += ["", f"## {group[:1].upper()}{group[1:]}", "", *_OPTION_HEAD]
        default = defaults[name]
        shown = "" if default in (None, "", False, ()) else f"`{default}`"
        cells = (f"`{flag(name)} {option.metavar}`".replace(" `", "`"), f"`{variable(name)}`", shown, option.help)
        rows.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(rows) + "\n"


def _keys() -> str:
    """
    The reference of keys, as the schema for editors has them.
    """
    made = schema()
    parts = {"ServiceDefinition": made, **made["$defs"]}
    keys = dict(_keys_of(ServiceDefinition, "", parts))
    rows = [
        "# Keys of service.json",
        "",
        "How they are written, and what they mean together: [service.json](../service.md).",
    ]
    for heading, cloud_only in (("Keys that have an effect", False), ("Keys that only the cloud honours", True)):
        rows += ["", f"## {heading}", "", "| key | |", "|---|---|"]
        for name, value in keys.items():
            if value.get(CLOUD_ONLY, False) == cloud_only:
                rows.append(f"| `{_cell(name)}` | {_cell(value['description'])} |")
    return "\n".join(rows) + "\n"


def _keys_of(
    definition: type[Definition], prefix: str, parts: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield the keys of *definition* and of the objects in its lists, with *prefix* before their names, and their schemas
    from *parts*, by the names of definitions.
    """
    index = index_keys(definition)
    for name, key in index.keys.items():
        section = index.sections.get(".".join(key.data_path[:-1]), definition)
        yield prefix + name, parts[section.__name__]["properties"][key.data_path[-1]]
        if key.items is not None:
            yield from _keys_of(key.items, f"{prefix}{name}[].", parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
