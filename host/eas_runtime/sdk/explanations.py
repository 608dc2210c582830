"""
What a user must know about an exception beyond its text: where the function is that does not fit its call, that the
program itself has left the folder in which it looks for a file, and what an exit means here.
"""

import inspect
import os
import sys
from typing import NamedTuple

from allspark.service import ServedProcessor
from eas_runtime.errors import InitializeFailed
from eas_runtime.sdk.contract import find_callee, find_problem
from eas_runtime.sdk.user_errors import describe_error, place_of, safe_str, user_frames, user_trace

_PAIR = "(bytes, int), such as (b'ok', 200)"
"""What `process` returns."""
NO_TERMINAL = (
    "breakpoint() needs a terminal, and a worker process has none: start the host as `eas-host debug` to debug"
)


def program_name() -> str:
    """
    Return how the program was called.
    """
    return sys.argv[0] if sys.argv else ""


def working_directory() -> str:
    """
    Return the working directory; `""` if it has been removed.
    """
    try:
        return os.getcwd()
    except OSError:
        return ""


def advice(error: BaseException, folder: str) -> str:
    """
    Return what to add to the description of *error*, after a semicolon; `""` for nothing. *folder* was the working
    directory before the code ran that raised it.
    """
    notes = [find_callee(error), _moved(error, folder), _ends(error)]
    return "".join(f"; {note}" for note in notes if note)


def explain_initialize(processor: ServedProcessor, error: BaseException, program: str, folder: str) -> InitializeFailed:
    """
    Turn the *error* that `initialize` of *processor* has raised into one that says what is wrong.

    Args:
        processor: the processor.
        error: what was raised.
        program: names the program, where no place in it is known.
        folder: the working directory before.
    """
    place = place_of(error)
    problem = find_problem(processor, "initialize") if place is None else None
    if problem is not None:  # it was not even called
        return InitializeFailed(problem.described(program))
    raised = f"{type(processor).__name__}.initialize() raised {describe_error(error)}{advice(error, folder)}"
    return InitializeFailed(f"{place or program}: {raised}", user_trace(error))


class Explanation(NamedTuple):
    """
    What the client gets, and what the log says. The *frames*, each after a newline, are for those clients who may see
    them.
    """

    answer: str
    log: str
    frames: str = ""


def explain_call(
    processor: ServedProcessor, error: BaseException, folder: str, method: str = "process", then: str = ""
) -> Explanation:
    """
    Say what is wrong, if a call of *method* of *processor* has raised *error*. *folder* was the working directory when
    *processor* was loaded. The log says what happens *then*.
    """
    text = safe_str(error) or type(error).__name__
    raised = f"{method} raised {describe_error(error)}"
    problem = find_problem(processor, method) if place_of(error) is None else None
    if problem is not None:  # it was not even called
        return Explanation(f"{text}; {problem.in_brief()}", f"{raised}; {problem.described(program_name())}{then}")
    if _ends(error):
        text = f"{describe_error(error)}{advice(error, folder)}"
    return Explanation(text, f"{raised}{advice(error, folder)}{then}\n{user_trace(error)}", user_frames(error))


def explain_result(processor: ServedProcessor, returned: object) -> Explanation:
    """
    Say what is wrong, if `process` of *processor* has *returned* what is no data and status.
    """
    text = f"process returned {_type_names(returned)}"
    problem = find_problem(processor, "process")
    if problem is not None:
        return Explanation(f"{text}; {problem.in_brief()}", f"{text}; {problem.described(program_name())}")
    text += f"; expected {_PAIR}"
    if inspect.iscoroutine(returned) or (isinstance(returned, tuple) and hasattr(returned[0], "__anext__")):
        text += "; only an `async def process` is awaited"
    return Explanation(text, text)


def explain_batch(processor: ServedProcessor, returned: object, count: int) -> str:
    """
    Say what is wrong, if `batch_process` of *processor* has *returned* what is no list of *count* answers.
    """
    size = f" of {len(returned)}" if isinstance(returned, (tuple, list)) else ""
    kind = _type_names(returned) if not size else type(returned).__name__
    what = f"{type(processor).__name__}.batch_process returned {kind}{size} for a batch of {count}"
    return f"{what}; expected a list of {count}, with {_PAIR}, for each request{run_again(count)}"


def explain_batch_item(processor: ServedProcessor, item: object, place: int, count: int) -> Explanation:
    """
    Say what is wrong, if `batch_process` of *processor* has returned a list of *count* whose *item* at *place* is no
    data and status.
    """
    what = f"{type(processor).__name__}.batch_process returned a list of {count} whose item {place} is"
    text = f"{what} {_type_names(item)}; expected {_PAIR}"
    return Explanation(text, text)


def run_again(count: int) -> str:
    """
    Say what becomes of the *count* requests of a batch whose call has failed, after a semicolon.
    """
    return f"; its {count} requests run again, each by itself, in process" if count > 1 else "; it runs in process"


def _type_names(value: object) -> str:
    if inspect.iscoroutine(value):
        value.close()  # else Python warns that nobody has awaited it
    if isinstance(value, tuple):
        return f"({', '.join(type(item).__name__ for item in value)})"
    return type(value).__name__


def _moved(error: BaseException, folder: str) -> "str | None":
    """
    If a file is not found by its relative path, say that this is another folder than *folder*.
    """
    if not isinstance(error, FileNotFoundError) or not folder:
        return None
    name = error.filename
    now = working_directory()
    if name is None or isinstance(name, int) or os.path.isabs(name) or now == folder:
        return None
    if not now:
        return f"the working directory {folder} has been removed"
    return f"the program has changed the working directory from {folder} to {now}: use absolute paths"


def _ends(error: BaseException) -> "str | None":
    if isinstance(error, SystemExit):
        return "a processor must not end its process, as sys.exit does"
    if type(error).__name__ == "BdbQuit":
        return NO_TERMINAL
    return None
