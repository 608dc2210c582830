"""
How an HTTPRoute shares its requests between a service, whose route it is, and its new version.

Weights are percentages: those of both together are 100. A service that takes no part is not among the backends. Rules
are changed as they are in the cluster, so what somebody else has added to them stays, such as filters and time-outs.
Their backends become these two and no others.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from eas_host.cluster.traffic import SERVICE_PORT

MOST: Final = 100
"""The weight with which a service gets all requests."""
_DURATION: Final = re.compile(r"([0-9]+)(h|ms|m|s)")
"""A part of a duration, as the Gateway API has them (GEP-2257)."""
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""In seconds."""


def share_rules(route: Mapping[str, Any], old: str, new: str, weight: int | None) -> list[dict[str, Any]]:
    """
    Make the rules of the HTTPRoute *route* in which the new version gets *weight* percent of the requests; None: it
    takes no part. *old* and *new* are the names of the two Services.
    """
    rules: list[dict[str, Any]] = copy.deepcopy(route["spec"]["rules"])
    for rule in rules:
        if _names(rule) & {old, new}:
            rule["backendRefs"] = _backends(old, new, weight)
    return rules


def weight_of(route: Mapping[str, Any], new: str) -> int | None:
    """
    Return the percentage of the requests that the Service *new* gets; None if it takes no part.
    """
    for rule in route["spec"].get("rules", ()):
        weights = {one["name"]: int(one.get("weight", 1)) for one in rule.get("backendRefs", ())}
        if new in weights:
            return round(MOST * weights[new] / (sum(weights.values()) or 1))
    return None


def keep_share(made: dict[str, Any], stored: Mapping[str, Any]) -> None:
    """
    Have *made*, the route of another version of a service, share its requests as *stored* does, the route that there
    is, and wait as long for an answer.
    """
    for rule in made["spec"]["rules"]:
        for kept in stored["spec"].get("rules", ()):
            if _names(kept) > _names(rule):
                rule["backendRefs"] = copy.deepcopy(kept["backendRefs"])
                lengthen(rule, seconds_of(kept))


def lengthen(rule: dict[str, Any], seconds: float) -> bool:
    """
    Have *rule* wait for so many *seconds* for an answer, and no less than it does. Returns whether that changes it.
    """
    if seconds <= seconds_of(rule):
        return False
    others = {name: text for name, text in rule.get("timeouts", {}).items() if name != "request"}
    rule["timeouts"] = others if math.isinf(seconds) else {**others, "request": f"{math.ceil(seconds)}s"}
    return True


def seconds_of(rule: Mapping[str, Any]) -> float:
    """
    Return how long *rule* waits for an answer; without a time-out, or with one of zero, as the Gateway
    API says, there is no end.
    """
    text = rule.get("timeouts", {}).get("request", "")
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(text)) or math.inf


def _names(rule: Mapping[str, Any]) -> set[str]:
    """
    The names of the Services of *rule*.
    """
    return {one["name"] for one in rule.get("backendRefs", ())}


def _backends(old: str, new: str, weight: int | None) -> list[dict[str, Any]]:
    if weight is None:
        return [{"name": old, "port": SERVICE_PORT}]
    shares = ((old, MOST - weight), (new, weight))
    return [{"name": name, "port": SERVICE_PORT, "weight": part} for name, part in shares]
