"""
The commands that make a service ready to run elsewhere: `image` and `upload`.
"""
