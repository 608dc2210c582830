"""
From argv, the environment and a service description to a `HostConfig`.

The parser is generated from the fields of `HostConfig`, so an option is never spelled twice. A flag wins over its
variable, a variable over the description, the description over the default.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final, NoReturn

from eas_host import __version__
from eas_host.config import HostConfig, ResolvedConfig
from eas_host.config.host import FILES, LOGGING, MODEL, PROCESSOR, SERVING, WORKERS, Option
from eas_host.errors import ConfigError

_TITLES: Final = {
    PROCESSOR: "the processor",
    MODEL: "its model",
    SERVING: "serving",
    WORKERS: "workers",
    FILES: "files",
    LOGGING: "logging",
}
_EXAMPLES: Final = """\
examples:
  eas-host --processor-type cpp    --entry libecho.so --model-entry ./model/
  eas-host --processor-type java   --entry echo.jar --mainclass com.example.Echo
  eas-host --processor-type python --entry app.py --listen 127.0.0.1:0
  eas-host --entry app.py -- --func_name base     words for a Python program, in its sys.argv

commands, each with a --help of its own:
  eas-host test service.json      run what a service description says, on a free port
  eas-host serve service.json     the same on --listen
  eas-host desc service.json      say what would run, and where each value comes from
  eas-host schema                 print the JSON Schema of descriptions
  eas-host init, pack, pysdk      begin a processor, pack one

Each option can also be given in the environment: EAS_HOST_LISTEN for --listen, and so on.
Exit codes: 0 a clean stop, 2 a wrong option, 3 the processor cannot be loaded, 4 the address cannot be bound,
130 ended at once by Ctrl+C.
"""
_OPTIONS: Final[dict[str, Option]] = {
    field.name: field.metadata["option"] for field in fields(HostConfig) if "option" in field.metadata
}
_TOKEN_BYTES: Final = 20
"""As many as EAS's local test takes: 28 characters in base64 (docs/eas-compatibility.md, section 5.1)."""
_taken: Final[dict[str, str]] = {}
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Parser(argparse.ArgumentParser):
    """
    A parser whose complaints are `ConfigError`s of one line, with the nearest known flag for a misspelt one.
    """

    def error(self, message: str) -> NoReturn:
        """
        Raise what argparse would print.
        """
        unknown = re.match(r"unrecognized arguments: (\S+)", message)
        if unknown and not unknown[1].startswith("-"):
            raise ConfigError(f"{unknown[1]}: is one word too many (see {self.prog} --help)")
        if unknown:
            word = unknown[1].partition("=")[0]  # what follows may be a token
            near = difflib.get_close_matches(word, [flag(name) for name in _OPTIONS], 1)
            hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
            raise ConfigError(f"{word}: there is no such option; {hint}")
        message = re.sub(r"^argument (\S+): ", r"\1: ", message)
        raise ConfigError(f"{message} (see {self.prog} --help)")


