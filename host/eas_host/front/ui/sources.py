"""
What the page shows, as the parts of the front have it.
"""

from __future__ import annotations

from typing import NamedTuple

from eas_host.front.builtin.load import LoadMeter
from eas_host.front.observe.metrics import Metrics
from eas_host.front.observe.recent_failures import RecentFailures
from eas_host.front.service_state import ServiceState
from eas_host.front.settings.properties import Properties


class UiSources(NamedTuple):
    """
    What the page shows.

    Attributes:
        state: the service as it is now.
        metrics: what was counted.
        load: how busy the host is, and what its workers have.
        properties: the settings that may change.
        failures: the last ones.
    """

    state: ServiceState
    metrics: Metrics
    load: LoadMeter
    properties: Properties
    failures: RecentFailures
