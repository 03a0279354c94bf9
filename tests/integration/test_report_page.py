"""The page of a report, in the browser of Debian: what it shows, to whom, and that it loads nothing."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 740}
PAPER_WIDTH = 691
TARGET_US = 20_000
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"

Document = dict[str, Any]
OpenReport = Callable[..., Page]


def page_of(document: Document, path: Path) -> None:
    """Write the page of a document, as a user does who has one."""
    binary = os.environ.get("MAYFLY_BINARY", REPOSITORY / "build/release/mayfly")
    given = path.with_suffix(".json")
    given.write_text(json.dumps(document))
    subprocess.run([binary, "report", given, "--report", path], check=True)


def damaged_page_of(document: Document, path: Path) -> None:
    """Write a page with a document in it that no program would take."""
    page_of({"format": "mayfly-report-1", "sections": []}, path)
    text = json.dumps(document).replace("\\", r"\\")
    path.write_text(re.sub(r'(id="document">)[^<]*', rf"\1{text}", path.read_text()))


def latency(p50_us: float) -> dict[str, float]:
    return {key: p50_us * factor for key, factor in
            [("p50", 1), ("p90", 1.5), ("p99", 2.25), ("p999", 5.5), ("max", 12.125)]}


def distribution(p50_us: float) -> list[list[float]]:
    fractions = [0.0001, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999]
    body = [[round(p50_us * (0.6 - math.log10(1 - fraction)), 2), fraction] for fraction in fractions]
    return [*body, [p50_us * 12.125, 1.0]]


def point(concurrency: int, throughput_rps: float) -> Document:
    p50_us = round(concurrency / throughput_rps * 1e6)
    return {
        "x": concurrency, "label": str(concurrency), "throughput_rps": throughput_rps, "latency_us": latency(p50_us),
        "requests": round(throughput_rps * 10), "errors": 0, "runs": 3, "met": 3 if p50_us * 5.5 <= TARGET_US else 1,
        "verdict": "ok" if concurrency < 200 else "generator-limited: its thread was busy 99 % of the time",
        "distribution_us": distribution(p50_us),
        "course": [{"at_s": at + 1.0, "throughput_rps": round(throughput_rps * (1 - at / 100), 3), "p50_us": p50_us,
                    "p99_us": p50_us * 2, "p999_us": p50_us * (3 + at % 4), "in_flight": concurrency, "errors": 0}
                   for at in range(10)],
        "settings": {"concurrency": concurrency, "channels": 1, "is_local": True},
    }


def section(name: str) -> Document:
    """Two series over a swept setting, each with a choice."""
    swept = [1, 5, 20, 50, 100, 200]
    momento, mayfly = [998.25, 3500, 6800, 8331.5, 9006, 9386], [2671, 10594, 23872, 31857, 35855, 38255]
    return {
        "name": name, "title": f"What {name} does", "axis": "concurrent requests", "is_axis_log": True,
        "target_p999_us": TARGET_US, "brief": "Throughput rises to 50; beyond, only latency grows.",
        "findings": [{"client": "momento", "holds": True, "text": "most throughput at 50."},
                     {"client": "mayfly", "holds": False, "text": "throughput rises to 100."},
                     {"client": "other", "holds": None, "text": "was not measured."}],
        "series": [
            {"name": "momento", "choice": 3, "points": list(map(point, swept, momento))},
            {"name": "mayfly", "choice": 4, "points": list(map(point, swept, mayfly))},
        ],
    }


def experiment(*names: str) -> Document:
    """The document of an experiment: a section for every name, or one."""
    return {
        "format": "mayfly-report-1", "title": "mayfly experiment all", "date": "2026-11-29T17:00:00Z",
        "command": "mayfly experiment all --report report.html", "is_partial": False,
        "machine": {"processor": "Some processor", "cores": 2, "packages": {"momento": "1.29.1"}},
        "settings": {"endpoint": "127.0.0.1:8080", "network": "in-region", "rate": None, "is_open_loop": False},
        "notes": ["redis-py was skipped: it is not installed."],
        "sections": [section(name) for name in names or ["concurrency"]],
    }


def bench() -> Document:
    """The document of a single measurement, which has a wire and a limit of its own."""
    only = {**point(50, 31_857), "service_us": latency(900), "service_distribution_us": distribution(900)}
    only["course"] = [{**at, "limit": 12.5} for at in only["course"]]
    return {"format": "mayfly-report-1", "title": "mayfly bench",
            "sections": [{"name": "bench", "series": [{"name": "mayfly", "points": [only]}]}]}


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    """A tab of a browser, in which one report after the other is opened."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.fixture
def open_report(tab: Page, tmp_path: Path) -> Iterator[OpenReport]:
    """Opens the page of a document from its file. Whatever a test does, nothing is loaded, and nothing goes wrong."""
    path = tmp_path / "report.html"
    requests: list[str] = []
    complaints: list[str] = []
    watchers: dict[Any, Callable[[Any], None]] = {
        "request": lambda request: requests.append(request.url),
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "dialog": lambda dialog: complaints.append(dialog.message),
    }
    for event, watcher in watchers.items():
        tab.on(event, watcher)
    opened = 0

    def open_page(document: Document | None, viewport: ViewportSize = DESK, scheme: Any = "light",
                  write: Callable[[Document, Path], None] = page_of) -> Page:
        nonlocal opened
        opened += 1
        if document is not None:
            write(document, path)
        tab.set_viewport_size(viewport)
        tab.emulate_media(color_scheme=scheme, media="screen")
        tab.goto(path.as_uri())
        return tab

    yield open_page
    for event, watcher in watchers.items():
        tab.remove_listener(event, watcher)
    assert complaints == []
    assert requests == [path.as_uri()] * opened


