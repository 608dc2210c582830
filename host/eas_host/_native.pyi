# The native module, built from native/. cffi gives it no types; `ring` does.

from typing import Any

ffi: Any
lib: Any
