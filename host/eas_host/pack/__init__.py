"""
Packages of processors: what goes into them, and how they are written.

In reading order:

- `processor`: packs a cpp or java processor (`eas-host pack`); `from_description`: finds it in a service description.
- `python_folder`: packs the folder of a Python processor (`eas-host pysdk pack`).
- `package_builder`: collects the files of a package.
- `dependencies`: finds the libraries and jars that a processor needs from elsewhere.
- `archive`: turns a folder into the members of an archive, and writes the archive.
- `report`: says what has been packed.
"""
