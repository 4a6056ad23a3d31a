"""Keys and their answers: the same key twice is one effect and one answer."""
