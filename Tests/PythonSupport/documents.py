# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/viewers."""

import re

from sentences import ROOT, expect

FOLDER = ROOT / "docs" / "viewers"
# The server's address as the pages write it.
ORIGIN = "http://127.0.0.1:8080"


def blocks(name, language):
    """The code of one language on a page, in order."""
    text = (FOLDER / f"{name}.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)
    expect(found, f"{name}.md has no {language}")
    return found


def addresses(text):
    """The URLs of the server in a text, as the pages write them, each once."""
    return sorted(set(re.findall(rf"{ORIGIN}[^\s\"'`,<>)]*", text)))
