"""Addresses of servers, as people write them and as gRPC takes them."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions
from pipetwist.client.calls import StatsCalls
from pipetwist.client.counters import Selection, read_counters
from pipetwist.client.server import Server, address_of, parse_address
from tests.support.api_server import counted, start_api
from tests.support.scratch import scratch_folder


class AddressTest(SynchronousTestCase):
    """What an address may be."""

    def test_targets(self) -> None:
        """Each way to write an address, and what gRPC is given for it."""
        for raw, target in {
            "127.0.0.1:10085": "127.0.0.1:10085",
            "example.org:80": "example.org:80",
            "[::1]:10085": "[::1]:10085",
            "unix:/run/a.sock": "unix:/run/a.sock",
            "unix:///run/a.sock": "unix:/run/a.sock",
            "unix:a.sock": f"unix:{Path.cwd()}/a.sock",
            "unix:/run/a b%41?#.sock": "unix:/run/a%20b%2541%3F%23.sock",
            "unix:@name": "unix-abstract:name",
        }.items():
            self.assertEqual(Server(address=parse_address(raw)).target, target, raw)

    def test_bad(self) -> None:
        """What is not an address is refused with what one looks like."""
        for raw, said in {
            "10085": 'is not an address; write "127.0.0.1:10085"',
            "": "is not an address",
            "127.0.0.1:0": "nothing listens on port 0",
            "127.0.0.1:99999": "99999",
            "unix:": "is not a path",
            "unix:/" + "x" * 200: "107",
            "http://127.0.0.1:1": "is not an address",
        }.items():
            error = self.assertRaises(ValueError, parse_address, raw)
            self.assertIn(said, str(error), raw)

    def test_of_configuration(self) -> None:
        """The API of a configuration that listens on every address is reached on this machine."""
        for listen, reached in {
            "127.0.0.1:1": "127.0.0.1:1",
            "0.0.0.0:1": "127.0.0.1:1",
            "[::]:1": "[::1]:1",
            "localhost:1": "localhost:1",
            "192.0.2.1:1": "192.0.2.1:1",
            "unix:/run/a.sock": "unix:/run/a.sock",
        }.items():
            self.assertEqual(str(address_of(ApiOptions(listen=listen))), reached)

    def test_of_configuration_without_api(self) -> None:
        """A configuration may listen nowhere, which is None, or on a port that is another each
        time, which is reported.
        """
        self.assertIsNone(address_of(ApiOptions()))
        error = self.assertRaises(ValueError, address_of, ApiOptions(listen="127.0.0.1:0"))
        self.assertIn("port 0", str(error))


class ReachTest(SynchronousTestCase):
    """Calls that arrive."""

    def test_odd_path(self) -> None:
        """A unix socket whose path has characters that mean something in a URI is reached."""
        path = scratch_folder(self) / "a b%41?#.sock"
        start_api(self, counted({"a": 1}), listen=f"unix:{path}")
        calls = StatsCalls(Server(address=parse_address(f"unix:{path}"), timeout=60.0))
        self.addCleanup(calls.close)
        self.assertEqual(read_counters(calls, Selection()), {"a": 1})

    def test_no_proxy(self) -> None:
        """A proxy of the environment is not asked."""
        api = start_api(self, counted({"a": 1}))
        for name in ("http_proxy", "grpc_proxy", "https_proxy"):
            self.set_variable(name, "http://127.0.0.1:1")
        calls = StatsCalls(Server(address=parse_address(str(api.address)), timeout=60.0))
        self.addCleanup(calls.close)
        self.assertEqual(read_counters(calls, Selection()), {"a": 1})

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable until the test ends, for gRPC too, which asks the C library for it."""
        before = os.environ.get(name)
        os.environ[name] = value
        if before is None:
            self.addCleanup(os.environ.pop, name)
        else:
            self.addCleanup(os.environ.__setitem__, name, before)
