"""Files in folders where other users may write, reached through descriptors, because a name may
stand for another file a moment later.
"""
