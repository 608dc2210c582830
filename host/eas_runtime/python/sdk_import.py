"""
Makes sure that programs import our `allspark`, and finds others of that name.

There are two others: EAS's own wheel, which only old Pythons can load, and an unrelated package on PyPI
(docs/eas-compatibility.md, section 3.1).
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder

from eas_runtime.linking import places

_OURS = os.path.realpath(places.package("allspark"))


def import_our_allspark() -> None:
    """
    Import our `allspark`, even if another one comes first on the path.
    """
    if "allspark" in sys.modules:
        return
    init = os.path.join(_OURS, "__init__.py")
    spec = importlib.util.spec_from_file_location("allspark", init, submodule_search_locations=[_OURS])
    assert spec is not None  # noqa: S101  it is a file that we bring
    assert spec.loader is not None  # noqa: S101  the same
    module = importlib.util.module_from_spec(spec)
    sys.modules["allspark"] = module
    spec.loader.exec_module(module)


def warning_about_others() -> "str | None":
    """
    Return a warning if `python app.py` may import another `allspark` in place of ours; else None.
    """
    for entry in sys.path:
        spec = PathFinder.find_spec("allspark", [entry])
        locations = list(spec.submodule_search_locations or ()) if spec is not None else []
        origin = spec.origin if spec is not None else None
        found = origin if origin is not None else next(iter(locations), None)
        if found is None or f"{os.path.realpath(found)}/".startswith(f"{_OURS}/"):
            continue
        folder = os.path.dirname(found) if os.path.basename(found) == "__init__.py" else found
        return (
            f"there is another allspark, {_kind(folder)}, at {folder}; this host uses its own. {_advice(folder)},"
            " or `python app.py` may import that one"
        )
    return None


def _kind(folder: str) -> str:
    if any(name.startswith("liballspark") and ".so" in name for _, _, names in os.walk(folder) for name in names):
        return "the wheel of EAS"
    if _is_installed(folder):
        return "an unrelated package of that name"
    return "a module of that name"


def _advice(folder: str) -> str:
    if _is_installed(folder):
        return f"Remove it with `{sys.executable} -m pip uninstall allspark`"
    return "Rename or remove it"


def _is_installed(folder: str) -> bool:
    return {"site-packages", "dist-packages"} & set(folder.split("/")) != set()