def chart(page: Page, name: str) -> Locator:
    """The first chart of that name."""
    return page.locator(f"[data-chart={name}] canvas").first


def lines(page: Page, name: str) -> dict[str, list[list[Any]]]:
    """The points of every line of a chart."""
    drawn: dict[str, list[list[Any]]] = chart(page, name).evaluate("""canvas => Object.fromEntries(
        Chart.getChart(canvas).data.datasets.map(line => [line.label, line.data.map(item => [item.x, item.y])]))""")
    return drawn


def table(page: Page) -> list[dict[str, tuple[str, str]]]:
    """The rows of the first full table: a text and its exact value for every title of a column."""
    rows = page.get_by_role("region", name="All points").first.evaluate("""region => {
        const titles = [...region.querySelectorAll("thead th")].map(cell => cell.firstChild.textContent);
        return [...region.querySelectorAll("tbody tr")].map(row => [...row.children].map(
            (cell, index) => [titles[index], [cell.textContent, cell.title]]));
    }""")
    return [{title: (text, exact) for title, (text, exact) in row} for row in rows]


def share_of_target(page: Page, name: str) -> float:
    """How much of the row of pixels that stands for the target has the colour of a target."""
    share: float = chart(page, name).evaluate("""(canvas, target) => {
        const {chartArea: area, scales, ctx} = Chart.getChart(canvas);
        const wanted = getComputedStyle(document.documentElement).getPropertyValue("--target").trim();
        const [red, green, blue] = [1, 3, 5].map(at => parseInt(wanted.slice(at, at + 2), 16));
        const {data} = ctx.getImageData(area.left, Math.floor(scales.y.getPixelForValue(target)), area.width, 1);
        const isNear = at => Math.hypot(data[at] - red, data[at + 1] - green, data[at + 2] - blue) < 90;
        return [...Array(data.length / 4).keys()].filter(index => isNear(4 * index)).length / (data.length / 4);
    }""", TARGET_US)
    return share


def test_a_report_loads_nothing_and_says_what_was_measured(open_report: OpenReport) -> None:
    """That nothing is loaded, `open_report` sees to at the end of every test."""
    page = open_report(experiment("concurrency", "channels"))
    assert page.title() == "mayfly experiment all"
    expect(page.get_by_role("heading", level=1)).to_have_text("mayfly experiment all")
    for text in ["2026-11-29 17:00 UTC", "mayfly experiment all --report report.html",
                 "redis-py was skipped: it is not installed.", "momento 1.29.1", "Target: p99.9 within 20 ms."]:
        expect(page.get_by_text(text).first).to_be_visible()
    assert page.locator("canvas").count() == page.evaluate("mayflyReport.charts.length") == 10
    assert page.locator(".facts").first.locator("tr").all_inner_texts() == [
        "endpoint\t127.0.0.1:8080", "network\tin-region", "rate\t–", "is_open_loop\tno"]


