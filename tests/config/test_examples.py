"""The example configurations in etc/."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path

from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

from pipetwist.config.collisions import collisions
from pipetwist.config.reading import read_document
from pipetwist.config.syntax import parse_json
from pipetwist.inbounds.tcp import TcpInboundOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.kinds.outbound_options import OutboundOptions
from pipetwist.kinds.user_options import AskingOptions
from pipetwist.outbounds.fork import ForkOutboundOptions
from pipetwist.values.bind_address import PortAddress
from pipetwist.values.listen import parse_listen
from pipetwist.values.tls_options import TlsListenerOptions
from pipetwist.web.options import WebOptions
from tests.support.documents import EXAMPLES
from tests.support.schema_walk import SCHEMA, definitions, objects


class ExamplesTest(SynchronousTestCase):
    """Each for itself."""

    def test_good(self) -> None:
        """Every example is good, and valid by the JSON Schema."""
        examples = [
            EXAMPLES / "pipetwist.json",
            EXAMPLES / "full.json",
            *EXAMPLES.glob("*/*/pipetwist.json"),
        ]
        self.assertGreaterEqual(len(examples), 8)
        for path in examples:
            read_document(path)
            Draft202012Validator(SCHEMA).validate(parse_json(path.read_text(encoding="utf-8")))

    def test_one_machine(self) -> None:
        """Client and server of a pair run on one machine as they are: nothing listens where another
        does, and what the client dials is where the server listens.
        """
        for program in ("v2ray", "xray", "sing-box"):
            client, server = (
                read_document(EXAMPLES / program / side / "pipetwist.json")
                for side in ("client", "server")
            )
            (dialled,), (served,) = client.outbounds, server.inbounds
            assert isinstance(dialled, ForkOutboundOptions)
            assert isinstance(served, TcpInboundOptions)
            self.assertEqual(dialled.command[1:], ("127.0.0.1", str(served.listen_port)))
            api = server.experimental.v2ray_api
            assert api is not None
            both = replace(
                client,
                inbounds=(*client.inbounds, *server.inbounds),
                metrics=WebOptions(listen=str(api.listen)),
            )
            self.assertEqual(list(collisions(both)), [])

    def test_full(self) -> None:
        """The full example has every key that there is, and every inbound and outbound type."""
        example = parse_json((EXAMPLES / "full.json").read_text(encoding="utf-8"))
        used = {
            (schema["title"], key) for _, instance, schema in objects(example) for key in instance
        }
        known = {
            (schema["title"], key)
            for schema in definitions().values()
            for key in schema["properties"]
        }
        # Enough if one has them.
        bases = AskingOptions, OutboundOptions, TlsListenerOptions
        shared = {key.name for base in bases for key in fields(base)}
        self.assertEqual({(title, key) for title, key in known - used if key not in shared}, set())
        self.assertLessEqual(shared, {key for _, key in used})

    def test_first(self) -> None:
        """What `make run` starts needs nothing but cat: its socket's folder is there, and nobody
        else can reach the API.
        """
        document = read_document(EXAMPLES / "pipetwist.json")
        (inbound,) = document.inbounds
        (outbound,) = document.outbounds
        api = document.experimental.v2ray_api
        assert isinstance(inbound, UnixInboundOptions)
        assert isinstance(outbound, ForkOutboundOptions)
        assert api is not None
        self.assertTrue(Path(inbound.path).parent.is_dir())
        self.assertIsNotNone(shutil.which(outbound.command[0]))
        self.assertEqual(parse_listen(api.listen), PortAddress("127.0.0.1", 10085))
        self.assertTrue(api.stats.enabled)
