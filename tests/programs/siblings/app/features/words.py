def split_words(data):
    if not data:
        raise ValueError('нечего считать')
    return data.split()
