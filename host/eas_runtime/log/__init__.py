"""
The outputs of a process of this project: lines for the user, which may be JSON, and which delay nothing.

    streams   the two outputs, announcements, and errors of a program that has a log of its own
    output    one output
    writer    the thread that writes it
    records   the forms of records
    escape    removes what must not be in the text
"""

from eas_runtime.log.streams import announce, write_alongside_program, write_error

__all__ = ["announce", "write_alongside_program", "write_error"]
