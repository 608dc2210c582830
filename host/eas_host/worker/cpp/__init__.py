"""
Processors in C++: shared libraries with `initialize` and `process`.

    processor          checks the library, opens it and starts the native threads
    sibling_libraries  finds the libraries that lie beside it
"""
