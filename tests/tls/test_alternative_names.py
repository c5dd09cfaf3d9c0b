"""The subject alternative names of certificates, those that nobody reads among them."""

from __future__ import annotations

from ipaddress import ip_address

from cryptography.x509 import DNSName, IPAddress, RFC822Name, UniformResourceIdentifier
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL.crypto import FILETYPE_PEM, load_certificate
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.tls import alternative_names as module
from pipetwist.tls.alternative_names import alternative_names
from tests.support.certificates import Authority
from tests.support.scratch import scratch_folder


def element(tag: int, *contents: bytes) -> bytes:
    """An element of DER."""
    body = b"".join(contents)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


X400 = element(0xA3, element(0x30))
EDI = element(0xA5, element(0xA1, element(0x0C, b"somebody")))
_KNOWN = (
    element(0x81, b"alice@example.org"),
    element(0x82, b"alice.example.org"),
    element(0x86, b"spiffe://example.org/alice"),
)
_NAMES = [
    ("DNS", "alice.example.org"),
    ("email", "alice@example.org"),
    ("URI", "spiffe://example.org/alice"),
]


class AlternativeNamesTest(SynchronousTestCase):
    """The names of one certificate after the other."""

    def setUp(self) -> None:
        """Make a CA."""
        self.authority = Authority(scratch_folder(self), "authority")

    def found(self, names: list[DNSName] | bytes) -> list[tuple[str, str]]:
        """What is found in a certificate of these names."""
        path, _ = self.authority.issue("alice", names=names)
        return alternative_names(load_certificate(FILETYPE_PEM, path.read_bytes()))

    def test_known(self) -> None:
        """The three kinds are read, and others skipped."""
        names = [
            RFC822Name("alice@example.org"),
            DNSName("alice.example.org"),
            IPAddress(ip_address("192.0.2.7")),
            UniformResourceIdentifier("spiffe://example.org/alice"),
        ]
        self.assertEqual(self.found(names), _NAMES)  # type: ignore[arg-type]  # they are general names
        self.assertEqual(self.found([]), [])

    def test_skipped(self) -> None:
        """A name of X.400 or EDI is skipped, wherever it stands; the others are read all the
        same, however many there are.
        """
        for odd in (X400, EDI, element(0xA5), element(0xA3, b"\xff" * 200)):
            for place in range(len(_KNOWN) + 1):
                names = (*_KNOWN[:place], odd, *_KNOWN[place:])
                self.assertEqual(self.found(element(0x30, *names)), _NAMES, (odd, place))
        many = [element(0x82, b"n%d.example.org" % number) for number in range(300)]
        self.assertEqual(len(self.found(element(0x30, *many, X400))), 300)

    def test_broken(self) -> None:
        """Of names that can't be taken apart, or that are no ASCII, there is none."""
        for names in (
            element(0x30, X400, b"\x82\x7fcut"),
            element(0x30, X400, b"\x82\x80"),
            element(0x30, X400, b"\x82"),
            element(0x30, X400, b"\xbf\x81\x01\x00"),
            element(0x30, X400)[:-1],
            element(0x30, *_KNOWN, element(0x82, b"\xff")),
            element(0x30, X400, *_KNOWN, element(0x82, b"\xff")),
        ):
            self.assertEqual(self.found(names), [], names)

    @given(st.binary(max_size=64))
    def test_any_bytes(self, encoded: bytes) -> None:
        """Whatever the bytes are, they are elements that make them up again, or no DER."""
        try:
            elements = list(module._elements(encoded))
        except ValueError:
            return
        self.assertLessEqual(sum(2 + len(contents) for _, contents in elements), len(encoded))
        self.assertEqual([tag for tag, _ in elements][:1], list(encoded[:1]))
