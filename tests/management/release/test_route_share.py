"""
The weights in an HTTPRoute.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from eas_host.management.release.route_share import keep_share, lengthen, seconds_of, share_rules, weight_of

Object = dict[str, Any]


def route(*backends: Object, timeout: str = "35s") -> Object:
    match = {"path": {"type": "PathPrefix", "value": "/api/predict/scorer"}}
    rule = {"matches": [match], "timeouts": {"request": timeout}, "backendRefs": list(backends)}
    return {"kind": "HTTPRoute", "spec": {"parentRefs": [{"name": "main"}], "rules": [rule]}}


def backend(name: str, weight: int | None = None) -> Object:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight})}


ALONE = route(backend("old"))
SHARED = route(backend("old", 70), backend("new", 30))


@pytest.mark.parametrize("before", [ALONE, SHARED], ids=["alone", "shared"])
@pytest.mark.parametrize(
    ("weight", "backends"),
    [
        (None, [backend("old")]),
        (0, [backend("old", 100), backend("new", 0)]),
        (10, [backend("old", 90), backend("new", 10)]),
        (100, [backend("old", 0), backend("new", 100)]),
    ],
)
def test_share_is_read_as_it_is_written(before: Object, weight: int | None, backends: list[Object]) -> None:
    """All else in the rule stays, and so does the route that it is made of."""
    (kept,) = before["spec"]["rules"]
    text = str(before)
    (rule,) = share_rules(before, "old", "new", weight)
    assert rule == kept | {"backendRefs": backends}
    assert str(before) == text
    assert weight_of({"spec": {"rules": [rule]}}, "new") == weight


def test_rule_of_somebody_else_stays() -> None:
    """As one that leads another path elsewhere."""
    other = {"matches": [], "backendRefs": [backend("else")]}
    shared = {"spec": {"rules": [other, *ALONE["spec"]["rules"]]}}
    rules = share_rules(shared, "old", "new", 50)
    assert rules[0] == other
    assert weight_of({"spec": {"rules": rules}}, "new") == 50
    made = route(backend("old"))
    keep_share(made, {"spec": {"rules": rules}})
    assert weight_of(made, "new") == 50


@pytest.mark.parametrize(
    ("backends", "weight"),
    [
        ([backend("old"), backend("new")], 50),
        ([backend("old", 2), backend("new", 1)], 33),
        ([backend("old", 0), backend("new", 0)], 0),
        ([backend("old", 900), backend("new", 100)], 10),
    ],
)
def test_weights_of_somebody_else_are_read_as_percentages(backends: list[Object], weight: int) -> None:
    """They are proportions, and 1 where there is none, as the Gateway API says."""
    assert weight_of(route(*backends), "new") == weight


def test_another_version_of_the_old_one_keeps_the_share() -> None:
    made = route(backend("old"), timeout="10s")
    keep_share(made, SHARED)
    assert made["spec"]["rules"][0]["backendRefs"] == SHARED["spec"]["rules"][0]["backendRefs"]
    assert made["spec"]["rules"][0]["timeouts"] == {"request": "35s"}


def test_version_that_stands_alone_has_its_own_route() -> None:
    made = route(backend("old"), timeout="10s")
    keep_share(made, ALONE)
    assert made == route(backend("old"), timeout="10s")


@pytest.mark.parametrize(
    ("text", "seconds"), [("35s", 35.0), ("1m5s", 65.0), ("500ms", 0.5), ("1h2m", 3720.0), ("0s", math.inf)]
)
def test_duration_of_the_gateway_api(text: str, seconds: float) -> None:
    assert seconds_of({"timeouts": {"request": text}}) == seconds


def test_time_of_a_route_only_grows() -> None:
    rule = {"timeouts": {"request": "35s", "backendRequest": "1s"}}
    assert not lengthen(rule, 35)
    assert lengthen(rule, 35.5)
    assert rule == {"timeouts": {"request": "36s", "backendRequest": "1s"}}
    assert not lengthen({}, 1000), "without a time-out there is no end"
    assert lengthen(rule, math.inf)
    assert rule == {"timeouts": {"backendRequest": "1s"}}


def test_zero_is_no_time_but_none() -> None:
    rule = {"timeouts": {"request": "0s"}}
    assert not lengthen(rule, 65)
    assert rule == {"timeouts": {"request": "0s"}}


def test_route_from_which_somebody_took_the_time_waits_on() -> None:
    shared = route(backend("old", 70), backend("new", 30))
    del shared["spec"]["rules"][0]["timeouts"]
    made = route(backend("old"), timeout="10s")
    keep_share(made, shared)
    assert seconds_of(made["spec"]["rules"][0]) == math.inf
    assert weight_of(made, "new") == 30
