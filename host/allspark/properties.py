"""
Properties: names and values, bytes each, that programs and the host share.

There is one store for a process. The host acts upon some names (`rpc.keepalive`, `rpc.worker_threads`, ...); every
other name is the program's own. What is put before there is a service is passed on as soon as there is one.
"""

import logging
import os
from _thread import RLock
from typing import Any, Callable, TypeVar, overload

T = TypeVar("T")
Listener = Callable[[bytes], object]
Sender = Callable[[bytes, bytes, int], None]


class PropertyStore:
    """
    The values of this process, and the functions to call when one changes: listeners, and one that tells the host.

    The program's changes are numbered: the host repeats them, and what it repeats may be older than what the program
    has put since.
    """

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self._count = 0
        self._put: dict[bytes, int] = {}
        self._listeners: dict[bytes, list[Listener]] = {}
        self._send: Sender | None = None
        self._process = os.getpid()
        self._own_lock = RLock()  # of C, which gevent leaves alone: threads of the host take it, too

    @property
    def _lock(self) -> RLock:
        """
        The lock of this process: a forked child must not inherit one that a thread holds which it has not.
        """
        if self._process != os.getpid():
            self._process, self._own_lock = os.getpid(), RLock()
        return self._own_lock

    def connect(self, send: Sender) -> None:
        """
        Call *send* with the name, the value and the number of the change, for each value so far and each later one.
        """
        with self._lock:
            self._send = send
            for name, value in self.values.items():
                send(name, value, self._put.get(name, 0))

    def listen(self, name: bytes, listener: Listener) -> None:
        """
        Call *listener* with each new value of *name*.
        """
        with self._lock:
            self._listeners.setdefault(name, []).append(listener)

    def put(self, name: bytes, value: bytes) -> None:
        """
        Set *name* for the program: tell the host, and call the listeners.
        """
        with self._lock:
            self.values[name] = value
            self._count += 1
            self._put[name] = self._count
            if self._send is not None:
                self._send(name, value, self._count)
        self.call_listeners(name, value)

    def set_default(self, name: bytes, value: bytes) -> None:
        """
        Give *name* the *value* that the host has for it anyway, unless it has one.
        """
        with self._lock:
            self.values.setdefault(name, value)

    def receive(self, name: bytes, value: bytes, put: "int | None") -> bool:
        """
        Take a value from the host, which has changed *name* or repeats this program's change number *put*. Returns
        whether the value is new, so that listeners must be called.
        """
        with self._lock:
            if self.values.get(name) == value or (put is not None and put < self._put.get(name, 0)):
                return False
            self.values[name] = value
            return True

    def call_listeners(self, name: bytes, value: bytes) -> None:
        """
        Call the listeners of *name*. One that raises is logged and stops no other.
        """
        for listener in list(self._listeners.get(name, ())):
            try:
                listener(value)
            except Exception:
                logging.getLogger("allspark").exception("a listener of the property %s failed", name.decode("latin-1"))


store = PropertyStore()


class Property:
    """
    The properties of this process. All instances have the same values.
    """

    def put(self, name: object, value: object) -> None:
        """
        Give *name* a *value*. Bytes are taken as they are, anything else as str() of it.
        """
        store.put(_raw(name), _raw(value))

    @overload
    def get(self, name: object) -> bytes: ...

    @overload
    def get(self, name: object, default: T) -> T: ...

    def get(self, name: object, default: Any = b"") -> Any:
        """
        Return the value of *name*, converted to the type of *default*; *default* if there is none.
        """
        raw = store.values.get(_raw(name))
        if raw is None:
            return default
        return raw.decode("utf-8", "surrogateescape") if isinstance(default, str) else type(default)(raw)

    @overload
    def listen(self, name: object, callback: None = None) -> "Callable[[Listener], Listener]": ...

    @overload
    def listen(self, name: object, callback: Listener) -> Listener: ...

    def listen(self, name: object, callback: "Listener | None" = None) -> "Listener | Callable[[Listener], Listener]":
        """
        Call *callback* with each new value of *name*, whoever changes it. Without a callback it is a decorator.
        """

        def register(chosen: Listener) -> Listener:
            store.listen(_raw(name), chosen)
            return chosen

        return register if callback is None else register(callback)

    def __repr__(self) -> str:
        shown = {
            name.decode("utf-8", "replace"): "****" if name == b"rpc.token" else value.decode("utf-8", "replace")
            for name, value in store.values.items()
        }
        return f"Property({shown})"


def default_properties() -> Property:
    """
    Return the properties of this process.
    """
    return Property()


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
