r"""
The libraries that are left out of a package, because the machine where it runs must have its own.

Rule: a library stays behind if one from another machine does harm or no good; all others are taken, those of
`/usr/lib` too, since a server's image has no OpenCV.

- glibc's are parts of one program with the dynamic linker, which is not ours to bring (the `GLIBC_PRIVATE` symbols
  they call each other by fit one build only). The list is that of manylinux2014 (PEP 599), with glibc's smaller
  libraries, and without what PEP 599 expects of a desktop: X11, GL and GLib are taken. So is `libcrypt.so.1`, which is
  not glibc's any more.
- The C++ runtime. Whoever opens a processor is written in C++ and has its own loaded already, so the dynamic linker
  would never look at a second one. A processor that must not depend on it is linked with `-static-libstdc++`.
- Drivers, of which the kernel has the other half.
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
_BASE: Final = {
    "glibc": re.compile(_GLIBC, re.VERBOSE),
    "C++ runtime": re.compile(_RUNTIME, re.VERBOSE),
    "driver": re.compile(_DRIVERS, re.VERBOSE),
}


def part_of(name: str) -> str | None:
    """
    What of the system the library *name* is a part of: `glibc`, `C++ runtime`, `driver`; None: it is to be taken.
    """
    return next((part for part, pattern in _BASE.items() if pattern.fullmatch(name)), None)
