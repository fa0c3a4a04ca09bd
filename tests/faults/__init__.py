"""Fault injection: kills, full disks, damaged files, hostile input and more; `make test-faults` runs all cases.

A case holds if nothing is lost, nothing hangs, no traceback is printed and no wrong result is returned silently.
"""
