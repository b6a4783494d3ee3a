"""The code in the README runs as it stands."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.skipif(not README.exists(), reason="not run from a source tree")
def test_the_code_of_the_readme_runs_from_top_to_bottom(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["y_set"].dtype == bool
    assert names["y_set"].shape == (450, 10)
    assert "array([" in capsys.readouterr().out