def test_what_the_brief_found_is_said_in_words_for_every_client(open_report: OpenReport) -> None:
    page = open_report(experiment("concurrency", "channels"))
    expect(page.get_by_text("Throughput rises to 50; beyond, only latency grows.").first).to_be_visible()
    assert page.locator(".findings").first.locator("li").all_inner_texts() == [
        "✓ holds momento: most throughput at 50.", "✗ does not hold mayfly: throughput rises to 100.",
        "– undecided other: was not measured."]
    contents = page.get_by_role("navigation").get_by_role("listitem")
    assert contents.first.inner_text().split("\n") == [
        "What concurrency does", "momento: ✓ holds", "mayfly: ✗ does not hold", "other: – undecided"]
    contents.last.get_by_role("link").click()
    expect(page.get_by_role("heading", name="What channels does")).to_be_in_viewport()


def test_the_table_holds_every_figure_of_every_point(open_report: OpenReport) -> None:
    document = experiment()
    rows = table(open_report(document))
    points = [point for series in document["sections"][0]["series"] for point in series["points"]]
    assert len(rows) == len(points) == 12
    for row, of in zip(rows, points, strict=True):
        assert float(row["throughput"][1].split()[0]) == of["throughput_rps"]
        for key, title in [("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max")]:
            text, exact = row[title]
            assert float(text.replace(",", "")) == pytest.approx(of["latency_us"][key] / 1000, abs=0.0006)
            assert float(exact.removesuffix(" us")) == of["latency_us"][key]
        assert int(row["requests"][1]) == of["requests"]
        assert row["target met"][0] == f"{of['met']} of 3"
        assert row["verdict"][0] == of["verdict"]
        assert row["concurrency"][0] == str(of["settings"]["concurrency"])
    assert rows[0]["throughput"] == ("998", "998.25 requests/s")
    assert rows[3]["throughput"] == ("8,332", "8331.5 requests/s")


def test_a_setting_that_never_differs_is_said_once(open_report: OpenReport) -> None:
    page = open_report(experiment())
    assert "channels" not in table(page)[0]
    expect(page.get_by_text("At every point: channels 1, is_local yes.").first).to_be_visible()


def test_the_charts_hold_the_points(open_report: OpenReport) -> None:
    document = experiment()
    page = open_report(document)
    series = {one["name"]: one["points"] for one in document["sections"][0]["series"]}
    assert lines(page, "throughput") == {
        name: [[point["x"], point["throughput_rps"]] for point in points] for name, points in series.items()}
    assert lines(page, "latency") == {
        f"{name}, {title}": [[point["x"], point["latency_us"][key]] for point in points]
        for key, title in [("p999", "p99.9"), ("p99", "p99"), ("p50", "p50")] for name, points in series.items()}
    chosen = {"momento, 50": series["momento"][3], "mayfly, 100": series["mayfly"][4]}
    assert lines(page, "throughput-over-time") == {
        name: [[at["at_s"], at["throughput_rps"]] for at in point["course"]] for name, point in chosen.items()}
    assert lines(page, "latency-over-time") == {
        name: [[at["at_s"], at["p999_us"]] for at in point["course"]] for name, point in chosen.items()}


def test_every_further_nine_has_the_same_room_in_a_distribution(open_report: OpenReport) -> None:
    document = experiment()
    page = open_report(document)
    chosen = document["sections"][0]["series"][0]["points"][3]
    drawn = lines(page, "distribution")["momento, 50"]
    assert [y for _, y in drawn] == [us for us, _ in chosen["distribution_us"]]
    fractions = [fraction for _, fraction in chosen["distribution_us"]]
    assert [x for x, _ in drawn[:-1]] == pytest.approx([-math.log10(1 - fraction) for fraction in fractions[:-1]])
    assert drawn[-1][0] == pytest.approx(math.log10(2 * chosen["requests"]))
    labels = "canvas => Chart.getChart(canvas).scales.x.ticks.map(tick => tick.label)"
    ticks = chart(page, "distribution").evaluate(labels)
    assert ticks[:5] == ["0 %", "50 %", "90 %", "99 %", "99.9 %"]


