"""
What a ZIP file or a jar tells without unpacking it.

- `zip_directory`: where the list of a ZIP file's members lies.
- `jar_layouts`: which jars hold other jars, and where.
- `line_numbers`: from a place in a class's bytecode to a line of its source.
"""
