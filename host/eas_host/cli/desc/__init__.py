"""
The command `eas-host desc`: `command` reads its arguments, `report` makes the object that it prints, `table` its lines.
"""
