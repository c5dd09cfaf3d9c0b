"""Programs and machines that do without grpcio."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.availability import load_api
from pipetwist.api.service import StatsApi
from tests.support.programs import output_of

_LOAD = """
import sys
for name in {hidden!r}:
    sys.modules[name] = None
from pipetwist.api.availability import load_api
from pipetwist.errors import StartError
try:
    load_api()
except StartError as error:
    print(error)
"""


class AvailabilityTest(SynchronousTestCase):
    """Loading the API."""

    def test_available(self) -> None:
        """Where everything is installed it gives the service's class."""
        self.assertIs(load_api(), StatsApi)

    def test_missing(self) -> None:
        """If a package is missing the error is one line that says which, and what to install."""
        for module, package in (
            ("grpc", "grpcio"),
            ("grpc_reflection", "grpcio-reflection"),
            ("grpc_health", "grpcio-health-checking"),
            ("google.protobuf", "protobuf"),
            ("re2", "google-re2"),
        ):
            said = output_of("-c", _LOAD.format(hidden=[module]))
            self.assertEqual(said.count("\n"), 1, said)
            self.assertTrue(said.startswith(f"experimental.v2ray_api needs {package}, "), said)
            self.assertIn("pip install grpcio ", said)

    def test_other_errors(self) -> None:
        """An import error that has nothing to do with those packages is not hidden."""
        said = output_of(
            "-c",
            "import sys\nsys.modules['pipetwist.api.query'] = None\nfrom "
            "pipetwist.api.availability import load_api\n"
            "try:\n    load_api()\nexcept ImportError as error:\n    print(error.name)",
        )
        self.assertEqual(said, "pipetwist.api.query\n")

    def test_loads_nothing_early(self) -> None:
        """Reading options and addresses loads none of those packages."""
        said = output_of(
            "-c",
            "import sys, pipetwist.api.options, pipetwist.values.listen, "
            "pipetwist.api.availability, pipetwist.stats.online\n"
            "print([name for name in ('grpc', 'google.protobuf', 're2', 'pydantic') if name "
            "in sys.modules])",
        )
        self.assertEqual(said, "[]\n")
