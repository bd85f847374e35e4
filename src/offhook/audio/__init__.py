"""Sound as data: formats, codecs, rates, levels and files. Knows nothing of calls."""
