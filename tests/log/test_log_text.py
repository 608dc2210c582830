"""
Text of others in the log: no control reaches a terminal, no text can pass for a record, no token is shown.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from pathlib import Path

import pytest

from eas_host.log.masking import mask_secrets
from eas_runtime.log.escape import escape_controls, escape_json, indent_continuation, is_plain
from support import TIMEOUT
from support.app import Apps, apps  # noqa: F401  a fixture
from support.command import run
from support.host import Host, StartHost, clean_environment, program
from support.wire import command, request

FORGED = "[2026-01-31 12:00:00] [ERROR] forged"
EVIL = "a\x1b[2J\x1b]0;title\x07\x9b31m\r\x7f\u202eb\u2028c"
RAW = ("\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e", "\u2028", "\u009b")
TOKEN = "s3cret-t0ken"  # noqa: S105  the tests'


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
@pytest.mark.parametrize("isolation", ["process", "none"])
def test_exception_text_cannot_forge_a_log_record(start: StartHost, language: str, isolation: str) -> None:
    """The text may have come from a client: further lines are indented, controls are shown by their codes."""
    host = start(language, isolation=isolation)
    host.allow_log("process (raised|threw)|forged")
    assert host.call(command("throw", f"first\n{FORGED}\x1b[2J")).status == 400
    host.wait_for_log(r"^  .*forged\\x1b\[2J")
    assert FORGED not in host.new_log().splitlines()
    assert "\x1b" not in host.new_log()


def test_exception_text_is_kept_within_one_json_record(start: StartHost) -> None:
    host = start("python", log_format="json")
    host.allow_log("process raised")
    assert host.call(command("throw", "first\n\x1b\x9b\u2028")).status == 400
    host.wait_for_log(r"first\\n\\u001b\\u009b\\u2028")
    assert any("first\n\x1b\x9b\u2028" in json.loads(line)["message"] for line in host.new_log().splitlines()[2:])


@pytest.mark.parametrize("language", ["cpp", "python"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_printed_controls_are_escaped(start: StartHost, language: str, form: str) -> None:
    host = start(language, log_format=form)
    assert host.call(command("print", f"{EVIL}end".encode())).body == b"printed"
    host.wait_for_log("out a", times=1)
    host.wait_for_log("end", times=2)
    assert not [raw for raw in RAW if raw in host.new_log()]


def test_carriage_return_ends_a_log_line(start: StartHost) -> None:
    """A progress bar draws with it, and it would stand in place of the line before."""
    host = start("python")
    assert host.call(command("print", "10%\r20%\r\n30%")).body == b"printed"
    for line in ("^out 10%$", "^20%$", "^30%$"):
        host.wait_for_log(line)


THREADS_PRINT = """
import threading

import allspark


class Prints(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        threads = [threading.Thread(target=self.print_many, args=(word,)) for word in ("ab", "cd", "ef")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return b"printed", 200

    def print_many(self, word):
        for _ in range(3000):
            print(word)
"""


def test_unbuffered_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    """Python's own unbuffered `print` writes the line and its end apart; PYTHONUNBUFFERED is set in many images."""
    entry = tmp_path / "prints.py"
    entry.write_text(THREADS_PRINT, encoding="utf-8")
    with Host(tmp_path / "host", {"PYTHONUNBUFFERED": "1"}, entry=entry) as host:
        assert host.call(b"").body == b"printed"
        host.stop()
    printed = re.findall(r"^(?:ab|cd|ef).*|^$", host.log.text(stream="stderr").rstrip(), re.MULTILINE)
    assert {line: printed.count(line) for line in set(printed)} == {"ab": 3000, "cd": 3000, "ef": 3000}


def test_request_target_is_escaped_in_the_access_log(start: StartHost) -> None:
    """Bytes beyond ASCII, and quotes; a parser that lets a control through is not needed for this."""
    host = start("python", access_log=True)
    with host.connect() as client:
        client.send(b'POST /a"\xc2\x9b\xff HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n').read()
    line = host.wait_for_log(r"\[INFO\] 127.0.0.1.* (200|400) ")[0]
    assert '/a"' not in line


def test_file_name_with_controls_is_escaped(tmp_path: Path) -> None:
    """Whoever made the package has named the file."""
    entry = tmp_path / f"evil\x1b[31m\n{FORGED}.py"
    ended = run("--entry", entry)
    assert ended.code != 0
    assert "\x1b" not in ended.stderr
    assert not [line for line in ended.stderr.splitlines() if line.startswith(FORGED)]


def test_only_colour_codes_are_kept_on_a_terminal(tmp_path: Path) -> None:
    """A processor's author wants to see them."""
    entry = tmp_path / "colours.py"
    entry.write_text(
        "import allspark\n"
        "class P(allspark.BaseProcessor):\n"
        "    def initialize(self):\n"
        "        print('\\033[1;31mred\\033[0m \\033[2J\\033]0;t\\007 end')\n"
        "    def process(self, data):\n"
        "        return b'', 200\n",
        encoding="utf-8",
    )
    ours, terminal = pty.openpty()
    words = [*program(), "--entry", str(entry), "--listen", "127.0.0.1:0"]
    host = subprocess.Popen(words, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal)
    os.close(terminal)
    try:
        seen = b""
        while b"successfully" not in seen:
            seen += os.read(ours, 4096)
        assert b"\x1b[1;31mred\x1b[0m \\x1b[2J\\x1b]0;t\\x07 end" in seen
        host.terminate()
        assert host.wait(TIMEOUT) == 0
    finally:
        host.kill()
        host.wait()
        os.close(ours)


def test_controls_are_escaped_and_continuation_lines_indented() -> None:
    assert escape_controls("plain") == "plain"
    assert escape_controls("中文 é\t\n ok") == "中文 é\t\n ok"
    assert escape_controls(EVIL) == r"a\x1b[2J\x1b]0;title\x07\x9b31m\r\x7f\u202eb\u2028c"
    assert escape_controls("\x1b[31mred\x1b[0m\x1b[2J", colours=True) == "\x1b[31mred\x1b[0m\\x1b[2J"
    assert indent_continuation("one\n[x]\n") == "one\n  [x]"
    assert json.loads(escape_json(json.dumps(EVIL, ensure_ascii=False))) == EVIL
    assert not [raw for raw in RAW if raw in escape_json(json.dumps(EVIL, ensure_ascii=False))]
    assert is_plain(b"plain\t\n")
    assert not [raw for raw in (b"\x1b", b"\xc2\x9b", b"\r", b"\x00", b"\x7f") if is_plain(raw)]


# Tokens.


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/a?x=1", "/a?x=1"),
        (f"/a?token={TOKEN}&x=1", "/a?token=****&x=1"),
        ("/a?access_token=abc;x=1", "/a?access_token=****;x=1"),
        ("/a?Authorization=Bearer+abc", "/a?Authorization=****"),
        ("/a?%74oken=abc", "/a?%74oken=****"),
        ("/a?x[api-key]=1&apikey=abc", "/a?x[api-key]=****&apikey=****"),
        ("/a?Signature=abc&Expires=1", "/a?Signature=****&Expires=1"),
        (f"/a?x={TOKEN}", "/a?x=****"),
        (f"/{TOKEN}/a", "/****/a"),
        ("/a?x=s3cret%2Dt0ken", "****"),
        ("/%73%33cret-t0ken", "****"),
    ],
)
def test_secrets_in_a_target_are_masked(target: str, shown: str) -> None:
    assert mask_secrets(target, (TOKEN,)) == shown


