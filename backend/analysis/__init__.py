"""Analysis of a whole experiment: how loss moves with capacity, data and training, and why.

Pure arithmetic over what its runs measured: validation decides, test is only reported.
"""
