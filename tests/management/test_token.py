"""
The command `token`, with a real API server: another token while pods run, which stay as they are.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.command import Ended, run
from support.kubernetes import ControlPlane, Object
from support.services import NEW_IMAGE, begun, cluster, create, desc, eas, plane, result

pytest.importorskip("lightkube")

from eas_host.config.token_file import read_tokens
from eas_host.management.kubernetes_api import KubernetesApi, ObjectExists
from eas_host.management.lightkube_client import LightkubeApi, open_cluster
from eas_host.management.stored_service import get_service
from eas_host.management.token_secret import rotate

__all__ = ["cluster", "plane"]


def secret(cluster: ControlPlane) -> Object:
    """The only one of the service."""
    (found,) = cluster.objects("secrets")
    return found


def tokens(cluster: ControlPlane) -> list[tuple[str, float | None]]:
    """What the hosts would read, with the seconds for which it still counts."""
    data = {key: base64.b64decode(text).decode() for key, text in secret(cluster)["data"].items()}
    first, older = read_tokens(data["tokens"])
    assert data["token"] == first
    now = time.time()
    return [(first, None), *((one.text, None if one.until is None else one.until - now) for one in older)]


def rotated(cluster: ControlPlane, *words: str) -> str:
    """Another token, which the command prints, and nothing else; it asks no instance."""
    ended = eas(cluster, "token", "scorer_v2", "--rotate", "--timeout", "0", *words)
    assert ended.code == 0, ended.stderr
    (token,) = ended.stdout.splitlines()
    assert "[OK] Service [scorer_v2]" in ended.stderr
    assert token not in ended.stderr
    return token


def test_token_is_printed_alone(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    assert eas(cluster, "token", "scorer_v2").stdout == "s3cret\n"
    shown = json.loads(eas(cluster, "token", "scorer_v2", "--json").stdout)
    assert shown == {"ServiceName": "scorer_v2", "Region": cluster.namespace, "AccessToken": "s3cret"}


def test_rotation_replaces_no_pod(cluster: ControlPlane, tmp_path: Path) -> None:
    """The old token stays for ten minutes, and each earlier one for as long as it was to."""
    create(cluster, tmp_path)
    before = pods_and_template(cluster)
    second = rotated(cluster, "--grace", "1h")
    third = rotated(cluster)
    assert len({"s3cret", second, third}) == 3
    (first, none), (older, ten), (oldest, hour) = tokens(cluster)
    assert (first, older, oldest, none) == (third, second, "s3cret", None)
    assert ten is not None
    assert hour is not None
    assert 570 < ten <= 600
    assert 3570 < hour <= 3600
    assert eas(cluster, "token", "scorer_v2").stdout == f"{third}\n"
    assert desc(cluster)["AccessToken"] == third
    assert pods_and_template(cluster) == before
    assert secret(cluster)["metadata"]["labels"]["eas/service"] == "scorer_v2"
    assert secret(cluster)["metadata"]["annotations"] == {"eas/service": "scorer_v2"}
    fourth = rotated(cluster, "--grace", "0")
    assert tokens(cluster) == [(fourth, None)]


def pods_and_template(cluster: ControlPlane) -> tuple[set[str], Any, int]:
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    names = {pod["metadata"]["uid"] for pod in cluster.pods()}
    return names, deployment["spec"]["template"], desc(cluster)["LatestVersion"]


def test_no_other_command_ends_the_old_token(cluster: ControlPlane, tmp_path: Path) -> None:
    """Neither another version nor one from before."""
    create(cluster, tmp_path)
    token = rotated(cluster)
    for words in (("modify", "scorer_v2", "--image", NEW_IMAGE), ("version", "scorer_v2", "1")):
        assert eas(cluster, *words, "--timeout", "0").code == 0
        assert [text for text, _ in tokens(cluster)] == [token, "s3cret"]
    assert desc(cluster)["AccessToken"] == token


def test_token_of_ones_own_is_a_rotation_too(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    before = pods_and_template(cluster)
    ended = eas(cluster, "modify", "scorer_v2", "--token", "chosen", "--timeout", "0")
    assert ended.code == 0, ended.stderr
    (first, _), (older, seconds) = tokens(cluster)
    assert (first, older) == ("chosen", "s3cret")
    assert seconds is not None
    assert 570 < seconds <= 600
    assert pods_and_template(cluster) == before


def test_file_with_several_lines_says_itself_what_is_accepted(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    file = tmp_path / "token"
    file.write_text("new\nolder\t2100-01-01T00:00:00Z\nstays\n", encoding="utf-8")
    assert eas(cluster, "modify", "scorer_v2", "--token", f"@{file}", "--timeout", "0").code == 0
    first, (older, seconds), last = tokens(cluster)
    assert (first, older, last) == (("new", None), "older", ("stays", None))
    assert seconds is not None
    assert seconds > 3600


def test_version_from_before_the_first_token_keeps_it(cluster: ControlPlane, tmp_path: Path) -> None:
    """Or going back would open the service."""
    create(cluster, tmp_path)
    for words in (("--unset", "token"), ("--token", "other")):
        assert eas(cluster, "modify", "scorer_v2", *words, "--timeout", "0").code == 0
    token = rotated(cluster)
    ended = eas(cluster, "version", "scorer_v2", "2", "--timeout", "0")
    assert ended.code == 0, ended.stderr
    assert [text for text, _ in tokens(cluster)] == [token, "other"]
    shown = desc(cluster)
    assert (shown["CurrentVersion"], shown["AccessToken"]) == (2, token)
    (deployment,) = cluster.objects("deployments", "apis/apps/v1")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    assert secret(cluster)["metadata"]["name"] in [one["secret"]["secretName"] for one in volumes if "secret" in one]
    assert eas(cluster, "token", "scorer_v2").stdout == f"{token}\n"


def test_service_that_gets_a_token_has_other_pods(cluster: ControlPlane, tmp_path: Path) -> None:
    """And one that loses it: its hosts are started otherwise. A token that did not count does not come back."""
    create(cluster, tmp_path)
    assert eas(cluster, "modify", "scorer_v2", "-D", "token=", "--timeout", "0").code == 0
    eas(cluster, "token", "scorer_v2").fails_in_one_line(1, "scorer_v2", "no token", "modify scorer_v2 --token @FILE")
    eas(cluster, "token", "scorer_v2", "--rotate").fails_in_one_line(1, "no token")
    assert eas(cluster, "modify", "scorer_v2", "--token", "other", "--timeout", "0").code == 0
    assert tokens(cluster) == [("other", None)]


def test_wait_ends_and_names_the_instances_that_say_nothing(cluster: ControlPlane, tmp_path: Path) -> None:
    """Here no kubelet has a log. The token is printed, and counts."""
    create(cluster, tmp_path)
    names = sorted(pod["metadata"]["name"] for pod in cluster.pods())
    ended = eas(cluster, "token", "scorer_v2", "--rotate", "--timeout", "1")
    assert ended.code == 1
    assert ended.stdout == f"{tokens(cluster)[0][0]}\n"
    assert "[OK] Waiting [Total: 2, Pending: 2, Renewed: 0]" in ended.stderr
    assert f"after 1 s these instances have not said that they know the new token: {', '.join(names)}" in ended.stderr


def test_wait_ends_when_somebody_else_rotates(cluster: ControlPlane, tmp_path: Path) -> None:
    """The instances may never read the token that is waited for."""
    create(cluster, tmp_path)
    with begun(cluster, "token", "scorer_v2", "--rotate", "--json") as process:
        assert process.stderr
        while "Waiting" not in (line := process.stderr.readline()):
            assert line
        token = rotated(cluster)
        ended = result(process)
    assert ended.code == 1
    assert "somebody else has given it another token meanwhile" in ended.stderr
    assert tokens(cluster)[0] == (token, None)


MISTAKES: dict[str, Callable[[Ended], None]] = {
    "--grace 1h": lambda ended: ended.fails_in_one_line(2, "--grace", "--rotate"),
    "--rotate --grace soon": lambda ended: ended.fails_in_one_line(2, "--grace", "'soon'", "10m"),
    "--rotate --grace -1": lambda ended: ended.fails_in_one_line(2, "--grace"),
    "--rotate --timeout x": lambda ended: ended.fails_in_one_line(2, "--timeout", "'x'"),
}


@pytest.mark.parametrize(("words", "check"), MISTAKES.items(), ids=MISTAKES)
def test_mistake_is_one_line(cluster: ControlPlane, words: str, check: Callable[[Ended], None]) -> None:
    check(run("token", "scorer_v2", *words.split(), variables={"KUBECONFIG": str(cluster.kubeconfig)}))


def test_secret_of_somebody_else_is_left_alone(cluster: ControlPlane, tmp_path: Path) -> None:
    create(cluster, tmp_path)
    path = f"/api/v1/namespaces/{cluster.namespace}/secrets/{secret(cluster)['metadata']['name']}"
    wrong = base64.b64encode(b"s3cret\nold\tsoon\n").decode()
    cluster.request("PATCH", path, {"data": {"tokens": wrong}})
    eas(cluster, "token", "scorer_v2").fails_in_one_line(1, "tokens", "line 2")
    cluster.request("PATCH", path, {"data": {"token": None, "tokens": None}})
    eas(cluster, "token", "scorer_v2", "--rotate").fails_in_one_line(1, "has no token")
    cluster.request("DELETE", path)
    eas(cluster, "token", "scorer_v2").fails_in_one_line(1, "lost", "modify scorer_v2 --token @FILE")


def test_of_two_who_rotate_at_once_one_is_refused(
    cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the token that one of them prints would never have counted."""
    create(cluster, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = open_cluster("", cluster.namespace)
    assert isinstance(api, LightkubeApi)
    with api._client:
        service = get_service(api, "scorer_v2")
        with pytest.raises(ObjectExists):
            rotate(Overtaken(api, lambda: rotated(cluster)), service, 60)
    assert [text for text, _ in tokens(cluster)][1:] == ["s3cret"]


class Overtaken:
    """A cluster in which somebody does something between the first look and what follows."""

    def __init__(self, api: KubernetesApi, do: Callable[[], object]) -> None:
        self._api = api
        self._do = do
        self.namespace = api.namespace

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        found = self._api.get(kind, name)
        self._do()
        return found

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a method of the cluster
        return getattr(self._api, name)
