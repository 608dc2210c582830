"""
What the commands say if there is no cluster, or none that answers as one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from eas_host.management.console import Console
from eas_host.management.kubernetes_api import NoSuchObject, NotAllowed
from eas_host.management.rollout import wait_until_running
from support.command import Ended, run

pytest.importorskip("lightkube")

from eas_host.management.lightkube_client import open_cluster

REFUSED = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "code": 403,
    "message": "deployments is forbidden",
}


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that answers every request with the same; its URL."""
    with answering_by(lambda _: (status, body)) as url:
        yield url


@contextmanager
def answering_by(answer: Callable[[str], tuple[int, str]]) -> Iterator[str]:
    """A server that answers with the status and the body that *answer* gives for a path; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if body:
                self.send_header("Content-Type", "application/json" if body.startswith("{") else "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(folder: Path, url: str, **context: str) -> dict[str, str]:
    """Of a cluster at *url*, for the environment."""
    content = {
        "current-context": "main",
        "clusters": [{"name": "main", "cluster": {"server": url}}],
        "users": [{"name": "main", "user": {"token": "x"}}],
        "contexts": [{"name": "main", "context": {"cluster": "main"} | context}],
    }
    file = folder / "config"
    file.write_text(json.dumps(content), encoding="utf-8")
    return {"KUBECONFIG": str(file)}


def ask(folder: Path, url: str, *words: str, **context: str) -> Ended:
    return run(*(words or ("list",)), variables=kubeconfig(folder, url, **context))


CASES = {
    "forbidden": (403, json.dumps(REFUSED), "deployments is forbidden"),
    "no-json": (500, "<html>Bad gateway</html>", "500"),
    "nothing": (500, "", "answers what no Kubernetes does"),
    "a-page": (200, "<html>Welcome</html>", "answers what no Kubernetes does"),
    "another-object": (200, '{"items": 5}', "answers what no Kubernetes does"),
}


@pytest.mark.parametrize(("status", "body", "said"), CASES.values(), ids=CASES)
def test_answer_that_is_no_list_is_told_in_one_line(tmp_path: Path, status: int, body: str, said: str) -> None:
    with answering(status, body) as url:
        ask(tmp_path, url, user="main").fails_in_one_line(1, said)


def test_empty_list_has_its_heading(tmp_path: Path) -> None:
    """Also with a context without a user, as behind a proxy that knows him; `--json` prints the list alone."""
    body = '{"kind": "DeploymentList", "apiVersion": "apps/v1", "metadata": {}, "items": []}'
    with answering(200, body) as url:
        ended = ask(tmp_path, url)
        assert (ended.code, ended.stderr) == (0, "")
        assert "| SERVICENAME | REGION | INSTANCE |" in ended.stdout
        assert json.loads(ask(tmp_path, url, "list", "--json").stdout) == []


def test_cluster_that_is_away_is_told_with_its_address(tmp_path: Path) -> None:
    with answering(200, "") as url:
        pass
    ask(tmp_path, url, user="main").fails_in_one_line(1, url, "Connection refused")


@pytest.mark.parametrize(
    ("content", "said"), [("{}", "is no kubeconfig"), ("- a: [", "is no kubeconfig"), (None, "not found")]
)
def test_unusable_kubeconfig_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    run("list", variables={"KUBECONFIG": str(file)}).fails_with(1, str(file), said)


AT_NOTHING = "https://127.0.0.1:1"
MISTAKES: dict[str, tuple[str, dict[str, object], dict[str, object], dict[str, str], str]] = {
    "certificate-is-no-base64": (AT_NOTHING, {"certificate-authority-data": "x"}, {}, {}, "base64"),
    "certificate-is-none": (AT_NOTHING, {"certificate-authority-data": "eHh4eA=="}, {}, {}, AT_NOTHING),
    "certificate-is-missing": (AT_NOTHING, {"certificate-authority": "/nowhere.crt"}, {}, {}, AT_NOTHING),
    "port-is-none": ("https://127.0.0.1:port", {}, {}, {}, "port"),
    "port-is-too-large": ("https://127.0.0.1:99999", {}, {}, {}, "99999"),
    "proxy-socks": (AT_NOTHING, {}, {}, {"HTTPS_PROXY": "socks5://127.0.0.1:1"}, "HTTPS_PROXY"),
    "proxy-unknown": (AT_NOTHING, {}, {}, {"HTTPS_PROXY": "gopher://127.0.0.1:1"}, "HTTPS_PROXY"),
    "plugin-prints-text": (AT_NOTHING, {}, {"command": "echo", "args": ["log in"]}, {}, "echo"),
    "plugin-prints-nothing": (AT_NOTHING, {}, {"command": "true"}, {}, "true"),
    "plugin-prints-no-token": (AT_NOTHING, {}, {"command": "echo", "args": ['{"status": {}}']}, {}, "echo"),
    "plugin-prints-a-list": (AT_NOTHING, {}, {"command": "echo", "args": ["[]"]}, {}, "echo"),
    "plugin-fails": (AT_NOTHING, {}, {"command": "false"}, {}, "false"),
    "plugin-is-missing": (AT_NOTHING, {}, {"command": "/nowhere/login"}, {}, "/nowhere/login"),
}


@pytest.mark.parametrize(("url", "cluster", "plugin", "variables", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_in_a_kubeconfig_is_told_in_one_line(
    tmp_path: Path,
    url: str,
    cluster: dict[str, object],
    plugin: dict[str, object],
    variables: dict[str, str],
    said: str,
) -> None:
    named = kubeconfig(tmp_path, url, user="main")
    file = Path(named["KUBECONFIG"])
    content = json.loads(file.read_text(encoding="utf-8"))
    content["clusters"][0]["cluster"] |= cluster
    if plugin:
        content["users"][0]["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1"} | plugin}
    file.write_text(json.dumps(content), encoding="utf-8")
    run("list", variables=named | variables).fails_in_one_line(1, said)


def test_unknown_context_is_named(tmp_path: Path) -> None:
    ask(tmp_path, "http://127.0.0.1:1", "list", "--context", "other").fails_in_one_line(1, "other")


@pytest.mark.parametrize(
    "words", [("desc", "scorer"), ("delete", "scorer", "-y"), ("scale", "scorer", "2"), ("w", "x")]
)
def test_missing_service_is_told_with_those_that_are_there(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Where nothing is."""
    with answering(404, json.dumps(REFUSED | {"code": 404, "reason": "NotFound"})) as url:
        ask(tmp_path, url, *words).fails_in_one_line(1, words[1], "no such service in the namespace default")


