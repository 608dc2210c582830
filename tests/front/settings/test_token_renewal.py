"""
Another token for a host that serves, from the file of `--token @FILE`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop

from eas_host.cli.options import read_config
from eas_host.config import HostConfig
from eas_host.config.token_file import OlderToken, read_token_file, read_tokens, renewed_mark, write_tokens
from eas_host.errors import ConfigError
from eas_host.front.admission.tokens import Auth
from eas_host.front.open_connections import OpenConnections
from eas_host.front.settings.properties import Properties, Source
from eas_host.front.settings.token_renewal import TokenRenewal
from support.host import Host, StartHost
from support.signing import md5, sign
from support.wire import Client, Response, request

ENDED = "2020-01-01T00:00:00Z"
LATER = "2100-01-01T00:00:00Z"
FIRST = "first"


# The file.


def test_first_line_is_the_token_and_others_are_accepted_beside_it(tmp_path: Path) -> None:
    """The option has the first one. Space, empty lines and the ends of lines of Windows are no matter."""
    file = tmp_path / "token"
    file.write_text(f"\n new \r\n\nold\t{LATER}\n  any other \n", encoding="utf-8")
    config = read_config([], {"EAS_HOST_TOKEN": f"@{file}"})
    assert (config.token, config.token_file is None) == ("new", False)
    assert config.token_file is not None
    assert config.token_file.older == (OlderToken("old", 4_102_444_800.0), OlderToken("any other"))
    assert read_tokens(write_tokens("new", config.token_file.older)) == ("new", config.token_file.older)
    assert not {"new", "old", "any other"} & set(repr(config).replace("'", " ").split())
    assert read_config(["--token", "new"], {}).token_file is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["line 1", "expected a token"]),
        (b"\n \n", ["line 1", "expected a token"]),
        (b"new\n\n\xd0\xba\n", ["line 3", "expected a token"]),
        (b"new\na\0b\n", ["line 2", "expected a token"]),
        (f"new\t{LATER}\n".encode(), ["line 1", "the token that stays first"]),
        (b"new\nold\ttomorrow\n", ["line 2", "2026-12-01T17:30:00Z"]),
        (b"new\nold\t\n", ["line 2", "2026-12-01T17:30:00Z"]),
        (b"new\nold \t \r\n", ["line 2", "2026-12-01T17:30:00Z"]),
        (b"new\nold\t2026-13-01T00:00:00Z\n", ["line 2", "2026-12-01T17:30:00Z"]),
        (f"new\n\t{LATER}\n".encode(), ["line 2", "expected a token"]),
        (b"s3cret\xff", ["not UTF-8"]),
        (b"s3cret\n" * 10_000, ["more than 65536 bytes"]),
    ],
)
def test_wrong_file_is_refused_and_not_shown(tmp_path: Path, content: bytes, words: list[str]) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_config(["--token", f"@{tmp_path}/token"], {})
    for word in ("--token", *words):
        assert word in raised.value.message
    assert "s3cret" not in raised.value.message
    assert "\n" not in raised.value.message


def test_token_can_come_from_a_pipe_which_is_read_once() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"new\nold\n")
    os.close(writing)
    file = read_token_file(f"/dev/fd/{reading}")
    os.close(reading)
    assert (file.token, file.older, file.signature) == ("new", (OlderToken("old"),), None)


# Looks at it, one after the other.


class Looks:
    """What the front has of tokens, with a file, and no clock that looks."""

    def __init__(self, file: Path, connections: OpenConnections) -> None:
        self.file = file
        self.put: list[str] = []
        config = HostConfig(token=FIRST, token_file=read_token_file(str(file)), explicit=frozenset({"token"}))
        self.auth = Auth(config.token)
        self.properties = Properties(config, lambda message: self.put.append(message.value))  # type: ignore[attr-defined]
        self._renewal = TokenRenewal(config.token_file, self.auth, self.properties, connections)
        self.properties.reset(config)

    def write(self, text: str) -> None:
        """In place of the old one, as editors do it."""
        new = self.file.with_name("new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.file)

    def look(self, times: int = 1) -> tuple[str, ...]:
        for _ in range(times):
            self._renewal.look()
        return self.auth.tokens


@pytest.fixture
def looks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Looks]:
    file = tmp_path / "token"
    file.write_text("first\n", encoding="utf-8")
    loop = uvloop.new_event_loop()
    with log_of_host(caplog):
        yield Looks(file, OpenConnections(loop))
    loop.close()


@contextmanager
def log_of_host(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    logger = logging.getLogger("eas_host")
    before = logger.propagate
    logger.propagate = True
    try:
        with caplog.at_level(logging.INFO, "eas_host"):
            yield
    finally:
        logger.propagate = before


def test_file_is_read_when_it_has_been_the_same_for_two_looks(looks: Looks) -> None:
    """Who writes it where it is may be in the middle; so no half of a token counts."""
    assert looks.look(3) == ("first",)
    looks.file.write_text("sec", encoding="utf-8")
    assert looks.look() == ("first",)
    looks.file.write_text("second\n", encoding="utf-8")
    assert looks.look() == ("first",)
    assert looks.look() == ("second",)
    assert looks.put == ["second"]
    assert looks.properties.get("rpc.token") == "second"


def test_log_says_which_token_was_read(looks: Looks, caplog: pytest.LogCaptureFixture) -> None:
    """Who waits for one is not content with another one, and the log gives none away."""
    looks.write("second\n")
    looks.look(2)
    assert f"{renewed_mark('second')}, and no other" in caplog.text
    assert renewed_mark("third") not in caplog.text
    looks.write("third\nsecond\n")
    looks.look(2)
    assert renewed_mark("third") in caplog.text
    assert not [word for word in ("second", "third") if word in caplog.text]


def test_older_tokens_end_at_their_time(looks: Looks, caplog: pytest.LogCaptureFixture) -> None:
    looks.write(f"second\nfirst\t{LATER}\nolder\t{ENDED}\nstays\n")
    assert looks.look(2) == ("second", "first", "stays")
    assert f"3 older, until {LATER}, until {ENDED}, until it is taken out" in caplog.text
    assert looks.auth.drop_older(4_102_444_799.0) == []
    assert looks.auth.drop_older(4_102_444_800.0) == [OlderToken("first", 4_102_444_800.0)]
    assert looks.auth.tokens == ("second", "stays")
    looks.write("second\n")
    assert looks.look(2) == ("second",)
    assert looks.put == ["second"]


@pytest.mark.parametrize("wrong", ["", "se\0cret", f"secret\t{LATER}", None], ids=["empty", "nul", "time", "none"])
def test_file_that_is_of_no_use_changes_nothing_and_is_told_once(
    looks: Looks, caplog: pytest.LogCaptureFixture, wrong: str | None
) -> None:
    if wrong is None:
        looks.file.unlink()
    else:
        looks.write(wrong)
    assert looks.look(5) == ("first",)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(looks.file) in record.getMessage()
    assert "the token stays as it was" in record.getMessage()
    assert "secret" not in record.getMessage()
    looks.write("second\n")
    assert looks.look(2) == ("second",)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_any_more_keeps_nobody_waiting(
    looks: Looks, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Nobody writes into that pipe: who opened it as a file would wait for ever, and the event loop with it."""
    looks.file.unlink()
    if kind == "pipe":
        os.mkfifo(looks.file)
    else:
        looks.file.mkdir()
    assert looks.look(5) == ("first",)
    (record,) = caplog.records
    assert f"cannot read {looks.file}: it is no regular file; the token stays as it was" in record.getMessage()
    looks.file.unlink() if kind == "pipe" else looks.file.rmdir()
    looks.write("second\n")
    assert looks.look(2) == ("second",)


