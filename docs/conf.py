"""How Sphinx makes the documentation: `tox -e docs`, or `sphinx-build -W docs DIRECTORY`."""

import logging
import os
import re
from pathlib import Path

from pygments.lexers.sql import MySqlLexer

import sqlalchemy_odpsmodel

project = "sqlalchemy_odpsmodel"
version = release = sqlalchemy_odpsmodel.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"odpsmodel {version}"
html_show_copyright = False
myst_heading_anchors = 4  # as a repository's view makes them
highlight_language = "none"  # of indented blocks: grammars and commands

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {name: name for name in ("Change", "Input", "Options", "Parameters", "Statement")}
smartquotes = False

logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its parts

LINK = re.compile(r"\[([^\]]+)\]\(([^):#\s]+)((?:#[^)\s]*)?)\)")
INCLUDE = re.compile(r"```\{include\} (\S+)\n```\n")


def lead_outwards(app, name, source):
    """A page that includes a file of the repository is that file, and links to such a file lead to its page.

    Links to other files of the repository stay, and download them; those to folders are text.
    """
    pages = {}
    for each in app.env.found_docs:
        page = Path(app.env.doc2path(each))
        if found := INCLUDE.match(page.read_text()):
            pages[(page.parent / found[1]).resolve()] = page
    here = shown = Path(app.env.doc2path(name)).parent
    if found := INCLUDE.match(source[0]):
        file = (here / found[1]).resolve()
        source[0], shown = file.read_text(), file.parent

    def target(link):
        words, path, anchor = link.groups()
        file = (shown / path).resolve()
        if file.is_dir():
            return words
        return f"[{words}]({os.path.relpath(pages.get(file, file), here)}{anchor})"

    source[0] = LINK.sub(target, source[0])


def name_aliases(app, what, name, found, options, signature, returns):
    """A type's alias stands for itself, also inside of another type."""
    alias = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")
    return tuple(text and alias.sub(r"\1", text) for text in (signature, returns))


def setup(app):
    app.connect("autodoc-process-signature", name_aliases)
    app.add_lexer("sql", MySqlLexer)  # has names in Chinese, as MaxCompute's SQL
    app.connect("source-read", lead_outwards)
