"""
What was measured, for people and for programs.

- `machine`: where it was measured; `document`: all of a run, as one object for JSON.
- `markdown`, `svg`: the same object as text, which reads well in a terminal too, and as a picture.
- `publish`: the page that keeps the last tables, and the line for each run that is kept.
"""
