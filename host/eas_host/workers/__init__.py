"""
Where processors run: worker processes under a supervisor, or threads of the host's own process.
"""
