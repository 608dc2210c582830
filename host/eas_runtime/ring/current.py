"""
The form of the native library that this process uses. There is one: each has its own crash handler and its own log.
"""

from eas_runtime.ring.native import NativeLibrary

_chosen: "list[NativeLibrary]" = []  # none or one


def use(form: NativeLibrary) -> None:
    """
    Use this form of the library in this process. `eas_host.ring` calls this with its cffi module, before anything uses
    the other one.
    """
    assert not _chosen, "this process has loaded the native library already, in its other form"  # noqa: S101
    _chosen.append(form)


def library() -> NativeLibrary:
    """
    Return the library of this process; the plain one, unless another was chosen.

    Raises:
        ImportError: it cannot be loaded here.
    """
    if not _chosen:
        from eas_runtime.ring.ctypes_library import CtypesLibrary  # noqa: PLC0415  the host's processes need no ctypes

        use(CtypesLibrary())
    return _chosen[0]