def test_the_target_is_a_line(open_report: OpenReport) -> None:
    document = experiment()
    page = open_report(document)
    charts_with_target = ["latency", "distribution", "latency-over-time"]
    assert all(share_of_target(page, name) > 0.3 for name in charts_with_target)
    for name in charts_with_target:
        assert "Target 20 ms" in (chart(page, name).get_attribute("aria-label") or "")
    document["sections"][0]["target_p999_us"] = None
    page = open_report(document)
    assert all(share_of_target(page, name) < 0.1 for name in charts_with_target)


def test_the_choice_stands_out_in_chart_legend_and_table(open_report: OpenReport) -> None:
    page = open_report(experiment())
    radii = "canvas => Chart.getChart(canvas).data.datasets.map(line => line.pointRadius)"
    sizes = chart(page, "throughput").evaluate(radii)
    assert [size.index(max(size)) for size in sizes] == [3, 4]
    assert all(size.count(max(size)) == 1 for size in sizes)
    assert page.locator("[data-chart=throughput] .legend").first.locator("li").all_inner_texts() == [
        "momento", "mayfly", "choice", "doubtful: see its verdict"]
    chosen = [row["point"][0] for row in table(page) if "choice" in row["point"][0]]
    assert chosen == ["momento, 50 – choice", "mayfly, 100 – choice"]
    assert "choice at 8,332/s" in (chart(page, "throughput").get_attribute("aria-label") or "")


def test_without_a_choice_the_point_with_most_throughput_is_shown(open_report: OpenReport) -> None:
    document = experiment()
    for series in document["sections"][0]["series"]:
        series["choice"] = None
    page = open_report(document)
    assert list(lines(page, "distribution")) == ["momento, 200", "mayfly, 200"]
    assert "choice" not in page.locator("[data-chart=throughput]").first.inner_text()


def test_series_differ_in_colour_dash_and_shape(open_report: OpenReport) -> None:
    document = experiment()
    momento = document["sections"][0]["series"][0]
    document["sections"][0]["series"] = [{**copy.deepcopy(momento), "name": f"run {index}"} for index in range(8)]
    page = open_report(document)
    styles = chart(page, "throughput").evaluate("""canvas => Chart.getChart(canvas).data.datasets.map(line => [
        line.borderColor, String(line.borderDash), `${line.pointStyle} ${line.pointRotation}`])""")
    assert [len(set(column)) for column in zip(*styles, strict=True)] == [8, 8, 8]


def test_other_points_can_be_selected_without_a_mouse(open_report: OpenReport) -> None:
    page = open_report(experiment())
    summary = page.locator("summary").first
    expect(summary).to_have_text("Points shown below: 2 of 12")
    summary.press("Enter")
    page.get_by_label("momento, 20", exact=True).first.press(" ")
    expect(summary).to_have_text("Points shown below: 3 of 12")
    assert list(lines(page, "distribution")) == ["momento, 20", "momento, 50", "mayfly, 100"]
    assert list(lines(page, "throughput-over-time")) == ["momento, 20", "momento, 50", "mayfly, 100"]
    for label in ["momento, 20", "momento, 50 (choice)", "mayfly, 100 (choice)"]:
        page.get_by_label(label, exact=True).first.press(" ")
    expect(page.locator("[data-chart=distribution]").first.get_by_text("Nothing to show")).to_be_visible()
    expect(chart(page, "distribution")).to_be_hidden()


def test_the_tab_key_reaches_every_chart_control_and_table(open_report: OpenReport) -> None:
    page = open_report(experiment("concurrency", "channels"))
    wanted = page.evaluate("""() => {
        const all = [...document.querySelectorAll("a, canvas, summary, input, .scroll")];
        return all.filter(node => node.checkVisibility()).map((node, index) => node.dataset.stop = String(index));
    }""")
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.stop"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert reached == wanted


