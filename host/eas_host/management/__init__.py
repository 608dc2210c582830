"""
Services in a cluster that runs: created, looked at, changed and deleted, as EASCMD does it in EAS.

The state is in Kubernetes alone. A version of a service is an immutable ConfigMap; labels find what belongs together,
and annotations of the Deployment hold the number of the version. So commands on several machines agree.

In reading order:

- `kubernetes_api`, `lightkube_client`: the few calls to a cluster that are made, and the only module that imports the
  client.
- `revisions`: the versions of a service, each with all that it was made of.
- `stored_service`: a service as a cluster has it, read from its objects.
- `change_guard`: two who change a service at the same moment.
- `autoscaler`: how a service scales, read from its objects and changed.
- `old_versions`: removes what only versions need that are not kept.
- `release`: a new version beside the old one, and the share of the requests that it gets.
- `deployer`: makes, changes and deletes the objects.
- `failure_cause`: why an instance does not run, from its pod.
- `rollout`: how far a rollout is, and the wait for its end.
- `console`: the tables and lines of EASCMD.
- `report`: what the commands show of a service, for the tables and for JSON.
"""
