"""The site: `pip install '.[docs]' && sphinx-build -W docs site`, then open site/index.html."""

from pathlib import Path

project = "minigrad"
author = "the authors of minigrad"
extensions = ["myst_parser"]
myst_heading_anchors = 3                # links to a heading as the pages of a repository name it
html_theme = "furo"
html_title = "minigrad"
html_copy_source = False
html_theme_options = {"navigation_with_keys": True, "light_css_variables": {"code-font-size": "0.8125rem"}}
pygments_style = "default"
pygments_dark_style = "github-dark"
# Until every chapter is written, others may name it.
if len(list((Path(__file__).parent / "book").glob("[01]*.md"))) < 10:
    suppress_warnings = ["myst.xref_missing"]
