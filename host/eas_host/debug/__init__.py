"""
Processors under a debugger: `eas-host debug`.

In this order: `deployment` (one thread, one worker, no deadline), `host` (a host that tells how to ask it, or asks
itself), and where the debugger is: `gdb` runs the host, `pdb_host` has pdb in its worker, `jdb_host` attaches jdb to
the JVM of its worker, for which `java_classes` finds classes and sources. `sessions` runs them. `vscode` writes what
an editor needs, and `program` is the command that debuggers start.
"""
