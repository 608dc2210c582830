"""
The fixtures that all tests share.

`host` is a running host with the contract processor, in seven columns: {cpp, java, python} x {process, none}, and cpp
in a worker process that is no Python; for a table of cases also in those with batches.
It is started once per test module and column, with the options in the module's HOST_OPTIONS, and its log is
checked after every test. A test that needs a host of its own, or a damaged one, makes it with `start`.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import LONG, TIMEOUT, host_forks, proc, processor_python
from support.build import ProcessorBuilder
from support.columns import BATCHES, COLUMNS, Column
from support.fileserver import FileServer, running
from support.framework_tests import FrameworkTests
from support.gate import Gate
from support.host import Host, StartHost, Value, clean_environment, program, use_data_plane
from support.kinds import KINDS
from support.never_reads import NeverReads
from support.planes import PLANES, Known, StartPlane
from support.quick import QuickTests, leave_out
from support.shared_hosts import SharedHosts, add_markers, has_passed, note_outcome, shares
from support.wire import Client, command, request

if TYPE_CHECKING:
    from selenium import webdriver

CI = os.environ.get("CI") == "true"
SLOWEST = (
    "test_image_cpp.py",
    "test_readme.py",
    "test_torture.py",
    "test_crashes.py",
    "test_image_contract.py",
    "test_load_failures.py",
    "test_decompression_bombs.py",
    "test_late_deaths.py",
    "test_soak.py",
    "test_liveness.py",
)
"""The files that take longest begin first: where several processes share the files, none of them runs on alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="run the tests that start no program (tests/support/quick.py)"
    )
    parser.addoption("--frameworks", default="", help="run the tests of these frameworks (`make test-frameworks`)")
    parser.addoption("--containers", action="store_true", help="run the tests of the image (`make test-container`)")
    parser.addoption("--cluster", action="store_true", help="run the tests with a Kubernetes (`make test-cluster`)")
    parser.addoption("--data-plane", help="the data plane of the hosts that tests start (`make test-planes`)")
    parser.addoption("--processor-python", help=f"{processor_python.__doc__}".splitlines()[1].partition(": ")[2])


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("data_plane"):
        use_data_plane(config.getoption("data_plane"))
    if config.getoption("processor_python"):
        processor_python.use(config.getoption("processor_python"))
    config.pluginmanager.register(FrameworkTests(config.getoption("frameworks")))
    if config.getoption("quick"):
        config.pluginmanager.register(QuickTests())
    config.addinivalue_line(
        "markers", "torture: kills workers under load; EAS_HOST_TORTURE_SECONDS=60 runs it in full length"
    )
    config.addinivalue_line("markers", "framework(name): needs an environment that `make test-frameworks` makes")
    config.addinivalue_line("markers", "every_python: starts hosts, also in each version of `make test-versions`")
    add_markers(config)
    # A shell that starts a command in the background has it ignore Ctrl+C, and so all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # `nohup make test`: still ignored here, but not inherited
    # 2,000 connections have two ends; workers that are crashed on purpose need not write core files.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard)
        )
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    host_forks.add_marker(config)
    host_forks.starts.begin(Path(program()[0]), clean_environment())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Those of the image, and those with a Kubernetes, need what takes minutes to build."""
    options = {
        "test_alerts.py": "cluster",
        "test_container.py": "containers",
        "test_delete.py": "cluster",
        "test_live_commands.py": "cluster",
        "test_network_policy.py": "cluster",
        "test_rbac.py": "cluster",
        "test_live_options.py": "cluster",
        "test_live_release.py": "cluster",
        "test_live_scaling.py": "cluster",
        "test_real_cluster.py": "cluster",
        "test_real_release.py": "cluster",
        "test_token.py": "cluster",
        "test_two_users.py": "cluster",
        "test_versions.py": "cluster",
    }
    left_out = options.get(collection_path.name)
    return True if left_out and not config.getoption(left_out) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means. Half of the time that the tests take they wait for a host."""
    return 2 * len(os.sched_getaffinity(0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Before the fixtures of the test start a host."""
    host_forks.starts.real = host_forks.wants_real_starts(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI says so, nothing may be skipped: a missing compiler must not look like a success."""
    report = yield
    left_out = item.config.getoption("quick") or processor_python.LEFT_OUT in str(report.longrepr)
    if CI and report.skipped and not hasattr(report, "wasxfail") and not left_out:
        report.outcome = "failed"
        report.longrepr = f"skipped, but CI=true: {report.longrepr}"
    note_outcome(item, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays, so the search for garbage, which each process of pytest makes, finds none in it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Runs the slowest modules first, and the tests of a module column by column, so that each column's host is started
    once.

    pytest groups tests by the place of a parameter in its list, which is another one in each table.
    """
    if config.getoption("processor_python"):
        items[:] = [item for item in items if processor_python.concerns(item)]
    modules = list(dict.fromkeys(item.path for item in items))
    modules.sort(key=lambda path: SLOWEST.index(path.name) if path.name in SLOWEST else len(SLOWEST))
    places = {path: place for place, path in enumerate(modules)}

    def order(item: pytest.Item) -> tuple[int, int]:
        column = item.callspec.params.get("host") if hasattr(item, "callspec") else None
        known = (*COLUMNS, *BATCHES, *KINDS)
        return places[item.path], known.index(column) if column in known else -1

    items.sort(key=order)


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> ProcessorBuilder:
    return ProcessorBuilder(tmp_path_factory.mktemp("processors"))


@pytest.fixture(scope="module", params=COLUMNS, ids=str)
def host(
    request: pytest.FixtureRequest, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    column: Column = request.param
    entry = builder.contract(column.language)
    options: dict[str, Value] = {
        "processor_type": column.language,
        "worker": column.worker,
        "batching": column.batching,
        **getattr(request.module, "HOST_OPTIONS", {}),
    }
    folder = tmp_path_factory.mktemp(f"host-{column}")
    with Host(folder, entry=entry, isolation=column.isolation, **options) as running:
        yield running


@pytest.fixture(autouse=True)
def _checked_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Looks at the shared host's log before and after each test, so that an error is found where it happened.
    """
    running = request.getfixturevalue("host") if "host" in request.fixturenames else None
    if running is not None:
        running.mark()
    yield
    if running is not None:
        running.check_log()


@pytest.fixture(scope="module")
def shared_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedHosts]:
    hosts = SharedHosts(tmp_path_factory.mktemp("shared-hosts"))
    yield hosts
    hosts.close()


@pytest.fixture
def start(
    request: pytest.FixtureRequest, builder: ProcessorBuilder, tmp_path: Path, shared_hosts: SharedHosts
) -> Iterator[StartHost]:
    """
    Starts hosts for one test and stops them after it: `start(language="cpp", worker_threads=1)`.

    Without an `entry` it is the contract processor of *language*. In a module with the mark `shared_hosts` such a host
    may be one that runs already (tests/support/shared_hosts.py).
    """
    sharing = shares(request.node)
    with ExitStack() as running:
        running.callback(lambda: shared_hosts.give_back(passed=has_passed(request.node)))

        def make(language: str = "cpp", entry: Path | str | None = None, **options: Value) -> Host:
            all_options = {"entry": entry or builder.contract(language), "processor_type": language, **options}
            if sharing and entry is None:
                return shared_hosts.take(all_options)
            folder = tmp_path / f"host-{len(list(tmp_path.glob('host-*')))}"
            return running.enter_context(Host(folder, **all_options))

        yield make


@pytest.fixture(params=PLANES)
def plane(request: pytest.FixtureRequest) -> str:
    """Each data plane."""
    name: str = request.param
    return name


@pytest.fixture
def begin(start: StartHost, plane: str) -> StartPlane:
    """Starts a host with the data plane of this test."""

    def make(language: str = "cpp", **options: Value) -> Host:
        return start(language, data_plane=plane, **({"keepalive": LONG} | options))

    return make


@pytest.fixture
def known() -> Iterator[Known]:
    """Makes connections whose heads are known: from then on no request needs Python."""
    with ExitStack() as clients:

        def make(host: Host) -> Client:
            client = clients.enter_context(host.connect())
            assert client.call(b"known").body == b"known"
            return client

        yield make


@pytest.fixture
def programs(request: pytest.FixtureRequest) -> None:
    """For a test that works long before it starts a program: `--quick` leaves it out before that."""
    if request.config.getoption("quick"):
        leave_out()


@pytest.fixture
def gates(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Gate]]:
    """Makes gates. They are closed before the hosts are stopped, so that nobody is held inside."""
    for earlier in ("host", "start"):
        if earlier in request.fixturenames:
            request.getfixturevalue(earlier)
    with ExitStack() as made:
        yield lambda: made.enter_context(Gate(tmp_path / f"gate-{len(list(tmp_path.glob('gate-*')))}"))


@pytest.fixture
def gate(gates: Callable[[], Gate]) -> Gate:
    return gates()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium: one for all tests of a module, since it is heavy."""
    from support.browser import open_browser  # noqa: PLC0415  few tests need selenium, which takes long to import

    with open_browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server of files, without a proxy in between."""
    monkeypatch.setenv("no_proxy", "*")
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def never_reads(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeverReads]:
    """It asks for 100 MiB and reads none of it, from when a test first wants it until the end of the session."""
    with Host(tmp_path_factory.mktemp("never-reads"), entry=builder.cpp("contract")) as running:
        descriptors = proc.holdings(running.pid).descriptors
        with Client(running.address, receive_buffer=4096) as client:
            client.send(request(body=command("size", str(100 << 20))))
            assert select.select([client.socket], [], [], TIMEOUT)[0], "no answer begins"
            yield NeverReads(running, client, descriptors)
