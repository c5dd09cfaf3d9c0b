"""Any sequence of reloads: after each the tree is wholly what was asked for, or wholly what it was
before.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipetwist.config.document import Document
from pipetwist.errors import StartError
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.user_options import UserOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.outbounds.unix import UnixOutboundOptions
from pipetwist.service.tree import PipetwistService
from tests.service.case import TreeTestCase
from tests.support.examples import examples

_Inbound = tuple[str, str, int, bool]  # tag, place, mode, and whether strangers are let in
_PLACES = ("one", "two", "three", "nowhere/four")

_inbounds = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from(_PLACES),
        st.sampled_from((0o600, 0o660)),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda inbound: inbound[0],
)
_outbounds = st.lists(
    st.sampled_from(("cat", "rev", "no-such-command", "")), min_size=1, max_size=2
)


class AnythingTest(TreeTestCase):
    """Inbounds that come, go, move, take each other's places or can't listen; outbounds that are
    there or not.
    """

    @settings(max_examples=examples(60), derandomize=True, deadline=None, database=None)
    @given(st.lists(st.tuples(_inbounds, _outbounds), min_size=1, max_size=5))
    def test_sequences(self, wanted: list[tuple[list[_Inbound], list[str]]]) -> None:
        """All or nothing, each time, and nothing is left at the end."""
        current: tuple[list[_Inbound], list[str]] = ([("a", "one", 0o600, True)], ["cat"])
        tree = self.make(
            *self._inbound_options(current[0]), outbounds=self._outbound_options(current[1])
        )
        tree.startService()
        try:
            for one in wanted:
                document = Document(
                    inbounds=self._inbound_options(one[0]), outbounds=self._outbound_options(one[1])
                )
                reloaded = tree.reload(document)
                if self._can_be(*one):
                    self.successResultOf(reloaded)
                    current = one
                else:
                    self.failureResultOf(reloaded, StartError)
                self._is(tree, *current)
        finally:
            self.stop(tree)
        self.assertEqual((self.there(), self.reactor.readers), ([], set()))

    def _inbound_options(self, inbounds: list[_Inbound]) -> tuple[UnixInboundOptions, ...]:
        stranger = UserOptions(name="stranger", uid=os.geteuid() + 1)
        return tuple(
            UnixInboundOptions(
                tag=tag,
                path=str(self.folder / label),
                mode=mode,
                users=None if everybody else (stranger,),
            )
            for tag, label, mode, everybody in inbounds
        )

    @staticmethod
    def _outbound_options(
        commands: list[str],
    ) -> tuple[ForkOutboundOptions | UnixOutboundOptions, ...]:
        return tuple(
            ForkOutboundOptions(tag=f"out-{number}", command=(command,), prefork=1)
            if command
            else UnixOutboundOptions(tag=f"out-{number}", path="/nowhere")
            for number, command in enumerate(commands)
        )

    @staticmethod
    def _can_be(inbounds: list[_Inbound], commands: list[str]) -> bool:
        places = [label for _, label, _, _ in inbounds]
        return (
            len(set(places)) == len(places)
            and "nowhere/four" not in places
            and "no-such-command" not in commands
        )

    def _is(self, tree: PipetwistService, inbounds: list[_Inbound], commands: list[str]) -> None:
        """It listens where it is to, as it is to, and nowhere else."""
        self.assertEqual(self.there(), sorted(label for _, label, _, _ in inbounds))
        self.assertEqual(sorted(tree.inbounds), sorted(tag for tag, _, _, _ in inbounds))
        self.assertEqual(list(tree.outbounds), [f"out-{number}" for number in range(len(commands))])
        for _, label, mode, everybody in inbounds:
            path = self.folder / label
            self.assertEqual(path.stat().st_mode & 0o777, mode)
            self.assertEqual(self._comes_in(tree, path), everybody)

    def _comes_in(self, tree: PipetwistService, path: Path) -> bool:
        """Whether a client is admitted, rather than refused."""
        before = tree.relay.connection_table.total
        self.connect(path.name).close()
        self.turn()
        return tree.relay.connection_table.total > before
