"""
The archive of a package: its members, and how they are written.

In reading order:

- `member`: what one member of an archive is.
- `folder_contents`: turns a folder into members; `ignore`: which files are left out.
- `writer`: writes members to a `.tar.gz`; `parallel_gzip`: compresses on all cores.
"""
