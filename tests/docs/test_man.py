"""The manual pages: they are what the documents and the command say, and roff takes them as it
should.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

from tests.support.markdown import ROOT
from tests.support.programs import run_python

_PROGRAM = ROOT / "man" / "generate.py"


def _module() -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("generate_man", _PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CheckTest(SynchronousTestCase):
    """The program on a copy of the documents and pages."""

    def setUp(self) -> None:
        """Copy them."""
        self.root = Path(self.mktemp()).absolute()
        shutil.copytree(ROOT / "docs", self.root / "docs")
        shutil.copytree(ROOT / "man", self.root / "man")
        (self.root / "etc").mkdir()
        shutil.copy(ROOT / "etc" / "pipetwist.schema.json", self.root / "etc")

    def run_program(
        self, *arguments: str, root: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return run_python(str(_PROGRAM), "--root", str(root or self.root), *arguments)

    def test_checked_in(self) -> None:
        """What is checked in is current: after a change of docs/command.md or
        docs/configuration.md, run `python man/generate.py`.
        """
        outcome = self.run_program("--check", root=ROOT)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))

    def test_stale(self) -> None:
        """A page whose document has changed, and one that is missing, are named with the command
        that helps, which then does.
        """
        document = self.root / "docs" / "configuration.md"
        document.write_text(document.read_text(encoding="utf-8") + "\nMore.\n", encoding="utf-8")
        (self.root / "man" / "pipetwist.1").unlink()
        (self.root / "etc" / "pipetwist.schema.json").write_text("{}\n", encoding="ascii")
        outcome = self.run_program("--check")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn(
            "man/pipetwist.1, man/pipetwist.json.5, etc/pipetwist.schema.json: not what",
            outcome.stderr,
        )
        self.assertIn("run: python man/generate.py", outcome.stderr)
        self.assertFalse((self.root / "man" / "pipetwist.1").exists())
        self.assertEqual(self.run_program().returncode, 0)
        self.assertEqual(self.run_program("--check").returncode, 0)
        self.assertIn(
            "\nMore.\n", (self.root / "man" / "pipetwist.json.5").read_text(encoding="ascii")
        )


class PagesTest(SynchronousTestCase):
    """How each part of a document looks in a page."""

    def page(self, document: str) -> list[str]:
        """The lines of a page from its description on to what it refers to."""
        root = Path(self.mktemp())
        (root / "docs").mkdir(parents=True)
        for name in ("command.md", "configuration.md"):
            (root / "docs" / name).write_text(f"# Title\n\n{document}", encoding="utf-8")
        lines: list[str] = _module().pages(root)["pipetwist.json.5"].splitlines()
        return lines[lines.index(".SH DESCRIPTION") + 1 : lines.index(".SH SEE ALSO")]

    def test_text(self) -> None:
        """Paragraphs and headings, with what is literal in bold; links are their words, or the page
        that they lead to.
        """
        text = (
            "Some `--code` and [words](#words), see "
            "[configuration.md](configuration.md).\n\n*More*.\n"
        )
        self.assertEqual(
            self.page(f"{text}\n## Part `a`\n\nX\n\n### Sub\n\nY\n"),
            [
                r"Some \fB\-\-code\fP and words, see \fBpipetwist.json\fP(5).",
                ".PP",
                r"\fIMore\fP.",
                ".SH PART A",
                "X",
                ".SS Sub",
                "Y",
            ],
        )

    def test_requests(self) -> None:
        """No line begins with what roff would take for a request, and no character means anything
        to it.
        """
        text = "```text\n.SH no\n'x \\n é ~\n\n```\n\n.TH no\n"
        self.assertEqual(
            self.page(text),
            [
                ".RS 4",
                ".nf",
                r"\&.SH no",
                r"\(aqx \en \[u00E9] \(ti",
                r"\&",
                ".fi",
                ".RE",
                ".PP",
                r"\&.TH no",
            ],
        )

    def test_long_lines(self) -> None:
        """Paragraphs are broken into lines that none of them begins with a request either."""
        lines = self.page(f"{'x' * 78} .SH {'y' * 90} z\n")
        self.assertEqual(lines, ["x" * 78, r"\&.SH", "y" * 90, "z"])

    def test_tables(self) -> None:
        """A table's rows are paragraphs with their first column as tag; of a key its meaning comes
        first.
        """
        table = (
            "| key | written as | default | what it says |\n|---|---|---|---|\n| `a` | text | "
            "needed | A. |\n| `b` | `1` | `2` | B. |\n"
        )
        self.assertEqual(
            self.page(f"{table}| `c` | x | none | C. |\n"),
            [
                *(".TP", r"\fBa\fP", "A. Written as text. Needed."),
                *(".TP", r"\fBb\fP", r"B. Written as \fB1\fP. Default: \fB2\fP."),
                *(".TP", r"\fBc\fP", "C. Written as x."),
            ],
        )
        self.assertEqual(
            self.page("| kind | is |\n|---|---|\n| some | this |\n"), [".TP", r"\fBsome\fP", "this"]
        )

    def test_lists(self) -> None:
        """Entries of a list have bullets."""
        self.assertEqual(self.page("- one\n- two\n"), [r".IP \(bu 2", "one", r".IP \(bu 2", "two"])

    def test_unknown(self) -> None:
        """What nobody has thought of is an error, and not left out."""
        for document in ("1. one\n", "> quoted\n", "![a](b.png)\n"):
            self.assertRaises(ValueError, self.page, document)

    def test_synopsis(self) -> None:
        """The page of the command has each command with its arguments."""
        page = (ROOT / "man" / "pipetwist.1").read_text(encoding="ascii")
        self.assertIn(
            "\n\\fBpipetwist stats\\fP [OPTIONS] [PATTERN]...\n\\fBpipetwist stats forget\\fP "
            "[OPTIONS] NAME...\n",
            page,
        )
