"""
What is found in a processor's package by reading its files.

In reading order:

- `entries`: which file of the package is the processor.
- `model_entry`: what `initialize` gets as its model entry.
- `nested_jars`: jars inside jars, which are unpacked.
- `environment`: the environment variables of a worker.
"""
