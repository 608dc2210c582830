"""
A new version of a service beside the old one (blue-green): `command` is `eas-host release`; `new_version` has `create`
make one, `leave_route` has `delete` take one away.
"""