def test_arrow_keys_tell_the_points_of_a_chart(open_report: OpenReport) -> None:
    page = open_report(experiment())
    told = page.locator("[data-chart=throughput] [aria-live]").first
    canvas = chart(page, "throughput")
    opacity = "canvas => Chart.getChart(canvas).tooltip.opacity"
    for key, text in [
        ("ArrowRight", "momento, concurrent requests: 1, 998/s, p50 1 ms, p90 1.5 ms, p99 2.25 ms, p99.9 5.51 ms, "),
        ("ArrowRight", "momento, concurrent requests: 5, 3,500/s, p50 1.43 ms"),
        ("ArrowDown", "mayfly, concurrent requests: 5, 10,594/s, p50 0.47 ms"),
        ("ArrowLeft", "mayfly, concurrent requests: 1, 2,671/s"),
        ("ArrowLeft", "mayfly, concurrent requests: 1, 2,671/s"),
        ("ArrowUp", "momento, concurrent requests: 1, 998/s"),
    ]:
        canvas.press(key)
        assert told.inner_text().startswith(text)
        assert canvas.evaluate(opacity) == 1
    for _ in range(5):
        canvas.press("ArrowRight")
    assert "generator-limited: its thread was busy 99 % of the time" in told.inner_text()
    canvas.press("Escape")
    assert told.inner_text() == ""
    assert canvas.evaluate(opacity) == 0
    for _ in range(2):
        chart(page, "distribution").press("ArrowRight")
    told = page.locator("[data-chart=distribution] [aria-live]").first
    assert told.inner_text().startswith("momento, 50, 50 % within ")


def test_a_phone_shows_it_without_moving_the_page_sideways(open_report: OpenReport) -> None:
    page = open_report(experiment(), PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    full = page.get_by_role("region", name="All points").first
    assert full.evaluate("region => region.scrollWidth > region.clientWidth")
    assert full.evaluate("region => { region.scrollLeft = 50; return region.scrollLeft; }") == 50
    widths = page.evaluate("mayflyReport.charts.map(chart => chart.width)")
    assert all(300 <= width <= PHONE["width"] for width in widths)


def test_light_and_dark_follow_the_reader_while_the_page_is_open(open_report: OpenReport) -> None:
    colours = """() => [getComputedStyle(document.body).backgroundColor,
        ...mayflyReport.charts.map(chart => chart.options.scales.x.ticks.color + chart.data.datasets[0].borderColor)]"""
    page = open_report(experiment(), scheme="dark")
    dark = page.evaluate(colours)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"before => ({colours})().every((colour, index) => colour !== before[index])", arg=dark)
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => ({colours})().every((colour, index) => colour !== before[index])", arg=light)
    assert page.evaluate(colours) == dark


def test_paper_is_light_and_whole(open_report: OpenReport) -> None:
    page = open_report(experiment("concurrency", "channels"), scheme="dark")
    page.evaluate("""() => addEventListener("beforeprint", () => {
        window.printed = {
            colours: mayflyReport.charts.map(chart => chart.data.datasets[0].borderColor),
            widths: mayflyReport.charts.map(chart => chart.width),
        };
    })""")
    shown = page.evaluate("mayflyReport.charts.map(chart => [chart.width, chart.data.datasets[0].borderColor])")
    paper = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert 2 <= len(boxes) <= 12
    assert all((round(float(width)), round(float(height))) == (595, 842) for width, height in boxes)
    printed = page.evaluate("printed")
    assert max(printed["widths"]) <= PAPER_WIDTH
    assert page.evaluate("mayflyReport.charts.map(chart => [chart.width, chart.data.datasets[0].borderColor])") == shown
    page.emulate_media(media="print")
    assert not any(control.is_visible() for control in page.locator("input, summary, #keys").all())
    page = open_report(experiment(), scheme="light")
    assert page.evaluate("mayflyReport.charts[0].data.datasets[0].borderColor") == printed["colours"][0]


def test_a_table_that_is_wider_than_paper_is_printed_smaller_and_whole(open_report: OpenReport) -> None:
    page = open_report(experiment())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    widths = page.evaluate("[...document.querySelectorAll('table')].map(table => table.getBoundingClientRect().width)")
    assert 0.9 * PAPER_WIDTH <= max(widths) <= PAPER_WIDTH


