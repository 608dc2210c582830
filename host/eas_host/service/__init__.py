"""
A host's life, and the versions of the service that it serves.

In reading order:

- `host`: bind, load, listen, serve, drain, end.
- `service_version`: the backends of one version, loaded and ended together; `warm_up`: requests before it serves.
- `reloader`: another version takes over when files change. `file_watcher` and `file_events` report changes;
  `served_files` selects those of what is served;
  `self_written_files` tells which of them a version has made itself.
- `service_manager`: what systemd is told of all that.
- `invocation`: calls a processor without serving it.
"""
