"""
The release of a new version beside the old one (blue-green): two services, and one HTTPRoute that shares its requests
between them. The state is the route's: its weights say who gets how many.

In reading order:

- `route_share`: weights in an HTTPRoute, without a cluster.
- `service_pair`: the two services, as a cluster has them, and changes of their shares.
- `request_counts`: requests, failures and times, from the text of a host's metrics.
- `judgement`: whether the new version is worse than the old one.
- `request_meter`: reads the metrics of the instances of a service.
- `steps`: gives the new version more and more requests, watches it, and goes back if it is worse.
"""
