"""
The outputs of this process, and what is written to them outside of the logging module: a program that uses `allspark`
has a logging configuration of its own.
"""

import logging

from eas_runtime.log.escape import escape_controls
from eas_runtime.log.output import OutputStream
from eas_runtime.log.records import format_record
from eas_runtime.log.writer import BackgroundWriter

stdout = OutputStream("stdout", 1)
stderr = OutputStream("stderr", 2)

_INFO = "[INFO] "


class Announcer:
    """
    Prints announcements in the log's format, to *output*.
    """

    as_json = False
    output = stdout

    def __call__(self, text: str) -> None:
        """
        Print *text*, one line.
        """
        if not self.as_json:
            self.output.write(f"{escape_controls(text)}\n")
            return
        message = text[len(_INFO) :] if text.startswith(_INFO) else text
        self.output.write(format_record(logging.INFO, message, as_json=True))


announce = Announcer()


def write_alongside_program() -> None:
    """
    Write in threads from now on, in a user's program that also prints itself.
    """
    for output in (stdout, stderr):
        output.use_writer(BackgroundWriter(output.fd, lost_record), alongside=True)


def write_error(text: str) -> None:
    """
    Write an error as a record of the log, from a process that has a logging configuration of its own.
    """
    stderr.write(format_record(logging.ERROR, text, as_json=announce.as_json))


def lost_record(count: int) -> bytes:
    """
    Make the record that stands for *count* dropped ones.
    """
    lines = "1 line was dropped" if count == 1 else f"{count} lines were dropped"
    text = f"{lines} here: the reader of this output was too slow"
    return stderr.encode(format_record(logging.WARNING, text, as_json=announce.as_json))
