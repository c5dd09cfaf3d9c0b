"""Files that stand where others may write, reached by descriptors: a name alone may be somebody
else's file a moment later.
"""
