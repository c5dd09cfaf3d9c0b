"""Makes the manual pages from the documents, and the schema: ``python man/generate.py``.

pipetwist(1) comes from docs/command.md and the command itself, pipetwist.json(5) from
docs/configuration.md; etc/pipetwist.schema.json is what ``pipetwist schema`` prints. What it makes
is checked in. ``--check`` says whether that is current. The pages are in man(7)'s macros, which
groff and mandoc read.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
from markdown_it import MarkdownIt
from markdown_it.token import Token

import pipetwist
from pipetwist.cli.main import main as command
from pipetwist.config.schema import document_schema

__all__ = ["main", "pages"]

ROOT = Path(__file__).resolve().parent.parent

_SEE_ALSO = {
    1: r"\fBpipetwist.json\fP(5), \fBtwistd\fP(1)",
    5: r"\fBpipetwist\fP(1), \fBtwistd\fP(1)",
}
_PAGES = {"command.md": r"\fBpipetwist\fP(1)", "configuration.md": r"\fBpipetwist.json\fP(5)"}
_LONGEST = 79  # of a line in a page's source


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with ``--check`` compare them; the exit status."""
    parser = argparse.ArgumentParser(description="Make the manual pages from the documents.")
    parser.add_argument(
        "--check", action="store_true", help="only say whether the pages are current"
    )
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="the checkout whose documents and pages are meant"
    )
    options = parser.parse_args(arguments)
    made = {f"man/{name}": page for name, page in pages(options.root).items()}
    made["etc/pipetwist.schema.json"] = json.dumps(document_schema(), indent=2) + "\n"
    stale = []
    for name, page in made.items():
        path: Path = options.root / name
        if path.exists() and path.read_text(encoding="ascii") == page:
            continue
        stale.append(name)
        if not options.check:
            path.write_text(page, encoding="ascii")
    if stale and options.check:
        sys.stderr.write(
            f"man/generate.py: {', '.join(stale)}: not what the documents and the command "
            "say; run: python man/generate.py\n"
        )
        return 1
    return 0


def pages(root: Path) -> dict[str, str]:
    """Each page by its file's name.

    Args:
        root: the checkout whose documents are read.
    """
    command_text, file_text = (
        (root / "docs" / f"{name}.md").read_text(encoding="utf-8")
        for name in ("command", "configuration")
    )
    return {
        "pipetwist.1": _page(
            1,
            "pipetwist",
            "look after configurations and counters of relays",
            list(_synopsis()),
            command_text,
        ),
        "pipetwist.json.5": _page(
            5, "pipetwist.json", "configuration of the relay daemon pipetwist", [], file_text
        ),
    }


def _page(section: int, name: str, what: str, synopsis: Sequence[str], document: str) -> str:
    version = f"pipetwist {pipetwist.__version__}"
    lines = [
        r".\" Made by man/generate.py from the documents; change those.",
        f'.TH {name.upper()} {section} "" "{version}" "{version}"',
        ".SH NAME",
        rf"{name} \- {what}",
    ]
    if synopsis:
        lines += [".SH SYNOPSIS", ".nf", *synopsis, ".fi"]
    lines += [".SH DESCRIPTION", *_body(MarkdownIt("commonmark").enable("table").parse(document))]
    lines += [".SH SEE ALSO", _SEE_ALSO[section]]
    # A paragraph needs no beginning right below a heading.
    kept = (
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line != ".PP" or not before.startswith((".SH", ".SS"))
    )
    return "\n".join(kept) + "\n"


def _synopsis() -> Iterator[str]:
    """How each command is called."""
    root = click.Context(command, info_name="pipetwist")
    for name in command.list_commands(root):
        one = command.commands[name]
        pieces = one.collect_usage_pieces(click.Context(one, root, info_name=name))
        yield f"{_bold(f'pipetwist {name}')} {_escaped(' '.join(pieces))}"


