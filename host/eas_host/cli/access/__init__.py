"""
Commands about who may call a service in a cluster. What they have in common with the others is in `cli.services`.
"""
