"""The HTTP listener for those who look on: whom it answers, and what every answer has. What it
serves is made elsewhere.
"""
