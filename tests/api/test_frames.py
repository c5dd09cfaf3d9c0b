"""What a client may send, in whatever pieces it comes."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.frames import (
    MAX_CONTINUATIONS,
    MAX_HEADER_BYTES,
    PREFACE,
    ClientFrames,
    RefusedError,
)

_DATA, _HEADERS, _SETTINGS, _PING, _CONTINUATION = 0, 1, 4, 6, 9
_END = 4


def _frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _block(*sizes: int, stream: int = 1) -> bytes:
    """A block of headers over so many frames of these sizes."""
    last = len(sizes) - 1
    return b"".join(
        _frame(
            _CONTINUATION if number else _HEADERS,
            b"h" * size,
            flags=_END if number == last else 0,
            stream=stream,
        )
        for number, size in enumerate(sizes)
    )


def _outcome(pieces: Iterable[bytes]) -> str:
    """Why it is refused, or nothing."""
    frames = ClientFrames()
    try:
        for piece in pieces:
            frames.receive(piece)
    except RefusedError as error:
        return str(error)
    return ""


class FramesTest(SynchronousTestCase):
    """What passes, and what does not."""

    def refusal(self, *sent: bytes) -> str:
        """Why this is refused after the preface, or nothing."""
        return _outcome([PREFACE, b"".join(sent)])

    def test_usual(self) -> None:
        """What gRPC's clients send passes: settings, headers in one frame or several, data as large
        as HTTP/2 allows, pings.
        """
        data = _frame(_DATA, bytes(2**24 - 1), flags=1, stream=1)
        self.assertEqual(
            self.refusal(
                _frame(_SETTINGS),
                _block(200),
                data,
                _frame(_PING, bytes(8)),
                _block(16384, 100, 0, 7, stream=3),
            ),
            "",
        )

    def test_other_protocol(self) -> None:
        """Whatever else than HTTP/2 is refused with the first byte that is other."""
        for sent in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.1"):
            self.assertEqual(_outcome([sent]), "it does not speak HTTP/2")
        self.assertEqual(_outcome([b"PRI * HT"]), "")

    def test_many_bytes(self) -> None:
        """A block of headers has 64 KiB at most, however it is cut, and what is beyond is refused
        before it comes.
        """
        self.assertEqual(self.refusal(_block(MAX_HEADER_BYTES - 20000, 10000, 10000)), "")
        said = f"a request has more than {MAX_HEADER_BYTES} bytes of headers"
        self.assertEqual(self.refusal(_block(MAX_HEADER_BYTES - 20000, 10000, 10001)), said)
        self.assertEqual(self.refusal(_block(MAX_HEADER_BYTES + 1)[:9]), said)

    def test_many_frames(self) -> None:
        """It has 16 frames after its first, with bytes in them or without."""
        for size in (0, 1):
            self.assertEqual(self.refusal(_block(10, *[size] * MAX_CONTINUATIONS)), "")
            said = (
                f"a request's headers go on over more than {MAX_CONTINUATIONS} CONTINUATION frames"
            )
            self.assertEqual(self.refusal(_block(10, *[size] * (MAX_CONTINUATIONS + 1))), said)

    def test_counted_anew(self) -> None:
        """Each request has as many bytes and frames again."""
        whole = _block(MAX_HEADER_BYTES - MAX_CONTINUATIONS, *[1] * MAX_CONTINUATIONS)
        self.assertEqual(self.refusal(whole * 3), "")

    def test_disorder(self) -> None:
        """Frames that HTTP/2 forbids where they stand are refused, so that a block of headers is
        always known as one.
        """
        begun = _frame(_HEADERS, b"h", stream=1)
        within = "it sends other frames in the middle of headers"
        not_begun = "it continues headers that it has not started"
        for sent, said in (
            (begun + _frame(_PING, bytes(8)), within),
            (begun + _frame(_HEADERS, b"h", stream=1), within),
            (begun + _frame(_CONTINUATION, b"h", stream=3), not_begun),
            (_frame(_CONTINUATION, b"h", stream=1), not_begun),
            (_block(1) + _frame(_CONTINUATION, b"h", stream=1), not_begun),
            (_frame(_HEADERS, b"h", stream=0), "it sends headers that belong to no request"),
        ):
            self.assertEqual(self.refusal(sent), said)

    def test_shown(self) -> None:
        """It shows where it stands."""
        frames = ClientFrames()
        shown = [repr(frames)]
        for sent in (PREFACE, _frame(_HEADERS, stream=1)):
            frames.receive(sent)
            shown.append(repr(frames))
        self.assertEqual(
            shown,
            [
                f"<ClientFrames {where}>"
                for where in ("before the preface", "between frames", "within headers")
            ],
        )


_FRAMES = st.builds(
    lambda kind, payload, flags, stream: _frame(kind, payload, flags=flags, stream=stream),
    st.sampled_from([_DATA, _HEADERS, _SETTINGS, _CONTINUATION, 77]),
    st.integers(0, 30000).map(bytes),
    st.sampled_from([0, _END]),
    st.sampled_from([0, 1, 3, 2**31 + 1]),
)


class ArbitraryTest(SynchronousTestCase):
    """Whatever comes, cut anywhere."""

    @given(st.lists(_FRAMES, max_size=8), st.lists(st.integers(0, 60000), max_size=12))
    def test_cuts(self, sent: list[bytes], cuts: list[int]) -> None:
        """How it is cut changes nothing."""
        whole = PREFACE + b"".join(sent)
        at = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
        pieces = [whole[begin:end] for begin, end in pairwise(at)]
        self.assertEqual(_outcome(pieces), _outcome([whole]))

    @given(st.lists(st.integers(0, 40000), min_size=1, max_size=24))
    def test_blocks(self, sizes: list[int]) -> None:
        """A block of headers passes exactly where it has no more bytes and no more frames than one
        may have.
        """
        passes = sum(sizes) <= MAX_HEADER_BYTES and len(sizes) - 1 <= MAX_CONTINUATIONS
        self.assertEqual(not _outcome([PREFACE, _block(*sizes)]), passes)

    @given(st.binary(max_size=200))
    def test_junk(self, junk: bytes) -> None:
        """Junk is refused or passes, and nothing else happens."""
        _outcome([junk])
        _outcome([PREFACE, junk])
