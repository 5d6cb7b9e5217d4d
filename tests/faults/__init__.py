"""Faults put into the running product, on purpose: `./lab test --faults`."""
