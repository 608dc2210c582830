"""
Commands that only print something about the host: `schema`, `header` (`--include` and `--cflags`), and `completion`,
whose scripts `shells` writes.
"""
