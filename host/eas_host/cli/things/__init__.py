"""
What a user names to have it served: one thing, whatever it is.

In reading order:

- `thing`: finds out what it is: a processor, a description or a package.
- `unusable`: what is said about a thing that is none of these: source code, a model, a name that does not exist.
- `description_command`: what the commands do with a description or a package.
- `processor_command`: what they do with a processor by itself.
"""
