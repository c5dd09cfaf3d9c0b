"""How a configuration divides the file descriptors."""

from __future__ import annotations

from dataclasses import replace

from twisted.logger import Logger, capturedLogs

from pipetwist.config.document import Document
from pipetwist.descriptors import DescriptorShares
from pipetwist.inbounds.udp import UdpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kernel.pipe_pool import PipePool
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.service.sharing import divide_descriptors
from tests.service.case import TreeTestCase

_SOCKET = UnixOutboundOptions(tag="socket", path="/nowhere")


class DividingTest(TreeTestCase):
    """Of 1024, what is kept and what each kind of connection takes."""

    def divided(
        self, document: Document, pipes: PipePool | None = None, limit: int = 1024
    ) -> DescriptorShares:
        """Divide them."""
        shares = DescriptorShares(limit, Logger())
        divide_descriptors(shares, document, pipes)
        return shares

    def test_usual(self) -> None:
        """64 are kept, and two for each pipe; each of two inbounds is sure of a quarter of the
        rest.
        """
        document = Document(inbounds=(self.inbound("a"), self.inbound("b")), outbounds=(_SOCKET,))
        shares = self.divided(document, PipePool(limit=32))
        self.assertEqual(
            (shares.share("a").sure, shares.share("b").sure, shares.common), (224, 224, 448)
        )
        self.assertEqual(shares.share("a").room, 336)

    def test_ready_commands(self) -> None:
        """Commands that are kept ready have theirs besides."""
        command = ForkOutboundOptions(tag="tool", command=("cat",), prefork=10)
        shares = self.divided(Document(inbounds=(self.inbound(),), outbounds=(command,)))
        self.assertEqual(
            (shares.share("in").sure + shares.common, shares.maximum), (1024 - 64 - 40, 4)
        )

    def test_passed(self) -> None:
        """Where descriptors are passed on those of one message are kept besides."""
        document = Document(
            inbounds=(UnixInboundOptions(tag="in", path="/in", pass_descriptors=True),),
            outbounds=(_SOCKET,),
        )
        shares = self.divided(document)
        self.assertEqual(shares.share("in").sure + shares.common, 1024 - 64 - 253)

    def test_many_inbounds(self) -> None:
        """The socket of each inbound beyond the eighth, which listens, has one besides."""
        document = Document(
            inbounds=tuple(self.inbound(str(number)) for number in range(50)), outbounds=(_SOCKET,)
        )
        shares = self.divided(document)
        self.assertEqual(50 * shares.share("7").sure + shares.common, 1024 - 64 - 42)

    def test_pipes(self) -> None:
        """Pipes to splice through have an eighth at most, but one there may be."""
        document = Document(inbounds=(self.inbound(),), outbounds=(_SOCKET,))
        for limit, pipes in ((1024, 64), (256, 16), (8, 1)):
            pool = PipePool(limit=500)
            self.divided(document, pool, limit)
            self.assertEqual(pool.limit, pipes)

    def test_datagrams(self) -> None:
        """A source of datagrams has no descriptor of its own."""
        shares = self.divided(
            Document(inbounds=(UdpInboundOptions(tag="in", listen_port=0),), outbounds=(_SOCKET,))
        )
        self.assertEqual(shares.share("in").room, 960)

    def test_tree(self) -> None:
        """A tree counts its connections, and a reload divides again."""
        tree = self.make()
        tree.startService()
        client = self.connect()
        share = tree.shares.share("in")
        before = share.sure
        self.assertEqual(share.used, 5)
        with capturedLogs():
            self.successResultOf(
                tree.reload(
                    replace(tree.document, inbounds=(self.inbound(), self.inbound("other")))
                )
            )
        self.assertEqual((share.used, share.sure), (5, before // 2))
        client.close()
        self.spawner.processes[0].exit()
        self.turn()
        self.assertEqual(share.used, 0)
