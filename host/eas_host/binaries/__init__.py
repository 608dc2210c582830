"""
What can be learnt of a shared library without loading it.

`elf` reads the file, `dynamic` what it needs and lacks,
`embedding` whether it starts a Python or a JVM of its own.
"""
