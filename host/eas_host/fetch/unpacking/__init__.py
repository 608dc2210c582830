"""
Archives: which files are archives, and how they are unpacked.

In reading order:

- `archive`: unpacks an archive into a folder, wholly or not at all.
- `archive_type`: tells from a file's content and name whether it is an archive, and which.
- `tar_reader`, `zip_reader`: read the members of an archive.
- `extraction_dir`: the folder that takes the members, and the rules for what they may do.
"""
