"""Adapter of jsonargparse: the only package that relies on its private interfaces and on the wording of its errors.

`tests/test_jsonargparse_internals.py` fails if a new version of jsonargparse changes one of them.
"""
