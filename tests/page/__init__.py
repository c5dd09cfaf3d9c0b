"""The page: its figures, its calls and its files. How it looks and works in a browser is tried in
``tests.interop``.
"""
