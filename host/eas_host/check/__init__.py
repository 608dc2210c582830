"""
What is wrong with a processor, as its files show: for `eas-host check` and `eas-host desc`. No code of a processor runs
in this process.

In reading order:

- `finding`: a verdict and what to do; the report on one processor. `table`: how findings are shown.
- `folder`: the processors in a folder. `processor`: checks one of whichever language.
- `cpp`, `java`, `python`: the checks of each language.
"""
