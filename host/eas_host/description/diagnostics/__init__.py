"""
What the reader finds wrong or remarkable in a description, and where.

In reading order:

- `source_position`: a file with line and column, or an option of the command line.
- `wording`: how wrong values appear in messages.
- `errors`: the list of errors, which is reported as a whole.
- `diagnostics`: everything that the steps of the reader collect: errors, notes, and where each value came from.
"""
