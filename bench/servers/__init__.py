"""
The servers that are measured.

- `tools`: where the benchmark's files are, and the programs that it needs.
- `server`: what is said of a server, and its life from its start to its end.
- `bare`: the baseline, a program of its own.
- `builds`: the processors; `ours`: nginx, the baseline, and this host in its languages and forms.
- `venvs`, `peer`, `peers`: other hosts, each in a venv of its own.
"""
