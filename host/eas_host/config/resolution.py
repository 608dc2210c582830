"""
From the flags, the environment and a service description to a `HostConfig`.

A flag overrides the variable of the same option, a variable overrides the description, and the description overrides
the default.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from eas_host.config import option_types
from eas_host.config.host import OPTIONS, HostConfig, ResolvedConfig, flag, variable
from eas_host.config.option_types import Address
from eas_host.config.token_file import TokenFile
from eas_host.config.variables import load_files
from eas_host.errors import ConfigError

_TOKEN_BYTES: Final = 20
"""As many as EAS's local test uses: 28 characters in base64 (docs/eas-compatibility.md, section 5.1)."""
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})

_removed_secrets: Final[dict[str, str]] = {}
"""Variables with secrets that were removed from the environment of this process."""


def resolve_options(
    args: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    described: Mapping[str, Any] = _EMPTY,
    defaults: Mapping[str, Any] = _EMPTY,
) -> ResolvedConfig:
    """
    Determine the value of each option.

    Args:
        args: the flags, from `parse_args`.
        environ: the variables; by default those of the process, and those that the files of `--env-file` add.
        described: the values in a service description, by the option's name.
        defaults: replace defaults of `HostConfig`.

    Raises:
        ConfigError: a value does not fit, or two options contradict each other. It is one line that names the flag or
            the variable, what was found and what is expected.
    """
    explicit: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if environ is None:
        load_files(args.get("env_file", ()))
        environ = _process_environment()
    for name, option in OPTIONS.items():
        if name in args:
            sources[name] = flag(name)
            text = _split_at_commas(args[name]) if option.separator == "," else args[name]
            explicit[name] = _read_option(name, text, flag(name))
        elif variable(name) in environ:
            text = environ[variable(name)]
            sources[name] = variable(name)
            explicit[name] = _read_option(
                name, text.split(option.separator) if option.repeated else text, sources[name]
            )
    if parts := [name for name in ("host", "port") if name in args]:
        explicit["listen"] = _address(args, explicit.get("listen") or defaults.get("listen") or HostConfig.listen)
        sources["listen"] = " ".join(flag(name) for name in parts)
    explicit = {**_resolve_tokens(described, explicit), **explicit}
    if explicit.get("generate_token"):
        explicit["token"] = make_token()
    token_file = explicit.get("token")
    if isinstance(token_file, TokenFile):
        explicit["token"] = token_file.token
    else:
        token_file = None
    values = {**{name: value for name, value in defaults.items() if name not in explicit}, **explicit}
    if "arguments" in args:
        sources["arguments"] = "--"
    if values.get("reload_dir") and not values.get("reload"):
        raise ConfigError(f"{sources['reload_dir']}: says what --reload watches further, and that is missing; add it")
    config = HostConfig(
        **values, token_file=token_file, arguments=args.get("arguments", ()), explicit=frozenset(explicit)
    )
    return ResolvedConfig(config, sources)


def make_token() -> str:
    """
    Generate a token.
    """
    return base64.b64encode(os.urandom(_TOKEN_BYTES)).decode()


def _process_environment() -> Mapping[str, str]:
    """
    The environment of this process. Secrets are removed from it, so that neither child processes nor the processor
    find them there.
    """
    for name, option in OPTIONS.items():
        if option.secret and variable(name) in os.environ:
            _removed_secrets[variable(name)] = os.environ.pop(variable(name))
    return {**os.environ, **_removed_secrets}


def _address(args: Mapping[str, Any], other: Address) -> Address:
    """
    Return the address of which `--host` and `--port` in *args* give one part or both; *other* has the rest.

    Raises:
        ConfigError: a part does not fit, or `--listen` is given, too.
    """
    if "listen" in args:
        given = " and ".join(flag(name) for name in ("host", "port") if name in args)
        raise ConfigError(f"--listen and {given}: --listen HOST:PORT has both parts already; drop one of them")
    values: dict[str, Any] = {}
    for name, read in (("host", option_types.listen_host), ("port", option_types.listen_port)):
        try:
            values |= {name: read(args[name])} if name in args else {}
        except ValueError as error:
            raise ConfigError(f"{flag(name)}: {args[name]!r}: {error}") from error
    return other._replace(**values)


def _resolve_tokens(described: Mapping[str, Any], explicit: Mapping[str, Any]) -> dict[str, Any]:
    """
    The values in *described*, without a `generate_token` that has no effect: flags and variables, which are *explicit*,
    override it, and so does a token in the description.

    Raises:
        ConfigError: `token` and `generate_token` are both explicit.
    """
    if explicit.get("generate_token") and explicit.get("token") is not None:
        raise ConfigError("--token and --generate-token: both are given; give one of them")
    described = dict(described)
    if explicit.get("token") is not None or (described.get("token") and not explicit.get("generate_token")):
        described.pop("generate_token", None)
    return described


def _split_at_commas(texts: Sequence[str]) -> list[str]:
    """
    Split the values of a flag that may have several at once.
    """
    return [part for text in texts for part in text.split(",")]


def _read_option(name: str, text: str | list[str] | bool, source: str) -> Any:  # noqa: ANN401  each has its own type
    option = OPTIONS[name]
    if isinstance(text, bool):
        return text
    if isinstance(text, list):
        return tuple(_read_option(name, item, source) for item in text if item)
    try:
        if option.choices and text not in option.choices:
            raise ValueError(f"expected {', '.join(option.choices[:-1])} or {option.choices[-1]}")
        return option.read(text)
    except ValueError as error:
        found = "" if option.secret else f"{text!r}: "
        raise ConfigError(f"{source}: {found}{error}") from error
