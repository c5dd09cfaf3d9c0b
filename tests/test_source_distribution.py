"""What a source distribution has."""

from __future__ import annotations

import tarfile

from twisted.trial.unittest import SynchronousTestCase

from tests.support.scratch import scratch_folder
from tests.support.sources import copied_sources, python_in


class SourcesTest(SynchronousTestCase):
    """A source distribution made from a copy of the sources, and unpacked."""

    def test_sources(self) -> None:
        """It has every file of the checkout, and the tests run from it."""
        folder = scratch_folder(self)
        sources = copied_sources(folder)
        files = {
            path.relative_to(sources).as_posix() for path in sources.rglob("*") if path.is_file()
        }
        made = python_in(
            f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})", sources
        )
        self.assertEqual(made.returncode, 0, made.stderr)
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder / "unpacked", filter="data")
        (unpacked,) = (folder / "unpacked").iterdir()
        found = {
            path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()
        }
        self.assertEqual(files - found, set())
        self.assertEqual({name for name in found - files if ".egg-info/" not in name}, {"PKG-INFO"})
        tested = python_in(
            "from twisted.scripts.trial import run; run()",
            unpacked,
            "tests.values",
            "tests.config.test_examples",
            "tests.docs.test_links",
        )
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        self.assertRegex(tested.stdout, r"PASSED \(successes=[0-9]{2}")
