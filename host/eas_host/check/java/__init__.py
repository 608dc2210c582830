"""
Checks of jars, without a JVM.

- `jar`: the check as a whole: the jars, the processor's class, the Java that it needs.
- `class_index`: the classes of a class path; `members`: what a processor's class must have.
- `missing_classes`, `native_libraries`: what the program refers to and is nowhere.
"""
