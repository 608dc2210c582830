# The native module, built from native/. cffi gives it no types; the package `eas_host.ring` has them.

from typing import Any

ffi: Any
lib: Any
