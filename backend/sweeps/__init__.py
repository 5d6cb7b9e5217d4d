"""Use cases of sweeps: grids of params whose runs are commands on people's own machines.

The service stores names and values only. A command is known to the agent that its user started;
the agent claims planned runs, fills in their values and reports how the command ended.
"""
