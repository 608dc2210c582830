"""
Where downloads are cached.

- `entry`: the folder of one URL in the cache, with its versions and its partial download.
- `content_digest`: what tells one content of a file or folder from another.
"""
