"""Tells twistd and twist of the command pipetwist. Whoever lists commands imports this, so that it
changes and imports nothing.
"""

from twisted.application.service import ServiceMaker


class _Daemon(ServiceMaker):
    @property
    def options(self):
        """The command line. It is asked for once this command was chosen, and is all of the package
        that is loaded then.
        """
        from pipetwist.sighup import keep_sighup

        keep_sighup()
        return super().options


pipetwist = _Daemon(
    "pipetwist",
    "pipetwist.tap",
    "Relay unix and TCP sockets to sockets or commands, counting every byte as V2Ray does.",
    "pipetwist",
)
