r"""
Which libraries are left out of a package, because the machine where it runs must have its own.

Rule: a library is left out if a copy from another machine would do harm or would not be used. All others are packed,
also those of `/usr/lib`, because the image of a server has no OpenCV.

- glibc: its libraries and the dynamic linker belong together, because they call each other through `GLIBC_PRIVATE`
  symbols, which fit one build only; and a package cannot bring a dynamic linker. The list is that of manylinux2014 (PEP
  599), with glibc's smaller libraries, and without what PEP 599 expects of a desktop: X11, GL and GLib are packed. So
  is `libcrypt.so.1`, which does not belong to glibc any more.
- The C++ runtime: the program that loads a processor is written in C++ and has loaded its own, so the dynamic linker
  would never load a second one. A processor that must not depend on it is linked with `-static-libstdc++`.
- Drivers: the other half of a driver is in the kernel.
"""

from __future__ import annotations

import re
from typing import Final

_GLIBC: Final = r"""
    (ld-linux[\w-]*|ld64)\.so\.\d+ | linux-vdso\.so\.1
    | libc\.so\.6 | libm\.so\.6 | libmvec\.so\.1 | libdl\.so\.2 | libpthread\.so\.0 | librt\.so\.1 | libutil\.so\.1
    | libresolv\.so\.2 | libnsl\.so\.1 | libanl\.so\.1 | libthread_db\.so\.1 | libBrokenLocale\.so\.1
    | libnss_(compat|db|dns|files|hesiod)\.so\.2
    | libc\.musl-\w+\.so\.1 | ld-musl-\w+\.so\.1
"""
_RUNTIME: Final = r"libstdc\+\+\.so\.6 | libgcc_s\.so\.1"
_DRIVERS: Final = r"""
    (libcuda|libcudadebugger|libnvcuvid|libnvoptix)\.so\.\d+ | libnvidia-[\w-]+\.so(\.[\d.]+)?
    | lib(GLX|EGL|GLESv1_CM|GLESv2|vdpau)_nvidia\.so(\.[\d.]+)?
"""
_COMPONENTS: Final = {
    "glibc": re.compile(_GLIBC, re.VERBOSE),
    "C++ runtime": re.compile(_RUNTIME, re.VERBOSE),
    "driver": re.compile(_DRIVERS, re.VERBOSE),
}


def component_of(name: str) -> str | None:
    """
    Tell which component of the system the library *name* belongs to: `glibc`, `C++ runtime` or `driver`; None if it is
    to be packed.
    """
    return next((component for component, pattern in _COMPONENTS.items() if pattern.fullmatch(name)), None)
