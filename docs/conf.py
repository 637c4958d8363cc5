"""The documentation site: guides from this folder, the API from docstrings, commands from click."""

import logging
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

logging.getLogger("faiss").setLevel(logging.WARNING)  # else it tells which build it loads

project = "nearframe"
copyright = "the nearframe authors, MIT licence"  # noqa: A001 - Sphinx's name
release = version_of("nearframe")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "public_names",
    "repository_pages",
]
exclude_patterns = ["_build", "_extensions"]
html_theme = "furo"
html_title = "nearframe"
html_copy_source = False
html_show_sphinx = False
highlight_language = "none"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

# Every page has a contents list of its own, so names are short there.
add_module_names = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them
# In docstrings, single backticks name objects and parameters.
default_role = "py:obj"

# A broken reference is a warning, and CI turns warnings into errors. Two roles are exempt: the
# types of signatures, many of which are numpy's, and single backticks, which name parameters, too.
nitpicky = True
nitpick_ignore_regex = [("py:class", ".*"), ("py:obj", ".*")]
# JSON with "…" in it is meant for people.
suppress_warnings = ["misc.highlighting_failure"]