def read_config(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> HostConfig:
    """
    Read the options in *argv*, which does not include the program's name, and in *environ*, by default the process's.

    Raises:
        ConfigError: with one line that names the flag or variable, what was found and what is expected.
    """
    parser = make_parser(
        "eas-host", "Run, debug and serve a PAI-EAS custom processor: a .so, a .jar or a .py file.", _EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"eas-host {__version__}")
    return settle(parse(parser, argv), environ).config


def make_parser(prog: str, description: str, epilog: str) -> Parser:
    """
    Make a parser that knows the options; a command may add words of its own.
    """
    parser = Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    groups = {group: parser.add_argument_group(title) for group, title in _TITLES.items()}
    for name, option in _OPTIONS.items():
        group = groups[option.group]
        default = getattr(HostConfig, name)
        if isinstance(default, bool):
            group.add_argument(flag(name), action="store_true", help=option.help)
        else:
            group.add_argument(
                flag(name),
                metavar=option.metavar,
                action="append" if option.repeated else "store",
                help=option.help + _default_text(default),
            )
    return parser


def parse(parser: Parser, argv: Sequence[str]) -> dict[str, Any]:
    """
    Split *argv* into what was given, by name. The values of options are still text; what stands behind `--` are the
    `arguments` of a Python program.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    words = vars(parser.parse_args(_bind_values(argv[:end])))
    return {**words, "arguments": tuple(argv[end + 1 :])} if argv[end + 1 :] else words


def settle(
    words: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    described: Mapping[str, Any] = _NOTHING,
    defaults: Mapping[str, Any] = _NOTHING,
) -> ResolvedConfig:
    """
    Settle each option.

    Args:
        words: the flags that were given, from `parse`.
        environ: may have variables for others; by default it is the process's own.
        described: values from a service description, by the option's name.
        defaults: in place of those that `HostConfig` has.

    Raises:
        ConfigError: as for `read_config`.
    """
    given: dict[str, Any] = {}
    sources: dict[str, str] = {}
    environ = _own_environment() if environ is None else environ
    for name, option in _OPTIONS.items():
        variable = f"EAS_HOST_{name.upper()}"
        if name in words:
            sources[name] = flag(name)
            given[name] = _read(name, _at_commas(words[name]) if option.separator == "," else words[name], flag(name))
        elif variable in environ:
            text = environ[variable]
            sources[name] = variable
            given[name] = _read(name, text.split(option.separator) if option.repeated else text, variable)
    given = {**_without_contradiction(described, given), **given}
    if given.get("generate_token"):
        given["token"] = base64.b64encode(os.urandom(_TOKEN_BYTES)).decode()
    values = {**{name: value for name, value in defaults.items() if name not in given}, **given}
    if "arguments" in words:
        sources["arguments"] = "--"
    config = HostConfig(**values, arguments=words.get("arguments", ()), explicit=frozenset(given))
    return ResolvedConfig(config, sources)


def _own_environment() -> Mapping[str, str]:
    """
    The process's environment. Secrets are taken out of it: what the host starts, or runs, has no business with them.
    """
    for name, option in _OPTIONS.items():
        if option.secret and (variable := f"EAS_HOST_{name.upper()}") in os.environ:
            _taken[variable] = os.environ.pop(variable)
    return {**os.environ, **_taken}


def _without_contradiction(described: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """
    What *described* says of tokens, as far as what was *given* by hand leaves it open. A token of its own wins over the
    wish for a generated one: a description may have both.

    Raises:
        ConfigError: both were given by hand.
    """
    if given.get("generate_token") and given.get("token") is not None:
        raise ConfigError("--token and --generate-token: both are given; give one of them")
    described = dict(described)
    if given.get("token") is not None or (described.get("token") and not given.get("generate_token")):
        described.pop("generate_token", None)
    return described


def _at_commas(texts: Sequence[str]) -> list[str]:
    """
    Take apart what is given as a list in one flag.
    """
    return [part for text in texts for part in text.split(",")]


def _bind_values(argv: Sequence[str]) -> list[str]:
    """
    Write `--flag VALUE` as `--flag=VALUE` where the value begins with a dash: argparse would take `-Xmx2g` for a flag.
    """
    flags = {flag(name): not isinstance(getattr(HostConfig, name), bool) for name in _OPTIONS}
    bound: list[str] = []
    for word in argv:
        if bound and flags.get(bound[-1]) and word.startswith("-") and word.partition("=")[0] not in flags:
            bound[-1] += f"={word}"
        else:
            bound.append(word)
    return bound


def _read(name: str, text: str | list[str] | bool, source: str) -> Any:  # noqa: ANN401  each option has its own type
    option = _OPTIONS[name]
    if isinstance(text, bool):
        return text
    try:
        if isinstance(text, list):
            return tuple(option.read(item) for item in text if item)
        if option.choices and text not in option.choices:
            raise ValueError(f"expected {', '.join(option.choices[:-1])} or {option.choices[-1]}")
        return option.read(text)
    except ValueError as error:
        shown = "" if option.secret else f"{text!r}: "
        raise ConfigError(f"{source}: {shown}{error}") from error


def flag(name: str) -> str:
    """
    The flag of the option *name*.
    """
    return "--" + name.replace("_", "-")


def _default_text(default: object) -> str:
    if default in (None, "", ()):
        return ""
    if isinstance(default, tuple):
        default = f"{default[0]}:{default[1]}"
    elif isinstance(default, int) and default >= 2**20 and default % 2**20 == 0:
        default = f"{default // 2**20}MiB"
    elif isinstance(default, float):
        default = f"{default:g}"
    return f" [{default}]"
