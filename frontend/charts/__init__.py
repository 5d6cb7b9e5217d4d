"""Charts. Each module first computes a typed info and then draws it.

Colours are CSS custom properties such as ``var(--train)``, which the theme of the page defines.
"""
