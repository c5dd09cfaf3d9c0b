"""Tells Twisted of the endpoint string ``fork:``. Whoever uses endpoint strings imports this, so
that it imports nothing of the package before one of these is used.
"""

from twisted.internet.interfaces import IStreamClientEndpointStringParserWithReactor
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class _Commands:
    prefix = "fork"

    def parseStreamClient(self, reactor, *words, **keys):
        from pipetwist.process.endpoint_string import command_endpoint

        return command_endpoint(reactor, words, keys)


fork = _Commands()