def _body(tokens: Sequence[Token]) -> Iterator[str]:
    """The lines of a document without its title."""
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = _end(tokens, position)
        inside = tokens[position + 1 : end]
        if token.type == "heading_open" and token.tag != "h1":
            title = _text(inside[0].content)
            yield f".SH {title.upper()}" if token.tag == "h2" else f".SS {title}"
        elif token.type == "paragraph_open":
            yield ".PP"
            yield from _filled(_inline(inside[0]))
        elif token.type == "fence":
            yield from (
                ".PP",
                ".RS 4",
                ".nf",
                *(_line(_escaped(line)) for line in token.content.splitlines()),
                ".fi",
                ".RE",
            )
        elif token.type == "bullet_list_open":
            yield from _list(inside)
        elif token.type == "table_open":
            yield from _table(inside)
        elif token.type != "heading_open":
            message = f"nobody has said how {token.type} looks in a manual page"
            raise ValueError(message)
        position = end + 1


def _end(tokens: Sequence[Token], begin: int) -> int:
    """Where what begins at a position ends: each token says by how much it leads into something or
    out of it.
    """
    depth = 0
    for position in range(begin, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens)


def _list(tokens: Sequence[Token]) -> Iterator[str]:
    """A list's entries, each of one paragraph."""
    for token in tokens:
        if token.type == "inline":
            yield r".IP \(bu 2"
            yield from _filled(_inline(token))


def _table(tokens: Sequence[Token]) -> Iterator[str]:
    """A table's rows, each a paragraph with its first column as the tag."""
    cells = [_inline(token) for token in tokens if token.type == "inline"]
    width = sum(token.type == "th_open" for token in tokens)
    headings, rows = (
        cells[:width],
        [cells[begin : begin + width] for begin in range(width, len(cells), width)],
    )
    for tag, *rest in rows:
        yield ".TP"
        yield _line(tag if tag.startswith(r"\fB") else rf"\fB{tag}\fP")
        yield from _filled(_described(headings[1:], rest))


def _described(headings: Sequence[str], cells: Sequence[str]) -> str:
    """The columns behind the first one in sentences. What a key says comes first, then how it is
    written and its default.
    """
    if headings != ["written as", "default", "what it says"]:
        return " ".join(
            cell if not heading or len(cells) == 1 else f"{heading}: {cell}."
            for heading, cell in zip(headings, cells, strict=True)
        )
    written, default, says = cells
    absent = {"needed": "Needed.", "none": ""}.get(default, f"Default: {default}.")
    return f"{says} Written as {written}. {absent}".rstrip()


def _inline(token: Token) -> str:
    """A line's text with its marks. Links are their words, but for the name of a document that is a
    page too.
    """
    return "".join(_marked(token.children or ()))


def _marked(children: Iterable[Token]) -> Iterator[str]:
    for child in children:
        if child.type == "text":
            yield _PAGES.get(child.content) or _escaped(child.content)
        elif child.type == "code_inline":
            yield _bold(child.content)
        elif child.type == "softbreak":
            yield " "
        elif child.type == "strong_open":
            yield r"\fB"
        elif child.type == "em_open":
            yield r"\fI"
        elif child.type in {"strong_close", "em_close"}:
            yield r"\fP"
        elif child.type not in {"link_open", "link_close"}:
            message = f"nobody has said how {child.type} looks in a manual page"
            raise ValueError(message)


def _bold(text: str) -> str:
    return rf"\fB{_escaped(text)}\fP"


def _text(markdown: str) -> str:
    return _escaped(markdown.replace("`", ""))


def _escaped(text: str) -> str:
    """A text that roff takes as it is (groff_char(7)). A plain hyphen would be typeset, and not
    found by who looks for an option.
    """
    text = (
        text.replace("\\", r"\e")
        .replace("-", r"\-")
        .replace("'", r"\(aq")
        .replace("`", r"\(ga")
        .replace("^", r"\(ha")
        .replace("~", r"\(ti")
    )
    return re.sub(r"[^\x00-\x7f]", lambda match: rf"\[u{ord(match[0]):04X}]", text)


def _filled(text: str) -> list[str]:
    """A paragraph's lines."""
    return [
        _line(line)
        for line in textwrap.wrap(text, _LONGEST, break_long_words=False, break_on_hyphens=False)
    ]


def _line(text: str) -> str:
    """A line of text, which begins with nothing that would make it a request."""
    return rf"\&{text}" if text.startswith((".", "'")) else text or r"\&"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
