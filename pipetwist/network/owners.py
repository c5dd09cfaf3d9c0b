"""The numbers of the users and groups that a configuration names."""

from __future__ import annotations

from pipetwist.errors import StartError

__all__ = ["numbers_of"]


def numbers_of(label: str, owner: str | int | None, group: str | int | None) -> tuple[int, int]:
    """Look them up; -1 for one that is to stay as it is, as chown(2) has it.

    Args:
        label: whose they are, for errors.
        owner: the name or number of a user, or None.
        group: the name or number of a group, or None.

    Raises:
        StartError: the system does not know one.
    """
    import grp  # there are none on Windows, where nobody gets here
    import pwd

    try:
        uid = pwd.getpwnam(owner).pw_uid if isinstance(owner, str) else owner
    except KeyError:
        message = f"{label}: owner: the system has no user {owner!r}"
        raise StartError(message) from None
    try:
        gid = grp.getgrnam(group).gr_gid if isinstance(group, str) else group
    except KeyError:
        message = f"{label}: group: the system has no group {group!r}"
        raise StartError(message) from None
    return -1 if uid is None else uid, -1 if gid is None else gid
