"""
What is wrong with a processor's class, as the source of its file shows.

This runs on the processor's own Python, whose grammar counts. Nothing of the processor is run or imported for that.
What cannot be known from one file, such as the methods of a base class that comes from another, is taken to be right.

- `main`: reads the file, chooses the class that a worker would run, and prints the findings.
- `source`: the classes of a file, what they extend, and what they define.
- `finding`: one finding.
- `calls`: the methods that a worker calls, and what they return; `construction`: how the class is constructed.
- `attributes`: attributes of self that nothing defines.
- `at_load`: what a worker says of them itself.
"""
