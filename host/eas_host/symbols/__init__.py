"""
Where the code of C++ processors was: from addresses to functions, files and lines.

In reading order:

- `frame`: one function on a stack, and how it is written; `stack`: which frames of a stack are worth showing.
- `symbolizer`: asks eas-symbolizer, a process of its own, since it reads files that come from users.
- `locator`: remembers what it has answered, and does without it where it cannot be used.
- `trace`: gives the frames in a worker's text their lines; `log_record`: in its log.
- `crash`: says what a crash was and where, from what the worker's crash handler has recorded.
"""
