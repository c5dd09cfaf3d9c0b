"""A ClientHello in every number of records, and in every number of pieces that arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.tls.client_hello import MAX_LOOK_BYTES, ClientHello, ClientHelloError
from tests.support.hello_client import HelloClient, cut

_HELLO = HelloClient().hello()
_LONGEST = 1 << 14


def _of_size(size: int) -> bytes:
    """A record's header, which says nothing, and a ClientHello of that size."""
    return b"....." + b"\1" + size.to_bytes(3, "big") + bytes(size)


class ClientHelloTest(SynchronousTestCase):
    """What is said of it."""

    @given(st.integers(1, 700), st.data())
    def test_complete(self, size: int, data: st.DataObject) -> None:
        """OpenSSL may read it when it is complete, and not before, however it is cut."""
        whole = b"".join(cut(_HELLO, size))
        ends = data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=9).map(sorted))
        hello = ClientHello()
        for end in ends:
            # What is missing of its last record OpenSSL waits for by itself.
            if hello.look(whole[:end]):
                self.assertGreater(end, len(whole) - 5 - size)
        self.assertTrue(hello.look(whole))
        self.assertTrue(hello.look(whole + b"more"))

    @given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=9))
    def test_anything(self, sent: bytes, ends: list[int]) -> None:
        """What is no ClientHello is OpenSSL's to refuse, and nothing is lost in it."""
        hello, fresh = ClientHello(), ClientHello()
        for end in sorted(ends):
            hello.look(sent[:end])
        self.assertEqual(hello.look(sent), fresh.look(sent))

    def test_something_else(self) -> None:
        """HTTP, another message, and a record with too many bytes are handed on."""
        for sent in (
            b"G",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
            b"\x16\x03\x01\xff\xff",
            b"\x14\x03\x01\x00\x01\x01",
        ):
            self.assertTrue(ClientHello().look(sent), sent)

    def test_bounds(self) -> None:
        """One of 16 KiB in 4,096 records is read, and no larger one, in no more of them."""
        largest = b"".join(cut(_of_size(_LONGEST - 4), 4))
        self.assertTrue(ClientHello().look(largest))
        self.assertLess(len(largest), MAX_LOOK_BYTES)
        with self.assertRaisesRegex(ClientHelloError, "a ClientHello in more than 4,096 records"):
            ClientHello().look(b"".join(cut(_of_size(_LONGEST - 3), 4)))
        with self.assertRaisesRegex(ClientHelloError, "a ClientHello of 16,385 bytes"):
            ClientHello().look(b"".join(cut(_of_size(_LONGEST + 1), 1 << 14)))

    def test_empty_records(self) -> None:
        """Records without bytes, before it or in it, do not get around the bounds."""
        empty = b"\x16\x03\x01\x00\x00"
        records = list(cut(_HELLO, 50))
        self.assertFalse(ClientHello().look(empty))
        self.assertFalse(ClientHello().look(empty + empty.join(records[:-1])))
        self.assertTrue(ClientHello().look(empty + empty.join(records)))
        with self.assertRaises(ClientHelloError):
            ClientHello().look(empty * 4097)
        with self.assertRaises(ClientHelloError):
            ClientHello().look(empty + b"".join(cut(_of_size(5000), 1)))

    def test_shown(self) -> None:
        """It shows how far it is."""
        hello = ClientHello()
        hello.look(b"".join(cut(_HELLO[:25], 10)))
        self.assertEqual(repr(hello), "<ClientHello 20 bytes in 2 records>")
