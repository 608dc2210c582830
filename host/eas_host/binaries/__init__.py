"""
What a shared library tells without being loaded, and the home of a Java without being run.

- `elf`: its machine, the libraries that it needs, and EAS's functions in it.
- `elf_image`: its headers and tables; `dynamic_symbols`: what it defines and expects of others.
- `dynamic_section`: what it asks of the dynamic linker, read at the start of each worker.
- `library_search`: where the dynamic linker finds a library that it needs.
- `sanitizer`: whether it was built with one, whose runtime must be preloaded; `sanitizer_runtime`: with which variables
  a process starts that loads it.
- `python_embedding`: whether it starts a Python of its own.
- `java_home`: the version of a Java, and its libjvm.so.
"""
