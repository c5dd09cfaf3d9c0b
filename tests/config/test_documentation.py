"""docs/configuration.md, held against the JSON Schema and the reading."""

from __future__ import annotations

import json
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.reading import parse_document
from tests.support.documents import EXAMPLES, FOLDER
from tests.support.schema_walk import SCHEMA, definitions

_TEXT = (Path(EXAMPLES).parent / "docs" / "configuration.md").read_text(encoding="utf-8")

# The headings whose tables describe one class of options together.
_HEADINGS = {
    "Document": ("The document",),
    "LogOptions": ("log",),
    "UnixInboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound unix",
    ),
    "UserOptions": ("users",),
    "TcpInboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound tcp",
    ),
    "TlsServerOptions": ("TLS of an inbound",),
    "CertificateOptions": ("A certificate",),
    "VsockInboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound vsock",
    ),
    "EndpointInboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound endpoint",
    ),
    "PtInboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound pt",
    ),
    "Sip003InboundOptions": (
        "Every inbound",
        "Every inbound of streams",
        "PROXY protocol of an inbound",
        "Inbound sip003",
    ),
    "UdpInboundOptions": (
        "Every inbound",
        "Every inbound of datagrams",
        "PROXY protocol of an inbound",
        "Inbound udp",
    ),
    "UnixgramInboundOptions": (
        "Every inbound",
        "Every inbound of datagrams",
        "PROXY protocol of an inbound",
        "Inbound unixgram",
    ),
    "UnixOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound unix",
    ),
    "ForkOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound fork",
    ),
    "TcpOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound tcp",
    ),
    "ViaOptions": ("via",),
    "TlsClientOptions": ("TLS of an outbound",),
    "VsockOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound vsock",
    ),
    "EndpointOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound endpoint",
    ),
    "PtOutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound pt",
    ),
    "Sip003OutboundOptions": (
        "Every outbound",
        "Every outbound that is a stream",
        "PROXY protocol of an outbound",
        "Outbound sip003",
    ),
    "UdpOutboundOptions": (
        "Every outbound",
        "PROXY protocol of an outbound of datagrams",
        "Outbound udp",
    ),
    "UnixgramOutboundOptions": (
        "Every outbound",
        "PROXY protocol of an outbound of datagrams",
        "Outbound unixgram",
    ),
    "LimitOptions": ("limits",),
    "UserLimitOptions": ("Limits of a user",),
    "QuotaOptions": ("Quotas",),
    "RouteOptions": ("route",),
    "RuleOptions": ("A rule",),
    "ExperimentalOptions": ("experimental",),
    "ApiOptions": ("v2ray_api",),
    "ApiTlsOptions": ("TLS of v2ray_api",),
    "StatsOptions": ("stats",),
    "ControlOptions": ("control",),
    "ControlTlsOptions": ("TLS of control",),
    "WebOptions": ("metrics",),
    "WebTlsOptions": ("TLS of metrics",),
}


def _tables() -> dict[str, dict[str, str]]:
    """The default of each key in the table under each heading."""
    tables: dict[str, dict[str, str]] = {}
    heading = ""
    for line in _TEXT.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        row = re.fullmatch(r"\| `([\w$]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|", line)
        if row:
            tables.setdefault(heading, {})[row[1]] = row[2]
    return tables


class TablesTest(SynchronousTestCase):
    """What the tables say of each key."""

    def test_keys(self) -> None:
        """Every key of the schema stands in its table with its default, or as needed, and no other
        key does.
        """
        tables = _tables()
        self.assertEqual(set(definitions()), set(_HEADINGS))
        for name, schema in definitions().items():
            expected = {}
            for key, described in schema["properties"].items():
                default = (
                    f"`{json.dumps(described['default'])}`" if "default" in described else "none"
                )
                expected[key] = "needed" if key in schema.get("required", ()) else default
            self.assertEqual(
                {
                    key: default
                    for heading in _HEADINGS[name]
                    for key, default in tables[heading].items()
                },
                expected,
                name,
            )

    def test_no_other_table(self) -> None:
        """There is no table of keys under another heading."""
        self.assertEqual(
            set(_tables()), {heading for headings in _HEADINGS.values() for heading in headings}
        )

    def test_types(self) -> None:
        """The row of the key type names every type."""
        for section in ("inbounds", "outbounds"):
            heading = _TEXT.index(f"### Every {section[:-1]}\n")
            row = _TEXT[_TEXT.index("| `type` |", heading) :].split("\n")[0]
            types = SCHEMA["properties"][section]["items"]["discriminator"]["mapping"]
            self.assertEqual(set(re.findall(r'`"(\w+)"`', row)), set(types))


class BlocksTest(SynchronousTestCase):
    """The examples in the text."""

    def test_examples(self) -> None:
        """Every block of JSON is a good configuration."""
        blocks = re.findall(r"^```json\n(.*?)^```$", _TEXT, re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 4)
        for block in blocks:
            parse_document(block, FOLDER, "docs/configuration.md", platform="linux")

    def test_durations(self) -> None:
        """Every duration that the text gives as an example is one."""
        examples = re.findall(r'`"(?!4a)([0-9][0-9.]*[a-z][0-9a-z.]*)"`', _TEXT)  # 4a is of SOCKS
        self.assertGreaterEqual(len(examples), 6)
        for example in examples:
            text = json.dumps(
                {
                    "drain_timeout": example,
                    "inbounds": [{"type": "tcp", "tag": "a", "listen_port": 1}],
                    "outbounds": [_CAT],
                }
            )
            parse_document(text, FOLDER, "docs/configuration.md", platform="linux")


_CAT = {"type": "fork", "tag": "a", "command": ["cat"]}