def test_markup_in_names_is_shown_as_text(open_report: OpenReport) -> None:
    document = experiment()
    of = document["sections"][0]
    document["title"] = of["title"] = of["name"] = of["axis"] = of["brief"] = of["series"][0]["name"] = HOSTILE
    document["notes"] = [HOSTILE, "@script@ @style@"]
    document["settings"] = {HOSTILE: HOSTILE, "__proto__": 1}
    of["findings"] = [{"client": HOSTILE, "holds": "constructor", "text": HOSTILE}]
    of["series"][0]["points"][0]["settings"] = {"__proto__": 1, "constructor": HOSTILE}
    page = open_report(document, PHONE)
    assert page.get_by_role("heading", level=1).inner_text() == page.title() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 3
    assert table(page)[0]["point"][0] == f"{HOSTILE}, 1"
    assert table(page)[0]["constructor"][0] == HOSTILE
    assert page.locator("#report li").all_inner_texts().count("@script@ @style@") == 1
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_single_measurement_has_no_swept_charts_but_its_wire_and_its_limit(open_report: OpenReport) -> None:
    page = open_report(bench())
    names = page.locator("figure").evaluate_all("all => all.map(figure => figure.dataset.chart)")
    assert names == ["distribution", "throughput-over-time", "latency-over-time", "limit-over-time"]
    assert page.locator("summary").count() == 0
    assert list(lines(page, "distribution")) == ["mayfly, 50", "mayfly, 50, on the wire"]
    assert table(page)[0]["wire p99.9"] == ("4.950", "4950 us")
    page.get_by_label("also on the wire alone").uncheck()
    assert list(lines(page, "distribution")) == ["mayfly, 50"]


def test_points_without_a_number_stand_as_categories(open_report: OpenReport) -> None:
    document = experiment()
    for series in document["sections"][0]["series"]:
        for of in series["points"]:
            of["label"] = f"asyncio, {of.pop('x')}"
    page = open_report(document)
    assert [x for x, _ in lines(page, "throughput")["mayfly"]] == [f"asyncio, {x}" for x in [1, 5, 20, 50, 100, 200]]


@pytest.mark.parametrize("sections", [
    None, [], [{}], [{"series": []}], [{"series": [{}]}], [{"series": [{"points": [{}]}]}],
    [{"series": [{"points": [{"x": 0}, {"label": "b", "latency_us": None, "throughput_rps": None}]}]}],
    [{"is_axis_log": True, "target_p999_us": 0, "series": [{"choice": 9, "points": [
        {"x": 0, "throughput_rps": 0, "latency_us": {"p50": 0}, "distribution_us": [[0, 0]], "course": [{}]},
        {"x": 0, "throughput_rps": 1, "latency_us": {}, "distribution_us": [], "course": None}]}]}],
])
def test_a_field_that_is_missing_breaks_nothing(open_report: OpenReport, sections: object) -> None:
    page = open_report({"format": "mayfly-report-1", "sections": sections}, write=damaged_page_of)
    expect(page.get_by_role("heading", level=1)).to_have_text("mayfly report")
    expect(page.locator("main")).to_contain_text(re.compile("Nothing was measured|All points"))


def test_what_was_interrupted_says_so(open_report: OpenReport) -> None:
    page = open_report({**experiment(), "is_partial": True})
    expect(page.get_by_text("Interrupted: this shows what was measured until then.")).to_be_visible()


def test_a_document_that_cannot_be_read_says_so(open_report: OpenReport, tmp_path: Path) -> None:
    page = open_report({"format": "mayfly-report-9"}, write=damaged_page_of)
    expect(page.get_by_role("alert")).to_have_text(
        "Its format is “mayfly-report-9”; this page reads “mayfly-report-1”.")
    path = tmp_path / "report.html"
    path.write_text(re.sub(r'(id="document">)[^<]*', r'\1{"format": ', path.read_text()))
    page = open_report(None)
    expect(page.get_by_role("heading")).to_have_text("This report cannot be read")
    expect(page.get_by_role("alert")).to_contain_text("Its document is not JSON")
