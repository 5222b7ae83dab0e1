"""The library that draws the graphs of the site's pages.

`python -m ai_dataflow_tests.docs.mermaid` fetches it once, beside what builds the site, with npm's
own client and no package but this one. Where that cannot be done, pages show a graph as its text.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from ai_dataflow_tests.docs.markdown import ROOT

LIBRARY = ROOT / ".docs" / "mermaid.min.js"
ASSET = "assets/mermaid.min.js"
# The version that the theme of the site is written for, and what npm says of its archive.
_PACKAGE = "mermaid@12.3.0"
_INTEGRITY = (
    "sha512-4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw"
    "=="
)
_GRAPH = '<pre class="mermaid">'


def fetch() -> str:
    """Fetch the library; say what hindered it, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm"
    with tempfile.TemporaryDirectory() as folder:
        pack = [npm, "pack", _PACKAGE, "--json", "--loglevel=error"]
        done = subprocess.run(pack, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"`npm pack {_PACKAGE}` failed"
        (packed,) = json.loads(done.stdout)
        if packed["integrity"] != _INTEGRITY:
            return f"{_PACKAGE} is not what it was"
        with tarfile.open(Path(folder, packed["filename"])) as archive:
            script = archive.extractfile("package/dist/mermaid.min.js")
            assert script, f"{_PACKAGE} has no script for browsers"
            LIBRARY.write_bytes(script.read())
    return ""


def drawn(text: str, script: str) -> str:
    """Let a built page draw its graphs; without the library (no script) it shows their text.

    Examples:
        >>> drawn('<head></head><pre class="mermaid">a --> b</pre>', "a.js")
        '<head><script src="a.js"></script></head><pre class="mermaid">a --> b</pre>'
        >>> drawn('<head></head><pre class="mermaid">a --> b</pre>', "")
        '<head></head><pre>a --> b</pre>'
    """
    if _GRAPH not in text:
        return text
    if not script:
        return text.replace(_GRAPH, "<pre>")
    # It comes before the theme's own script, which would load it from elsewhere.
    return text.replace("</head>", f'<script src="{script}"></script></head>', 1)


if __name__ == "__main__":
    if problem := fetch():
        print(f"Graphs in the site will be text: {problem}", file=sys.stderr)
