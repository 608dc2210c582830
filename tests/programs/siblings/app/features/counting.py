def count(words):
    return len(list(words))