@pytest.mark.real_starts
def test_missing_client_is_named_with_its_extra(tmp_path: Path) -> None:
    """By commands that need it; help does not."""
    (tmp_path / "lightkube.py").write_text("raise ModuleNotFoundError('no', name='lightkube')", encoding="utf-8")
    variables = {"PYTHONPATH": str(tmp_path)}
    run("list", variables=variables).fails_in_one_line(1, "lightkube", "eas-host[kubernetes]")
    assert run("list", "--help", variables=variables).code == 0


DEPLOYMENT = {
    "metadata": {
        "name": "eas-scorer",
        "generation": 1,
        "labels": {"app.kubernetes.io/managed-by": "eas-host"},
        "annotations": {"eas/service": "scorer", "eas/version": "1"},
    },
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "host", "image": "x"}]}}},
    "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
}
NO_LOG = REFUSED | {"code": 400, "message": "container host is waiting to start"}


def a_list(*items: object) -> str:
    return json.dumps({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_instance_without_a_log_does_not_hide_the_others(tmp_path: Path, words: tuple[str, ...]) -> None:
    pods = [{"metadata": {"name": name}, "spec": {"containers": [{}]}} for name in ("pod-a", "pod-b")]

    def answer(path: str) -> tuple[int, str]:
        if path.endswith("/pods"):
            return 200, a_list(*pods)
        if path.endswith("/log"):
            return (400, json.dumps(NO_LOG)) if "pod-a" in path else (200, "it serves\n")
        return 200, json.dumps(DEPLOYMENT)

    with answering_by(answer) as url:
        ended = ask(tmp_path, url, "logs", "scorer", *words)
        assert (ended.code, "it serves" in ended.stdout) == (0, True), ended.stderr
        assert "pod-a: it has no log" in ended.stderr
        assert "waiting to start" in ended.stderr
        ask(tmp_path, url, "logs", "scorer", "pod-a").fails_in_one_line(1, "waiting to start")


@pytest.mark.parametrize(("status", "passes"), [(503, True), (500, True), (401, False), (403, False), (404, False)])
def test_wait_survives_a_cluster_that_is_away_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, passes: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """As while its API server is replaced; what it refuses, it refuses the next time, too."""
    asked = iter(range(1000))

    def answer(path: str) -> tuple[int, str]:
        if path.endswith("/deployments/eas-scorer"):
            return (
                (status, json.dumps(REFUSED | {"code": status})) if next(asked) < 2 else (200, json.dumps(DEPLOYMENT))
            )
        return 200, a_list()

    with answering_by(answer) as url:
        for name, value in kubeconfig(tmp_path, url, user="main").items():
            monkeypatch.setenv(name, value)
        api = open_cluster()
        if passes:
            assert wait_until_running(api, "scorer", Console(as_json=False), 60).is_complete
            assert capsys.readouterr().out.startswith("[WARNING] the cluster refuses")
        else:
            with pytest.raises((NotAllowed, NoSuchObject)):
                wait_until_running(api, "scorer", Console(as_json=False), 60)


WRONG = {
    "no-number": (("scale", "scorer", "many"), "N", "many"),
    "negative": (("scale", "scorer", "-1"), "", "-1"),
    "timeout": (("stop", "scorer", "--timeout", "soon"), "--timeout", "soon"),
    "version": (("version", "scorer", "latest"), "ID", "latest"),
    "no-name": (("w",), "NAME", ""),
    "nothing-to-change": (("modify", "scorer"), "nothing is to change", "-D"),
    "no-image": (("create", "service.json"), "--image", ""),
    "file": (("stop", "service.json"), "service.json", "is a file"),
    "lines": (("logs", "scorer", "--lines", "0"), "--lines", "0"),
}


@pytest.mark.parametrize(("words", "where", "what"), WRONG.values(), ids=WRONG)
def test_wrong_argument_is_told_before_a_cluster_is_asked(
    tmp_path: Path, words: tuple[str, ...], where: str, what: str
) -> None:
    (tmp_path / "service.json").write_text('{"name": "scorer"}', encoding="utf-8")
    run(*words, cwd=tmp_path, variables={"KUBECONFIG": "/nowhere"}).fails_in_one_line(2, where, what)
