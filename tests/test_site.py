"""The site as a reader meets it: its links, its width on two screens, its search.

Built once, then looked at in headless Chromium. Skipped where Sphinx's parts or Chromium are not
installed (`pip install -e ".[docs]"`, a package named chromium).
"""

import functools
import html.parser
import http.server
import json
import re
import runpy
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser"])), None)
WIDTHS = (1280, 390)
# What a reader may look for, and a page that should be among the first five found.
SEARCHES = {
    "install": "get_started",
    "conformal": "ideas/coverage",
    "missing values": "howto/frames",
    "imbalance": "howto/imbalance",
    "focal": "own_loss",
}
# Opens pages in a frame of a given width, one after another, and writes down what it sees.
VISITOR = """<!doctype html><body><script>
const width = %(width)d, pages = %(pages)s, seen = {};
const frame = document.createElement("iframe");
frame.style = `border: 0; height: 900px; width: ${width}px`;
document.body.append(frame);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const visit = async (page) => {
  const loaded = new Promise((done) => { frame.onload = done; });
  frame.src = page;
  await loaded;
  const { contentDocument: seen } = frame;
  for (let i = 0; i < %(waits)d && !%(ready)s; i++) await pause(100);
  return %(look)s;
};
(async () => {
  for (const page of pages) seen[page] = await visit(page);
  const found = document.createElement("pre");
  found.id = "found";
  found.textContent = JSON.stringify(seen);
  document.body.append(found);
})();
</script></body>"""

pytestmark = pytest.mark.slow


class Links(html.parser.HTMLParser):
    """Collect the targets of the links and the ids of a page."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.targets = set(), []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        if tag in ("a", "img"):
            self.targets.append(attrs.get("href") or attrs.get("src") or "")
        if tag == "img":
            decorates = "_thumb" in attrs["src"]  # its caption says all
            assert attrs.get("alt") or decorates, f"no alternative text: {attrs}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for package in ("myst_parser", "pydata_sphinx_theme", "sphinx_copybutton", "sphinx_gallery"):
        pytest.importorskip(package)
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(built / "doctrees"), str(ROOT / "docs"), str(built / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return built / "html"


@pytest.fixture(scope="module")
def pages(site):
    return sorted(
        page
        for page in site.rglob("*.html")
        if not {"_modules", "_static"} & {*page.relative_to(site).parts}
    )


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def visit(site, address, width, pages, *, look, ready="true"):
    """Return what Chromium sees on pages of the site, as a dict."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    listed = {"width": width, "pages": json.dumps(pages), "look": look, "ready": ready}
    (site / "visitor.html").write_text(VISITOR % (listed | {"waits": 100}), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width + 40},1000"]
    command = [CHROMIUM, *flags, "--virtual-time-budget=3600000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"{address}/visitor.html"],
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(html.unescape(found))


def test_links_of_the_site_lead_somewhere_and_pictures_have_alternative_texts(site, pages):
    known = {page: Links(page) for page in pages}
    broken = []
    for page, links in known.items():
        for target in links.targets:
            if re.match(r"[a-z]+:", target):
                continue
            path, anchor = urldefrag(urljoin(page.as_uri(), target))
            to = Path(unquote(path).removeprefix("file://"))
            lost = anchor and to in known and unquote(anchor) not in known[to].ids
            if not to.exists() or lost:
                broken.append((str(page.relative_to(site)), target))
    assert broken == []


def test_pages_have_a_description_an_icon_copy_buttons_and_links_to_scikit_learn(site):
    page = (site / "howto/frames.html").read_text(encoding="utf-8")
    assert re.search(r'<meta content="[^"]*conformal prediction[^"]*" name="description"', page)
    assert re.search(r'<link rel="icon" href="[^"]*favicon.svg"', page)
    assert "copybutton.js" in page
    to = "https://scikit-learn.org/stable/modules/generated/sklearn.ensemble.VotingClassifier.html"
    for name in ("sklearn_tools", "generated/sklearn_setpred.CardinalityAwareClassifier"):
        assert f'href="{to}"' in (site / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways(site, pages, address, width):
    names = [str(page.relative_to(site)) for page in pages]
    too_wide = "seen.documentElement.scrollWidth - seen.documentElement.clientWidth"
    found = visit(site, address, width, names, look=too_wide)
    assert len(found) == len(names)
    assert {name: pixels for name, pixels in found.items() if pixels > 0} == {}


def test_text_in_pictures_can_be_read_on_a_narrow_screen(site, pages, address):
    """What the file says of its smallest text, at the width at which it is shown."""
    image = pytest.importorskip("PIL.Image")
    said = runpy.run_path(str(ROOT / "docs" / "picture_style.py"))["SMALLEST"]
    shown = """[...seen.querySelectorAll(".bd-article img")]
        .map((img) => [img.getAttribute("src"), img.getBoundingClientRect().width])"""
    found = visit(site, address, 390, [str(page.relative_to(site)) for page in pages], look=shown)
    pixels = {}
    for page, pictures in found.items():
        for source, width in pictures:
            if "_thumb" not in source:  # its caption says all
                with image.open((site / page).parent / source) as picture:
                    inches = picture.width / picture.info["dpi"][0]
                    points = float(picture.info.get(said, 0))
                pixels[page, source] = points / 72 * width / inches
    assert len(pixels) > 30
    assert {picture: size for picture, size in pixels.items() if size < 9} == {}


def test_code_of_the_pages_is_not_cut_on_a_wide_screen(site, pages, address):
    names = [str(p.relative_to(site)) for p in pages if "generated" not in p.parts]
    cut = """[...seen.querySelectorAll('[class*="highlight-python" i] pre')]
        .filter((code) => code.scrollWidth > code.clientWidth).map((code) => code.textContent)"""
    found = visit(site, address, 1280, names, look=cut)
    assert {name: codes for name, codes in found.items() if codes} == {}


def test_search_finds_what_readers_look_for(site, address):
    queries = {f"search.html?q={words.replace(' ', '+')}": words for words in SEARCHES}
    links = 'seen.querySelectorAll("#search-results li a")'
    found = visit(
        site,
        address,
        1280,
        list(queries),
        ready='seen.querySelector(".search-summary")?.textContent.includes("inish")',
        look=f'[...{links}].slice(0, 5).map((a) => a.getAttribute("href"))',
    )
    missed = {
        words: found[query]
        for query, words in queries.items()
        if not any(f"{SEARCHES[words]}.html" in link for link in found[query])
    }
    assert missed == {}