@pytest.mark.parametrize("part", ["x", "x=", "=", "&", "&x=1", ";", "%", "%25", "token", "key", "api", "token=1&"])
def test_masking_takes_linear_time(part: str) -> None:
    """Each request is looked at: ten times the length takes ten times as long, or not much more, and never a second."""
    target = "/?" + part * (200_000 // len(part))
    start = time.process_time()
    mask_secrets(target, (TOKEN,))
    escape_controls(target)
    assert time.process_time() - start < 1


def test_token_in_a_query_is_not_logged(start: StartHost) -> None:
    """The access log does not have it, nor the line for a request that is late, or left by its client."""
    host = start("python", access_log=True, token=TOKEN, keepalive=300)
    login = [("Authorization", TOKEN)]
    for query in (f"token={TOKEN}", f"x={TOKEN}", "access_token=other-s3cret"):
        with host.connect() as client:
            assert client.send(request("POST", f"/a?{query}", b"x", headers=login)).read().status == 200
            assert client.send(request("POST", f"/a?{query}", b"x")).read().status == 401
        with host.connect() as client:
            client.send(request("POST", f"/a?{query}", command("die", "hang"), headers=login))
            assert client.read().status == 408
    host.wait_for_log(r" 408 ", times=3)
    assert "s3cret" not in host.log.text()


ENVIRONMENT = """\
import os, subprocess, sys
import allspark

class P(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        child = subprocess.run(["env"], stdout=subprocess.PIPE).stdout.decode()
        found = [name for name in ("own", "child") if "EAS_HOST_TOKEN" in (str(os.environ) if name == "own" else child)]
        return " ".join([*found, os.environ["OTHER"]]).encode(), 200

if __name__ == "__main__":
    P().run()
"""


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_token_is_not_in_the_environment_of_workers(tmp_path: Path, isolation: str) -> None:
    entry = tmp_path / "app.py"
    entry.write_text(ENVIRONMENT, encoding="utf-8")
    variables = {"EAS_HOST_TOKEN": TOKEN, "OTHER": "other"}
    with Host(tmp_path / "host", variables, entry=entry, isolation=isolation, reload=isolation == "process") as host:
        assert call_with_token(host) == b"other"
        if isolation == "process":  # the next version asks for the same token
            entry.write_text(ENVIRONMENT + "\n", encoding="utf-8")
            host.wait_for_log("Service reload successfully")
            assert call_with_token(host) == b"other"
        assert host.call(b"x").status == 401


def test_token_is_removed_from_the_environment_of_a_program(apps: Apps) -> None:  # noqa: F811
    """The front has got it."""
    body = "import subprocess\nContract().run()"
    before = """
        def process(self, data):
            return os.popen("env").read().encode(), 200
        Contract.process = process
    """
    host = apps.start(body, before, {"EAS_HOST_TOKEN": TOKEN, "OTHER": "other"})
    seen = call_with_token(host).decode()
    assert "OTHER=other" in seen
    assert TOKEN not in seen


def call_with_token(host: Host) -> bytes:
    with host.connect() as client:
        body: bytes = client.send(request("POST", "/", b"x", headers=[("Authorization", TOKEN)])).read().body
        return body
