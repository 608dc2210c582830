"""
What a shared library tells without being loaded, and the home of a Java without being run.

- `elf`: its machine, the libraries that it needs, and EAS's functions in it.
- `dynamic_section`: what it asks of the dynamic linker, read fast and without pyelftools.
- `python_embedding`: whether it starts a Python of its own.
- `java_home`: the version of a Java, and its libjvm.so.
"""
