"""
Gives a new version more and more requests, and watches it.

Each step lasts for a stated time, and longer if the new version has had too few requests to be judged by then. In all
of that time it is compared with the old version by what both have answered since the step began; where that gets too
few requests, since the new one has nearly all, by what the old one answered in an earlier step. A new version that is
worse gets the weight that it had before the first step. Whoever stops watching leaves the weights as they are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from eas_host.errors import ClusterError, RolloutFailed
from eas_host.management.console import Console
from eas_host.management.kubernetes_api import KubernetesApi, ObjectExists
from eas_host.management.release.judgement import LEAST_REQUESTS, Judgement, Verdict, judge, p99
from eas_host.management.release.request_counts import RequestCounts
from eas_host.management.release.request_meter import NoInstance, RequestMeter
from eas_host.management.release.service_pair import GROUPING, ServicePair, check_ready, get_pair, set_share

_INTERVAL: Final = 2.0
"""Seconds between two looks, at most: each is a request to every instance."""
_LOOKS: Final = 10
"""In a short step, as many looks as this."""
_REPEAT_SECONDS: Final = 10.0
"""A line of progress comes so often."""
_PATIENCE_SECONDS: Final = 30.0
"""How long metrics may not be read: an API server that is replaced is away for less."""
_ABSENCE_SECONDS: Final = 5.0
"""How long a version may have no instance that takes requests: no good one ever has none."""
_TRIES: Final = 20
"""How often a share is set over: a Gateway writes to the status of the route all the time."""


@dataclass(frozen=True)
class ReleasePlan:
    """
    What is to be done.

    Attributes:
        weights: the percentages that the new version gets, one after the other.
        seconds: how long each step is watched at least.
        patience: seconds that a step may last longer than that, while it has had too few requests.
    """

    weights: Sequence[int]
    seconds: float
    patience: float


class StepwiseRelease:
    """
    Carries out *plan* for *pair*.

    Args:
        api: the cluster.
        pair: the two versions.
        tokens: of the old and of the new version; empty for none.
        plan: what is to be done.
        console: where it is told.
    """

    def __init__(
        self, api: KubernetesApi, pair: ServicePair, tokens: tuple[str, str], plan: ReleasePlan, console: Console
    ) -> None:
        self._api = api
        self._pair = pair
        self._before = (pair.last_weight, pair.traffic) if pair.traffic != GROUPING else (pair.weight, GROUPING)
        self._plan = plan
        self._console = console
        self._meters = [
            RequestMeter(api, one.name, one.base, token)
            for one, token in zip((pair.old, pair.new), tokens, strict=True)
        ]
        self._usual = RequestCounts()  # what the old version answered in the last step in which it had enough requests

    def run(self) -> None:
        """
        Go through all steps.

        Raises:
            RolloutFailed: the new version is worse, and has the weight again that it had before; or it has had too few
                requests, and keeps its weight.
            ClusterError: the cluster refuses, or the metrics cannot be read, and nothing has been changed.
            KeyboardInterrupt: by Ctrl+C, after a line that says how to look, and how to go back.
        """
        for meter in self._meters:
            meter.read()
        number = len(self._plan.weights)
        try:
            for step, weight in enumerate(self._plan.weights, 1):
                self._begin(weight)
                judgement = self._watch()
                self._console.ok(f"Step {step} of {number}, weight {weight}: {judgement.reason}")
        except KeyboardInterrupt:
            self._console.say(f"The weights stay as they are; {self._advice()}")
            raise

    def _begin(self, weight: int) -> None:
        """
        Begin a step.
        """
        before = self._set_share(weight, GROUPING)
        self._console.ok(release_message(self._api, before, weight))
        self._pair = get_pair(self._api, before.new.name)

    def _set_share(self, weight: int, traffic: str) -> ServicePair:
        """
        Give the new version another share, and return the pair as it was before.

        Raises:
            RolloutFailed: somebody else has changed the share since this command did, so it is theirs.
            ClusterError: who gains requests has no instance that takes them, or the cluster refuses.
        """
        known, name = self._pair, self._pair.new.name
        for _ in range(_TRIES):
            pair = get_pair(self._api, name)
            if (pair.weight, pair.traffic) != (known.weight, known.traffic):
                raise RolloutFailed(
                    f"{name}: somebody else has changed its share, from {known.weight} to {pair.weight} %;"
                    " this command changes it no more"
                )
            check_ready(pair, weight if traffic == GROUPING else 0)
            try:
                set_share(self._api, pair, weight, traffic)
            except ObjectExists:
                continue
            return pair
        raise ClusterError(f"{name}: its route changes all the time, so its share could not be set; try again")

    def _watch(self) -> Judgement:
        """
        Watch until the new version is known to be good.
        """
        begun = time.monotonic()
        counts = [RequestCounts(), RequestCounts()]
        told, warned = begun, False
        sights = _Sight(), _Sight()
        interval = min(_INTERVAL, self._plan.seconds / _LOOKS)
        while True:
            time.sleep(interval)
            read = [self._read(meter, sight) for meter, sight in zip(self._meters, sights, strict=True)]
            counts = [sum_ + (more or RequestCounts()) for sum_, more in zip(counts, read, strict=True)]
            if None in read:
                continue
            old, new = counts
            if old.requests >= LEAST_REQUESTS:
                self._usual = old
            known = old if old.requests >= min(LEAST_REQUESTS, self._usual.requests) else self._usual
            judgement = judge(known, new)
            watched = time.monotonic() - begun
            if judgement.verdict is Verdict.WORSE:
                self._go_back(judgement.reason)
            if judgement.verdict is Verdict.GOOD and watched >= self._plan.seconds:
                return judgement
            if watched >= self._plan.seconds + self._plan.patience:
                self._keep(f"{judgement.reason}, in {watched:.0f} s")
            if watched >= self._plan.seconds and not warned:
                warned = True
                self._console.warn(f"{judgement.reason}; the step lasts on, for {self._plan.patience:g} s at most")
            if time.monotonic() - told >= _REPEAT_SECONDS:
                told = time.monotonic()
                self._console.ok(self._progress(watched, old, new))

    def _read(self, meter: RequestMeter, sight: _Sight) -> RequestCounts | None:
        """
        Return what a version has answered since the last look; None if that is not known just now.

        Raises:
            RolloutFailed: nothing has been known of it for too long. Without instances of the old version the new one
                keeps its weight: there is nobody to go back to.
        """
        try:
            counts = meter.read()
        except ClusterError as error:
            if not sight.is_lost(error):
                return None
            if isinstance(error, NoInstance) and meter is self._meters[0]:
                self._keep(error.message)
            self._go_back(error.message)
        sight.gained()
        return counts

    def _progress(self, watched: float, old: RequestCounts, new: RequestCounts) -> str:
        """
        Say what was seen of both versions.
        """
        seen = [
            f"{name}: {counts.requests} requests, {100 * counts.failure_rate:.1f} % failed, p99 {p99(counts)}"
            for name, counts in ((self._pair.old.name, old), (self._pair.new.name, new))
        ]
        return f"Watching [{watched:.0f} of {self._plan.seconds:g} s; {'; '.join(seen)}]"

    def _keep(self, reason: str) -> NoReturn:
        """
        End, and leave the weights as they are.
        """
        new = self._pair.new.name
        raise RolloutFailed(f"{new}: keeps the weight {self._pair.weight}: {reason}; {self._advice()}")

    def _go_back(self, reason: str) -> NoReturn:
        """
        Give the new version the share that it had before.
        """
        name, (weight, traffic) = self._pair.new.name, self._before
        shown = f"the weight {weight}" if traffic == GROUPING else "no requests"
        try:
            self._set_share(weight, traffic)
        except ClusterError as error:
            raise RolloutFailed(
                f"{name}: {reason}; but it keeps its weight: {error.message}; {self._advice()}"
            ) from error
        raise RolloutFailed(f"{name}: has {shown} again, as before: {reason}")

    def _advice(self) -> str:
        new = self._pair.new.name
        return f"`eas-host list` shows them, and `eas-host release {new} --weight 0` goes back"


class _Sight:
    """
    Knows since when nothing could be read.
    """

    def __init__(self) -> None:
        self._lost: float | None = None

    def gained(self) -> None:
        """
        Something was read.
        """
        self._lost = None

    def is_lost(self, error: ClusterError) -> bool:
        """
        Tell whether nothing could be read for too long, with *error* as the last reason.
        """
        now = time.monotonic()
        self._lost = now if self._lost is None else self._lost
        return now - self._lost >= (_ABSENCE_SECONDS if isinstance(error, NoInstance) else _PATIENCE_SECONDS)


def release_message(api: KubernetesApi, pair: ServicePair, weight: int) -> str:
    """
    What EAS's API says of a release: the new version of *pair*, as it was before, has got *weight*.
    """
    where = f"service [{pair.new.name}] in region [{api.namespace}]"
    return f"Releasing {where} with weight [{weight}], service status: [{pair.new.status}]"
