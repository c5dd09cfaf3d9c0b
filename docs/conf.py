"""How `make docs` makes one site: README.md is its first page and names the others, and pydoctor
writes the reference of the modules.
"""

from __future__ import annotations

import gc
import re
import shutil
from pathlib import Path

from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# pydoctor makes millions of objects and keeps them: looking through them for garbage again and
# again takes a good tenth of the time.
gc.disable()

_ROOT = Path(__file__).parent.parent

project = "pipetwist"
extensions = ["myst_parser", "sphinx.ext.intersphinx", "pydoctor.sphinx_ext.build_apidocs"]
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "docs/**.md", "etc/**.md"]
highlight_language = "text"
myst_heading_anchors = 4  # as deep as headings go, under the names that a code host gives them

html_theme = "furo"
html_title = "pipetwist"
html_static_path = ["theme/site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False

pydoctor_args = [
    f"--config={_ROOT / 'setup.cfg'}",
    f"--project-base-dir={_ROOT}",
    f"--template-dir={_ROOT / 'docs/theme/pydoctor'}",
    "--html-output={outdir}/docs/api",
]
"""setup.cfg says the rest. The pages take the place of that of docs/api/index.md."""
pydoctor_url_path = "docs/api/"


def _add_contents(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the first page's table of documents be the site's contents."""
    if docname == root_doc:
        table = source[0].partition("## Documentation\n")[2]
        documents = re.findall(r"\(([\w/.-]+)\.md\)", table)
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", *documents, "```\n"])


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Have the first page where servers look for one, and leave out what pydoctor's pages have
    taken the place of.
    """
    if exception is None:
        shutil.rmtree(app.outdir / "docs" / "api.sphinx_files")
        shutil.copyfile(app.outdir / "README.html", app.outdir / "index.html")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.add_lexer("json", JavascriptLexer)  # configurations have comments
    app.add_lexer("promql", TextLexer)  # Pygments' own knows no colons, which recorded names have
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