def test_newest_counts_of_file_and_property(looks: Looks) -> None:
    """An operator's token ends those of the file; the next change of the file ends the operator's."""
    looks.write("second\nfirst\n")
    assert looks.look(2) == ("second", "first")
    looks.properties.put("rpc.token", "by-hand", Source.OPERATOR)
    assert looks.look(5) == ("by-hand",)
    looks.write("third\nsecond\n")
    assert looks.look(2) == ("third", "second")


def test_next_version_of_a_reload_keeps_the_newest_tokens(looks: Looks) -> None:
    looks.write("second\nfirst\n")
    looks.look(2)
    looks.properties.reset(HostConfig(token=FIRST, explicit=frozenset({"token"})))
    assert looks.look() == ("second", "first")


# A host.


def kubernetes_files(folder: Path) -> Callable[[str], None]:
    """Makes the file `token` in *folder* as a kubelet does, and returns what replaces it: one link, in one step."""
    names = iter(f"..{number}" for number in range(100))

    def put(text: str) -> None:
        state = folder / next(names)
        state.mkdir()
        (state / "token").write_text(text, encoding="utf-8")
        (folder / "..data_tmp").symlink_to(state.name)
        (folder / "..data_tmp").replace(folder / "..data")
        for other in folder.glob("..[0-9]*"):
            if other != state:
                (other / "token").unlink()
                other.rmdir()

    (folder / "token").symlink_to("..data/token")
    return put


def ask(host: Host, token: str) -> int:
    with host.connect() as client:
        return answer(client, token).status


def answer(client: Client, token: str) -> Response:
    return client.send(request("POST", "/api/predict/contract", b"x", [("Authorization", token)])).read()


def test_both_tokens_are_accepted_for_a_while(start: StartHost, tmp_path: Path) -> None:
    """Also on connections whose heads are known, and by signatures; then the old one is not."""
    folder = tmp_path / "secret"
    folder.mkdir()
    put = kubernetes_files(folder)
    put("old\n")
    host = start(token=f"@{folder}/token", keepalive=60_000)
    with host.connect() as client:
        for _ in range(3):
            assert answer(client, "old").status == 200
        assert ask(host, "new") == 401
        ends = time.time() + 6
        put(f"new\nold\t{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(ends))}\n")
        host.wait_for_log(
            r"\[INFO\] the token file .*/secret/token has changed: its token counts.* and 1 older, until "
        )
        assert (ask(host, "new"), ask(host, "old"), ask(host, "other")) == (200, 200, 401)
        for _ in range(3):
            assert answer(client, "old").status == 200
        for token in ("new", "old"):
            headers = [("Content-MD5", md5(b"x")), ("Authorization", sign(token, "/x", md5(b"x"), "", ""))]
            with host.connect() as signed:
                for _ in range(2):
                    assert signed.send(request("POST", "/x", b"x", headers)).read().status == 200
        host.wait_for_log(r"\[INFO\] a token that was valid until .* is not accepted any more")
        assert time.time() >= int(ends)
        assert answer(client, "old").status == 401
    assert (ask(host, "new"), ask(host, "old")) == (200, 401)
    put("\n")
    host.wait_for_log(r"\[WARNING\] the token file .* is of no use: .*line 1.*; the token stays as it was")
    assert (ask(host, "new"), ask(host, "")) == (200, 401)
    host.stop()
    assert "old" not in [word for line in host.log.text().splitlines() for word in line.split("'")]
