"""Fault injection into the running product: `./lab test --faults`."""
