"""
What a deployment becomes under a debugger: its first processor, with one worker that calls it in one thread.

A call that is held has no deadline, nothing runs again or is replaced behind the user's back, and nobody asks first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from eas_host.config.option_types import Address
from eas_host.deploy.deployment import Deployment
from eas_host.errors import ConfigError
from eas_host.service.invocation import ENDLESS

DEFAULTS: Final[Mapping[str, Any]] = {"listen": Address("127.0.0.1", 0)}
_GRACE_SECONDS: Final = 0.5
"""At the end of a debugger its call is not waited for: it may be held for ever."""
_FIXED: Final = frozenset({"keepalive", "worker_threads", "worker_processes"})


def for_debugger(deployment: Deployment, **spec: Any) -> Deployment:  # noqa: ANN401  fields of WorkerSpec
    """
    Return *deployment* as it runs under a debugger; fields of its *spec* are replaced.

    Raises:
        ConfigError: its worker would not be within a debugger's reach.
    """
    config, processor = deployment.config, deployment.processors[0]
    if processor.spec.confined:
        option = "--user" if config.user else "--sandbox"
        raise ConfigError(f"{option}: no debugger reaches into such a worker; drop it")
    explicit = config.explicit | _FIXED
    own = processor.spec.replace(threads=1, explicit=tuple(sorted(explicit)), **spec)
    config = replace(
        config,
        keepalive=ENDLESS,
        hang_timeout=0.0,
        worker_threads=1,
        worker_processes=1,
        no_retry=True,
        crash_block=True,
        reload=False,
        grace_period=_GRACE_SECONDS,
        explicit=explicit,
    )
    return replace(deployment, config=config, processors=(replace(processor, spec=own),), warm_up=None)
