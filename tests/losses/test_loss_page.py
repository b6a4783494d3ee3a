"""The page of losses says what the code says."""

import subprocess
import sys
from pathlib import Path

from sklearn_setpred.losses import LOSSES

DOCS = Path(__file__).parents[2] / "docs"


def test_page_is_made_from_the_present_registry():
    command = [sys.executable, str(DOCS / "make_losses_page.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_page_has_an_entry_with_formula_and_advice_for_every_loss():
    text = (DOCS / "losses.md").read_text(encoding="utf-8")
    for name, loss in LOSSES.items():
        entry = text.split(f"## `{name}`: `{loss.__name__}`")[1].split("\n## ")[0]
        assert "```text" in entry
        assert "Use it" in entry
