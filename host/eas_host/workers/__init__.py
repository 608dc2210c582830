"""
Where processors run: worker processes under a supervisor, or threads of the host's own process.

In reading order:

- `worker`: one worker as its supervisor sees it; `supervisor`: starts the worker processes and replaces those that die.
- `process`: starts one process, reads what it writes, and sees its death.
- `pipe_reader` and `message_writer`: how they talk; `read_quota`: how much of the front's time reading may take.
- `jvm_report`: what a JVM has left behind about its end.
- `death`: how a process ended; `restarts`: when the next one is started.
- `recovery`: what becomes of the requests that it ran; `solo_runner`: runs those that may have caused its death, alone.
- `liveness`: kills workers that are alive but answer no requests; `successors`: replaces one without a gap.
- `in_process`: threads in the host's own process, for `--isolation none`.
"""
