NAME = "the user's host"
