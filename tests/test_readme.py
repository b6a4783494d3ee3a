"""The code of the README and of the pages in docs runs as it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "README.md").exists(), reason="not run from a source tree"
)


def run(page):
    """Run the Python blocks of a page from top to bottom and give the names they leave."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(block, names)
    return names


def test_the_code_of_the_readme_runs(capsys):
    names = run("README.md")
    assert names["y_set"].dtype == bool
    assert names["y_set"].shape == (450, 10)
    assert "array([" in capsys.readouterr().out


def test_the_code_on_frames_runs_and_prints_what_it_says(capsys):
    names = run("docs/frames.md")
    out = capsys.readouterr().out
    assert out == "['setosa', 'versicolor', 'virginica']\n[['setosa']]\n"
    assert names["frame"].index.equals(names["flowers"].index)
