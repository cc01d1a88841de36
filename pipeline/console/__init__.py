"""What a person or a script sees of a run: live view, plain lines, texts, pictures, JSON.

Nothing here decides anything: values of `model` come in, characters go out. Data goes to
stdout, everything else to stderr; which stream that is, the caller says.
"""
