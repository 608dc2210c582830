"""
The commands on services in a cluster, one file for each.

`cluster_service_reader` reads what `manifest`, `create` and `modify` have in common: a description, and the options
that become those of the hosts. `cluster_parser` has what the others have in common. `rollout_end` waits for a rollout.
"""
