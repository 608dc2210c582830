"""
`os.register_at_fork`, also for Python 3.6, which has no such hooks: there they are called by a wrapper of `os.fork`,
through which `multiprocessing` forks, too.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Hook = Callable[[], object]


def register(
    *,
    before: "Hook | None" = None,
    after_in_parent: "Hook | None" = None,
    after_in_child: "Hook | None" = None,
) -> None:
    """
    Call *before* before each fork, the last one registered first, and the others after it, in order.
    """
    hooks = {"before": before, "after_in_parent": after_in_parent, "after_in_child": after_in_child}
    _register(**{name: hook for name, hook in hooks.items() if hook is not None})


def _wrap_fork(
    *, before: "Hook" = lambda: None, after_in_parent: "Hook" = lambda: None, after_in_child: "Hook" = lambda: None
) -> None:
    """
    Register hooks by a wrapper around the present `os.fork`: wrappers that came earlier are within it.
    """
    inner = os.fork

    def fork() -> int:
        before()
        try:
            child = inner()
        except BaseException:
            after_in_parent()
            raise
        (after_in_parent if child else after_in_child)()
        return child

    os.fork = fork


_register = getattr(os, "register_at_fork", _wrap_fork)
