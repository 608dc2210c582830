"""
The folder of one version of a service, in the shape that EAS's containers have.

In reading order:

- `workspace`: makes and removes that folder; also the cache folder that it lies in.
- `model_dir`: the folder of one model, with its package, its model and its description.
- `staging`: copies files and folders into it, or links them.
- `mounts`: what the description's `storage[]` mounts; `workspace_links`: `--workspace`.
- `external_links`: links outside of the workspace that these two need.
- `removal`: removes a folder in which an untrusted program may still be at work.
"""
