"""
Processors in C++: shared libraries with `initialize` and `process`.

    processor          checks the library, opens it and starts the native threads
    sibling_libraries  finds the libraries that lie beside it
    native_worker      a worker that is no Python process, for libraries that start a Python themselves
    load_diagnosis     explains why such a worker could not load its library
"""
