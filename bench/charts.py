"""The charts of a report as pictures, for docs/tuning.md: of each section the throughput and the latency against what was
swept, side by side.

    .venv/bin/python bench/charts.py report.html docs/images

Runs in the environment of the tests, with Debian's Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

MARGIN = 8


def main(report: Path, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1080, "height": 800}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        page.add_style_tag(content="figure fieldset { display: none }")  # a picture cannot be asked
        for section in page.locator("section:has([data-chart=throughput])").all():
            charts = [section.locator(f"[data-chart={name}]").bounding_box() for name in ("throughput", "latency")]
            left, right = charts
            assert left is not None and right is not None
            name = (section.get_attribute("id") or "").removeprefix("section-")
            page.screenshot(full_page=True, path=folder / f"tuning-{name}.png", clip={
                "x": left["x"] - MARGIN, "y": left["y"] - MARGIN,
                "width": right["x"] + right["width"] - left["x"] + 2 * MARGIN,
                "height": max(left["height"], right["height"]) + 2 * MARGIN})
            print(folder / f"tuning-{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
