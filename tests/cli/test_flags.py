"""
Options that other tools have taught people, beside those that are fields of `HostConfig`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from eas_host.cli.things.description_command import DescriptionCommand
from eas_host.cli.things.thing import PACKAGE, Thing
from eas_host.config.option_parser import make_parser, parse_args
from eas_host.config.resolution import resolve_options
from eas_host.config.suggestions import near
from eas_host.config.variables import load_files, unknown_variables
from eas_host.errors import ConfigError
from support.build import need
from support.command import run
from support.host import Host, Value, program
from support.service import tar

SHOWS_VARIABLE = """\
import json
import os

import allspark


class Shows(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return os.environ.get(data.decode(), "unset"), 200
"""


def listen(*words: str, environ: Mapping[str, str] | None = None) -> str:
    return resolve_options(parse_args(make_parser("p", ""), words), environ or {}).config.listen.authority


def test_file_of_variables_further_folders_and_workers_of_one_host(tmp_path: Path) -> None:
    """The program has no prefix and no command; its workers get the variables; a change beside it is a new version."""
    (tmp_path / "app.py").write_text(SHOWS_VARIABLE, encoding="utf-8")
    (tmp_path / "shared").mkdir()
    (tmp_path / "prod.env").write_text(
        "GREETING='hello world'\nTAKEN=file\nEAS_HOST_NAME=from_file\n", encoding="utf-8"
    )
    words: list[str | Path] = [tmp_path / "app.py", "--workers", "2", "--env-file", tmp_path / "prod.env"]
    words += ["--reload-dir", tmp_path / "shared"]
    options: dict[str, Value] = {
        "listen": None,
        "host": "localhost",
        "port": 0,
        "reload": True,
        "reload_dir": tmp_path / "shared",
    }
    variables = {"TAKEN": "environment", "EAS_HOST_WORKER_TREADS": "3"}
    with Host(tmp_path / "host", variables, words, **options) as host:
        assert host.path == "/api/predict/from_file"
        assert [host.call(name).text for name in (b"GREETING", b"TAKEN")] == ["hello world", "environment"]
        host.wait_for_log(r"EAS_HOST_WORKER_TREADS: .* no effect; did you mean EAS_HOST_WORKER_THREADS\?", times=1)
        (tmp_path / "shared" / "helper.py").write_text("", encoding="utf-8")
        host.log.wait(r"^\[INFO\] Service reload successfully$", stream="stdout")
        assert host.call(b"GREETING").text == "hello world"
        assert len(host.log.since()) > 0


def test_app_json_of_pysdk_is_served_by_test(tmp_path: Path) -> None:
    """In the working directory, and with the lines of EASCMD."""
    folder = tmp_path / "host" / "cwd"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(SHOWS_VARIABLE, encoding="utf-8")
    (folder / "app.json").write_text('{"name": "made", "processor_path": ".", "processor_entry": "app.py"}', "utf-8")
    with Host(tmp_path / "host", {"EAS_HOST_CACHE": str(tmp_path / "cache")}, ["test"], listen=None) as host:
        host.log.wait(r"^\[OK\] Serving at: \[http://localhost:\d+/api/predict/made\]$", stream="stdout")
        assert host.call(b"NOBODY_HAS_THIS").text == "unset"
        (folder / "app.py").unlink()
        (folder / "app.json").unlink()


def test_host_and_port_replace_one_part_of_the_address_each() -> None:
    """Whatever has set the other part."""
    assert listen("--port", "9000") == "127.0.0.1:9000"
    assert listen("--host", "0.0.0.0") == "0.0.0.0:8080"
    assert listen("--host", "[::1]", "--port", "0") == "[::1]:0"
    assert listen("--port", "1", environ={"EAS_HOST_LISTEN": "0.0.0.0:2"}) == "0.0.0.0:1"
    assert listen("--listen", "9000") == listen("--listen", ":9000") == "127.0.0.1:9000"
    for words in (("--listen", "1", "--port", "1"), ("--listen", "1", "--host", "::1")):
        with pytest.raises(ConfigError, match=f"--listen and {words[2]}: .*drop one of them"):
            listen(*words)


def test_level_flags_are_those_of_log_level() -> None:
    """The last one counts."""
    for words, level in {
        ("-v",): "debug",
        ("--verbose",): "debug",
        ("--debug",): "debug",
        ("-q",): "warning",
        ("--log-level", "error", "--quiet"): "warning",
        ("-q", "--log-level=error"): "error",
    }.items():
        assert resolve_options(parse_args(make_parser("p", ""), words), {}).config.log_level == level


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME = value  ", "value"),
        ("NAME=", ""),
        ("NAME=a b # comment", "a b"),
        ("NAME=a#b", "a#b"),
        ("NAME='a # b'  # comment", "a # b"),
        ('NAME="two\\nlines and \\"quotes\\""', 'two\nlines and "quotes"'),
        ("NAME=a=b", "a=b"),
    ],
)
def test_line_of_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, value: str) -> None:
    """As Docker and dotenv read them."""
    file = tmp_path / "one.env"
    file.write_text(f"\n# comment\n{line}\n", encoding="utf-8")
    monkeypatch.delenv("NAME", raising=False)
    load_files([str(file)])
    assert os.environ.pop("NAME") == value


@pytest.mark.parametrize("line", ["NAME", "=value", "1NAME=x", "NAME='open", 'NAME="a" b', "- NAME=x"])
def test_wrong_line_of_an_env_file_is_named_without_its_value(tmp_path: Path, line: str) -> None:
    """It may be a secret."""
    file = tmp_path / "one.env"
    file.write_text(f"OTHER=x\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"--env-file: .*one\.env:2: ") as raised:
        load_files([str(file)])
    assert "value" not in str(raised.value).replace("KEY=VALUE", "").replace("around the value", "")
    assert "OTHER" not in os.environ


def test_later_env_file_wins_and_the_environment_before_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"one": "FIRST=1\nBOTH=1\nSET=1\n", "two": "BOTH=2\nSET=2\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("SET", "before")
    load_files([str(tmp_path / "one"), str(tmp_path / "two")])
    assert [os.environ.pop("FIRST"), os.environ.pop("BOTH"), os.environ["SET"]] == ["1", "2", "before"]


def test_unknown_variables_are_named_with_the_near_one() -> None:
    """Not those that Kubernetes makes for a Service that is called eas-host."""
    environ = {
        "EAS_HOST_LISTEN": ":0",
        "EAS_HOST_LISEN": "x",
        "EAS_HOST_PORT": "9000",
        "EAS_HOST_ZEBRA": "s3cret",
        "OTHER": "x",
    }
    warnings = list(unknown_variables(environ))
    assert [warning.partition(":")[0] for warning in warnings] == ["EAS_HOST_LISEN", "EAS_HOST_PORT", "EAS_HOST_ZEBRA"]
    assert [warning.rpartition("; ")[2] for warning in warnings] == [
        *["did you mean EAS_HOST_LISTEN?"] * 2,
        "`eas-host --help-all` lists the options",
    ]
    assert "s3cret" not in str(warnings)
    names = ("PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP")
    assert list(unknown_variables({f"EAS_HOST_{name}": "tcp://10.0.0.1:80" for name in names})) == []


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--worker-thread", "--worker-threads"),
        ("--wroker-threads", "--worker-threads"),
        ("--Log_Level", "--log-level"),
        ("--budget", "--memory-budget"),
        ("-p", "--port"),
        ("--timeout", "--keepalive"),
        ("--prt", "--port"),
        ("--zebra", None),
        ("--no", None),
        ("-x", None),
    ],
)
def test_suggestion_is_near_or_none(word: str, meant: str | None) -> None:
    parser = make_parser("p", "")
    assert near(word, parser.long_flags()) == meant


def test_header_is_where_compilers_are_told(tmp_path: Path) -> None:
    """`g++ $(eas-host --cflags) x.cc -o libx.so` is all that a processor needs."""
    folder = Path(run("--include").stdout.strip())
    assert (folder / "eas" / "processor.h").is_file()
    source = tmp_path / "x.cc"
    source.write_text(
        '#include <eas/processor.h>\n\nextern "C" void* initialize(const char*, const char*, int* state) {\n'
        "  *state = 0;\n  return nullptr;\n}\n\n"
        'extern "C" int process(void*, const void*, int, void**, int*) {\n  return 0;\n}\n',
        encoding="utf-8",
    )
    line = f"{need('g++')} $({' '.join(program())} --cflags) x.cc -o libx.so"
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    run("check", "libx.so", cwd=tmp_path).stdout.index("libx.so: ok")


def test_mistake_is_told_in_the_form_of_the_log() -> None:
    """Whatever reads the log as JSON reads this, too."""
    for words in (["nowhere.py"], ["test", "nowhere.json"], []):
        ended = run(*words, "--log-format", "json")
        assert json.loads(ended.stderr)["level"] == "ERROR", ended.stderr


def test_command_that_runs_a_package_again_names_its_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of a crash has it; a package has no file that says which of its programs it is."""
    monkeypatch.setenv("EAS_HOST_CACHE", str(tmp_path / "cache"))
    package = tar(tmp_path / "several.tar.gz", {"a.py": SHOWS_VARIABLE, "b.py": SHOWS_VARIABLE})
    args = parse_args(make_parser("p", ""), ["--entry", "b.py", "--model-config", "text", "--port", "1"])
    deployment = DescriptionCommand(args, Thing(PACKAGE, str(package)), {}).read_and_prepare()
    deployment.discard()
    assert deployment.target == (str(package), "--entry", "b.py", "--model-config", "text")
    assert deployment.name == "several"
