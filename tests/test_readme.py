"""The code of the README and of the pages in docs runs as it stands, and prints what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = {
    str(page.relative_to(ROOT)): re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    for page in [*ROOT.glob("README.md"), *sorted(ROOT.glob("docs/*.md"))]
}


def run(page):
    """Run the Python blocks of a page from top to bottom and give the names they leave."""
    names = {}
    for block in CODE[page]:
        exec(block, names)
    return names


@pytest.mark.skipif("README.md" not in CODE, reason="not run from a source tree")
def test_the_code_of_the_readme_runs(capsys):
    names = run("README.md")
    assert len(CODE["README.md"]) == 2
    assert names["y_set"].dtype == bool
    assert names["y_set"].shape == (450, 10)
    assert "array([" in capsys.readouterr().out


@pytest.mark.parametrize("page", [page for page in CODE if CODE[page] and page != "README.md"])
def test_the_code_of_a_page_runs_and_prints_what_it_says(page, capsys):
    run(page)
    announced = re.findall(r"^print\(.*\)  # (.*)$", "".join(CODE[page]), re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in announced if line not in printed] == []
