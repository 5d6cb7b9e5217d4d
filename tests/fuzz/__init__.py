"""Fuzzers of everything that reads text of strangers.

`python -m tests.fuzz TARGET --inputs N` feeds mutated inputs to a target and stops at the first one
that crashes it, takes more than 2 s, or lets the process grow by more than 300 MB. The same seed
makes the same inputs. `tests/unit/test_fuzz.py` runs a small sample of each target.
"""
