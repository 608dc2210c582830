"""
A service on Kubernetes: from a description to the objects that a cluster needs, without a cluster.

In reading order:

- `cluster_service`: all that the objects are made of.
- `names`: from EAS's names to those that Kubernetes allows, and labels.
- `quantities`, `cloud_values`, `cluster_settings`: what the description says of instances, machines and rollouts.
- `local_files`: files of this machine, which no pod can fetch.
- `manifest`: the list of objects. Each kind of them has a file: `configuration`, `pod`, `pod_volumes`, `rollout`,
  `traffic`.
- `yaml_writer`: objects as YAML.
"""
