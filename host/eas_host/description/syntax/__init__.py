"""
From text to a tree of JSON values that know their positions.

In reading order:

- `json_tree`: the values.
- `lenient_json`: the grammar, which is wider than JSON, and the parser.
- `tree_builder`: builds the tree while the text is parsed, and reports what is not JSON.
- `syntax_errors`: the messages for what even that parser cannot read.
"""
