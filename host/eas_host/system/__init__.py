"""
What the host needs of the operating system.

In reading order:

- `signals`: the signals that the host handles, and those of the user's code beside them.
- `daemon_threads`: work that must not block the event loop.
- `pacer`: a timer of microseconds for an event loop.
- `memory`: how much memory there is, and which process the system kills first; `process_usage`: what another process
  has of memory, descriptors and threads; `sizes`: how bytes are written for people.
- `user`: the user of `--user`.
- `safe_path`: folders that nobody else can change; `contained_files`: files in a folder that somebody else can change.
- `listening_process`: which process listens on a port.
- `disk_errors`: what to tell the user about a full disk.
- `exit_code`: how a program of the host ends: with an exit code, and with one line if an error ended it.
"""
