"""The site: `pip install '.[docs]' && sphinx-build -W docs site`, then open site/index.html."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {".py", ".pyx", ".pxd"}
WIDE = "<style>.content { width: 66em; max-width: 100% }</style>"       # lines of 120 letters

project = "minigrad"
extensions = ["myst_parser"]
myst_heading_anchors = 3                # links to a heading as the pages of a repository name it
smartquotes = False                     # a prime is a prime
html_theme = "furo"
html_title = "minigrad"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True, "light_css_variables": {"code-font-size": "0.8125rem"}}
pygments_style = "default"
pygments_dark_style = "github-dark"


def link_sources(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turns links to sources of this repository, which would be downloads, into links to pages that show them."""
    for link in list(doctree.findall(addnodes.download_reference)):
        path = (ROOT / "docs" / docname).parent.joinpath(link["reftarget"]).resolve()
        if path.suffix in SOURCES:
            file = path.relative_to(ROOT).as_posix()
            app.env.temp_data.setdefault("sources", set()).add(file)
            shown = nodes.reference("", "", *link.children, internal=True)
            shown["refuri"] = app.builder.get_relative_uri(docname, f"source/{file}")
            link.replace_self(shown)


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each of them."""
    for file in sorted(app.env.temp_data.get("sources", ())):
        text = (ROOT / file).read_text(encoding="utf-8")
        shown = app.builder.highlighter.highlight_block(text, get_lexer_for_filename(file).aliases[0])
        yield f"source/{file}", {"title": file, "body": f"{WIDE}<h1>{file}</h1>{shown}"}, "page.html"


def keep_no_copies(app: Sphinx, env: BuildEnvironment) -> None:
    """Sources that have a page are not copied besides."""
    for file in [file for file in env.dlfiles if Path(file).suffix in SOURCES]:
        del env.dlfiles[file]


def setup(app: Sphinx) -> None:
    app.connect("env-updated", keep_no_copies)
    app.connect("doctree-resolved", link_sources)
    app.connect("html-collect-pages", source_pages)
