"""
What an editor needs to complete and check a service description: the schema, and settings of VS Code.

Both lie in `.vscode`, which no package gets. Other editors find the schema by the description's first line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from eas_host.errors import ConfigError

FOLDER: Final = Path(".vscode")
SCHEMA: Final = FOLDER / "eas-service.schema.json"
SETTINGS: Final = FOLDER / "settings.json"
_DESCRIPTIONS: Final = ("service.json", "app.json")
_SETTINGS: Final[dict[str, Any]] = {
    "files.associations": dict.fromkeys(_DESCRIPTIONS, "jsonc"),  # JSON with comments
    "json.schemas": [{"fileMatch": [f"/{name}" for name in _DESCRIPTIONS], "url": f"./{SCHEMA}"}],
}


def render() -> dict[str, str]:
    """
    Return the texts of both files, by their paths in a project's folder.
    """
    from eas_host.description import schema  # noqa: PLC0415  it takes pydantic 0.2 s

    return {str(SCHEMA): _as_text(schema()), str(SETTINGS): _as_text(_SETTINGS)}


def install(folder: Path) -> list[str]:
    """
    Write both files into *folder*. The schema is always the present one; settings that are there already are the
    user's, and stay. Returns what is to be told.

    Raises:
        ConfigError: a file cannot be written.
    """
    texts = render()
    told = []
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        (folder / SCHEMA).write_text(texts[str(SCHEMA)], encoding="utf-8")
        told.append(f"[OK] {folder / SCHEMA}")
        settings = folder / SETTINGS
        if not settings.exists():
            settings.write_text(texts[str(SETTINGS)], encoding="utf-8")
            told.append(f"[OK] {settings}")
        elif SCHEMA.name not in settings.read_text(encoding="utf-8", errors="replace"):
            told += [f"{settings} is there already; add this to it:", *texts[str(SETTINGS)].splitlines()[1:-1]]
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}; the schema is written there") from error
    told.append(f'Other editors read it if the description begins with "$schema": "./{SCHEMA}".')
    return told


def _as_text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
