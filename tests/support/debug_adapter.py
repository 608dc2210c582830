"""
A client of the Debug Adapter Protocol, as an editor has it: it starts an adapter, passes on a configuration of a
launch.json, and runs in a terminal what the adapter wants to run there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

Content = dict[str, Any]
RunInTerminal = Callable[[Sequence[str], str, Mapping[str, str]], int]


class DebugAdapter:
    """
    Talks to the adapter *command* over its standard input and output. *run_in_terminal* gets a command, its folder and
    its variables, and returns the number of the process.
    """

    def __init__(self, command: Sequence[str], run_in_terminal: RunInTerminal) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._run_in_terminal = run_in_terminal
        self._sent = 0
        self._received: list[Content] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def send(self, command: str, **arguments: object) -> int:
        """Sends a request, and returns its number."""
        return self._write(type="request", command=command, arguments=arguments)

    def ask(self, command: str, **arguments: object) -> Content:
        """Sends a request, and returns the body of its response."""
        return self.response(self.send(command, **arguments))

    def response(self, number: int) -> Content:
        """Waits for the response to request *number*."""
        message = self._wait(lambda one: one["type"] == "response" and one["request_seq"] == number)
        assert message["success"], message
        body: Content = message.get("body", {})
        return body

    def event(self, name: str) -> Content:
        """Waits for the event *name*."""
        body: Content = self._wait(lambda one: one["type"] == "event" and one["event"] == name).get("body", {})
        return body

    def _wait(self, wanted: Callable[[Content], bool]) -> Content:
        while True:
            for message in self._received:
                if wanted(message):
                    self._received.remove(message)
                    return message
            message = self._read()
            if message["type"] == "request":
                self._serve(message)
            else:
                self._received.append(message)

    def _serve(self, message: Content) -> None:
        assert message["command"] == "runInTerminal", message
        wanted = message["arguments"]
        variables = {name: value for name, value in wanted.get("env", {}).items() if value is not None}
        pid = self._run_in_terminal(wanted["args"], wanted["cwd"], variables)
        self._write(
            type="response",
            request_seq=message["seq"],
            command=message["command"],
            success=True,
            body={"processId": pid},
        )

    def _write(self, **message: object) -> int:
        assert self._process.stdin is not None
        self._sent += 1
        data = json.dumps({"seq": self._sent, **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self._process.stdin.flush()
        return self._sent

    def _read(self) -> Content:
        assert self._process.stdout is not None
        size = 0
        while line := self._process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        assert size, "the adapter has ended"
        message: Content = json.loads(self._process.stdout.read(size))
        return message
