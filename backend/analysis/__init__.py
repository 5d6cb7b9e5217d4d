"""Analysis of a whole experiment: how loss moves with capacity, data and training, and why.

Pure arithmetic over the measurements of its runs. Decisions use validation losses alone; test
losses are only reported.
"""
