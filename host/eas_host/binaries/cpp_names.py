"""
The names that C++ gives to functions and variables in a file, as their author wrote them.
"""

from __future__ import annotations

from typing import Final

_PREFIX: Final = "_Z"
_DEMANGLE: Final = "__cxa_demangle"
"""The function of the C++ runtime (Itanium C++ ABI)."""


def readable(symbol: str) -> str:
    """
    Return *symbol* as it is written in C++, with its own spelling behind it: "compute(double) (_Z7computed)". A name of
    C, or one that cannot be read, is returned as it is.
    """
    if not symbol.startswith(_PREFIX):
        return symbol
    import ctypes  # noqa: PLC0415  few processors lack a symbol, and every worker would load it

    try:
        demangle = getattr(ctypes.CDLL("libstdc++.so.6"), _DEMANGLE)
    except (OSError, AttributeError):
        return symbol
    demangle.argtypes = (ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
    demangle.restype = ctypes.c_void_p
    made = demangle(symbol.encode(), None, None, ctypes.byref(ctypes.c_int()))
    if not made:
        return symbol
    written = ctypes.string_at(made).decode("utf-8", "replace")
    free = ctypes.CDLL(None).free
    free.argtypes = (ctypes.c_void_p,)
    free.restype = None
    free(made)
    return f"{written} ({symbol})"
