/* Draws a report from the document that stands in the page: what was found, charts, and every figure in tables.
 * No field of a document is trusted to be there, and all text goes in as text. Charts keep no state of their own: they
 * are drawn again from document and style whenever the points selected, the colours or the paper change. */

const FORMAT = "mayfly-report-1";
const LATENCIES = [["p50", "p50"], ["p90", "p90"], ["p99", "p99"], ["p999", "p99.9"], ["max", "max"]];
/* The higher the quantile, the stronger its line. */
const SWEPT_LATENCIES = [["p999", "p99.9", 2.75], ["p99", "p99", 1.75], ["p50", "p50", 1]];
const NINES = [0, 0.5, 0.9, ...Array.from({length: 8}, (_, index) => Number(`0.99${"9".repeat(index)}`))];

/* A series is told by colour, dash and shape at once, so that none of them has to be seen. The path is the shape again,
 * for the legend. */
const STYLES = [
    {dash: [], shape: "circle", turn: 0, path: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0"},
    {dash: [8, 4], shape: "triangle", turn: 0, path: "M0-5L5 4H-5Z"},
    {dash: [2, 3], shape: "rectRot", turn: 0, path: "M0-5L5 0L0 5L-5 0Z"},
    {dash: [10, 3, 2, 3], shape: "rect", turn: 0, path: "M-4-4H4V4H-4Z"},
    {dash: [5, 2], shape: "triangle", turn: 180, path: "M0 5L5-4H-5Z"},
    {dash: [14, 4], shape: "triangle", turn: 90, path: "M5 0L-4 5V-5Z"},
    {dash: [8, 3, 2, 3, 2, 3], shape: "triangle", turn: 270, path: "M-5 0L4 5V-5Z"},
    {dash: [4, 5], shape: "star", turn: 0, path: "M0-5V5M-5 0H5M-4-4L4 4M-4 4L4-4"},
];

/* Reading */

const isThere = value => value !== null && value !== undefined;
const isNumber = value => typeof value === "number" && Number.isFinite(value);
const positive = value => isNumber(value) && value > 0 ? value : null;
const listOf = value => Array.isArray(value) ? value.filter(item => isThere(item) && typeof item === "object") : [];
const entriesOf = value => isThere(value) && typeof value === "object" ? Object.entries(value) : [];
const isOk = point => !point.verdict || point.verdict === "ok";
const titleOf = (section, index) => String(section.title ?? section.name ?? `Section ${index + 1}`);
const anchorOf = (section, index) => `section-${section.name ?? index + 1}`;

function readSeries(raw, seriesIndex) {
    const name = String(raw.name ?? `series ${seriesIndex + 1}`);
    const points = listOf(raw.points).map((point, index) => {
        const label = String(point.label ?? (isNumber(point.x) ? point.x : `point ${index + 1}`));
        return {...point, label, seriesIndex, isChoice: index === raw.choice,
                name: label === name ? name : `${name}, ${label}`};
    });
    const rates = points.map(point => point.throughput_rps ?? 0);
    return {name, points, foremost: points.find(point => point.isChoice) ?? points[rates.indexOf(Math.max(...rates))]};
}

/* Writing numbers */

const FORMATS = [0, 1, 2, 3, 4].map(maximumFractionDigits => new Intl.NumberFormat("en", {maximumFractionDigits}));
const MILLISECONDS = new Intl.NumberFormat("en", {minimumFractionDigits: 3, maximumFractionDigits: 3});

function digits(value) {
    const size = Math.abs(value);
    return FORMATS[size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4].format(value);
}

function inTime(us) {
    if (us < 100)
        return `${digits(us)} us`;
    return us < 1e6 ? `${digits(us / 1e3)} ms` : `${digits(us / 1e6)} s`;
}

const perSecond = rate => `${digits(rate)}/s`;
const inPercent = fraction => `${Number((fraction * 100).toFixed(6))} %`;

function inWords(value) {
    if (!isThere(value))
        return "–";
    if (typeof value === "boolean")
        return value ? "yes" : "no";
    if (Array.isArray(value))
        return value.map(inWords).join(", ");
    if (typeof value === "object")
        return entriesOf(value).map(([key, of]) => `${key} ${inWords(of)}`).join(", ");
    return String(value);
}

function dateOf(date) {
    const time = new Date(date);
    return Number.isNaN(time.getTime()) ? String(date) : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/* What there is to say of a point and of a moment where they are met: by the pointer, by the keys and by ear. */
function tellPoint(point) {
    const latencies = LATENCIES.filter(([key]) => isNumber(point.latency_us?.[key]))
        .map(([key, name]) => `${name} ${inTime(point.latency_us[key])}`);
    return [isNumber(point.throughput_rps) && perSecond(point.throughput_rps), latencies.slice(0, 3).join(", "),
            latencies.slice(3).join(", "), point.errors > 0 && `${digits(point.errors)} errors`,
            !isOk(point) && String(point.verdict), point.isChoice && "choice"].filter(Boolean);
}

function tellMoment(at) {
    return [`at ${digits(at.at_s)} s`, isNumber(at.throughput_rps) && perSecond(at.throughput_rps),
            isNumber(at.p999_us) && `p99.9 ${inTime(at.p999_us)}`, isNumber(at.limit) && `limit ${digits(at.limit)}`,
            isNumber(at.in_flight) && `${digits(at.in_flight)} in flight`,
            at.errors > 0 && `${digits(at.errors)} errors`].filter(Boolean);
}

/* Making elements */

function element(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties))
        if (name in node)
            node[name] = value;
        else
            node.setAttribute(name, value);
    node.append(...children.flat(Infinity).filter(isThere));
    return node;
}

function drawing(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.append(...children);
    return node;
}

function checkbox(text, checked, onChange) {
    const input = element("input", {type: "checkbox", checked});
    input.addEventListener("change", onChange);
    return {input, label: element("label", {}, input, text)};
}

const fieldset = (title, boxes) =>
    element("fieldset", {className: "controls"}, element("legend", {}, title), boxes.map(box => box.label));

/* Colours live in the style, and are read once for all charts: asking for them has the browser work out the style of
 * the whole page. Beyond the last they begin again, with other dashes and shapes. */
const COLOURS = ["ground", "text", "muted", "rule", "target", ...STYLES.map((_, index) => `series-${index}`)];
const colours = new Map();
const colourOf = name => colours.get(name);
const colourName = slot => isThere(slot) ? `series-${slot % STYLES.length}` : "muted";
const styleOf = slot => STYLES[isThere(slot) ? (slot + Math.floor(slot / STYLES.length)) % STYLES.length : 0];

/* An entry with a slot is a series, one without a kind of line, or the mark that `kind` names. */
function legendEntry({text, slot, width = 2, kind}) {
    const style = styleOf(slot);
    const line = drawing("path", {d: "M0 7H36", "stroke-width": width, "stroke-dasharray": style.dash.join(" ")});
    const point = drawing("path", {d: style.path, transform: "translate(18 7)", class: kind ?? ""});
    const ring = drawing("circle", {cx: 18, cy: 7, r: 8, class: "hollow"});
    const parts = {ring: [ring, point], hollow: [point]}[kind] ?? (isThere(slot) ? [line, point] : [line]);
    const sample = drawing("svg", {viewBox: "0 0 36 14", "aria-hidden": "true"}, ...parts);
    sample.style.color = `var(--${kind ? "text" : colourName(slot)})`;
    return element("li", {}, sample, text);
}

/* Axes: what Chart.js is told of them, made from what is to be shown */

/* An axis that runs from its first tick to its last and shows them. */
const tickedAxis = (ticks, format, type = "logarithmic") => ({
    type, min: ticks[0], max: ticks.at(-1), afterBuildTicks: axis => { axis.ticks = ticks.map(value => ({value})); },
    ticks: {callback: value => format(value)},
});

const linearAxis = (format, beginAtZero = true) => ({
    type: "linear", beginAtZero, ticks: {maxTicksLimit: 8, callback: value => format(value)},
});

/* The 1, 2 and 5 of each decade, from the last that is below the values to the first above. */
function logTicks(values) {
    const low = Math.min(...values), high = Math.max(...values), ticks = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++)
        ticks.push(...[1, 2, 5].map(step => Number(`${step}e${decade}`)));
    const range = ticks.slice(ticks.findLastIndex(tick => tick <= low), ticks.findIndex(tick => tick >= high) + 1);
    return range.length > 1 ? range : [range[0], range[0] * 2];
}

function latencyAxis(values, isLog = Math.max(...values) > 20 * Math.min(...values)) {
    if (!isLog)
        return linearAxis(inTime);
    const ticks = logTicks(values);
    return tickedAxis(ticks, us => ticks.length <= 10 || us.toExponential().startsWith("1") ? inTime(us) : "");
}

const rates = {title: "requests/s", format: perSecond, axis: () => linearAxis(digits)};
const latencies = {title: "latency", format: inTime, axis: values => latencyAxis(values)};
const limits = {title: "requests in flight", format: digits, axis: () => linearAxis(digits)};

/* Those values that have room for their labels on a logarithmic axis, the first and the last among them. */
function spaced(values) {
    const last = values.at(-1), room = Math.log(last / values[0]) / 8 * 0.999;
    const isApart = (one, other) => Math.abs(Math.log(one / other)) >= room;
    return values.reduce((kept, value) => kept.length === 0 || value === last ||
        isApart(value, kept.at(-1)) && isApart(value, last) ? [...kept, value] : kept, []);
}

function sweptAxis(section, points) {
    const title = String(section.axis ?? "setting"), values = [...new Set(points.map(point => point.x))];
    const labels = [...new Set(points.map(point => point.label))];
    if (!values.every(isNumber))
        return {title, labels, axis: {type: "category", offset: true}, of: point => point.label};
    values.sort((one, other) => one - other);
    const isLog = section.is_axis_log && values[0] > 0 && values.length > 1;
    return {title, axis: isLog ? tickedAxis(spaced(values), digits) : linearAxis(digits, false), of: point => point.x};
}

/* Charts */

/* What stands on a chart beside its lines: the target, rings around the choices, the names of quantiles. Words come
 * last, over everything, and only where no other stands already. */
function drawMarks(chart, lines, target) {
    const {ctx: context, chartArea: area, scales} = chart, words = [];
    const write = (text, x, y, colour, textAlign, room) => {
        if (!words.some(other => Math.abs(other.x - x) < 44 && Math.abs(other.y - y) < room))
            words.push({text, x, y, colour, textAlign});
    };
    context.save();
    context.lineWidth = 1.5;
    if (target) {
        const y = scales.y.getPixelForValue(target);
        context.strokeStyle = colourOf("target");
        context.setLineDash([6, 4]);
        context.stroke(new Path2D(`M${area.left} ${y}H${area.right}`));
        write(`target ${inTime(target)}`, area.left + 6, y < area.top + 18 ? y + 10 : y - 10, "target", "left", 0);
    }
    context.strokeStyle = colourOf("text");
    context.setLineDash([]);
    lines.forEach((line, index) => {
        const points = chart.getDatasetMeta(index).data, last = points.at(-1);
        const chosen = line.hasRing ? points[line.data.findIndex(item => item.isChoice)] : undefined;
        if (chosen) {
            const {x, y} = chosen;
            context.stroke(new Path2D(`M${x - 10} ${y}a10 10 0 1 0 20 0a10 10 0 1 0-20 0`));
            write("choice", Math.min(Math.max(x, area.left + 20), area.right - 20),
                  y < area.top + 24 ? y + 19 : y - 19, "text", "center", 40);
        }
        if (line.tag)
            write(line.tag, last.x + 9, last.y, "muted", "left", 12);
    });
    Object.assign(context, {font: `12px ${Chart.defaults.font.family}`, textBaseline: "middle", lineJoin: "round",
                            lineWidth: 4, strokeStyle: colourOf("ground")});
    for (const {text, x, y, colour, textAlign} of words) {
        Object.assign(context, {textAlign, fillStyle: colourOf(colour)});
        context.strokeText(text, x, y);
        context.fillText(text, x, y);
    }
    context.restore();
}

function datasetOf(line) {
    const colour = colourOf(colourName(line.slot)), ground = colourOf("ground"), style = styleOf(line.slot);
    return {
        label: line.label, data: line.data, clip: false, spanGaps: true,
        borderColor: colour, borderWidth: line.width, borderDash: style.dash,
        pointStyle: style.shape, pointRotation: style.turn, pointBorderColor: colour, pointBorderWidth: 1.5,
        pointHoverRadius: 7,
        pointRadius: line.data.map(item => item.isChoice ? 7 : !item.isMarked ? 0 : line.width > 1.5 ? 4 : 3),
        pointBackgroundColor: line.data.map(item => item.isHollow ? ground : colour),
    };
}

const isPrinting = () => document.documentElement.classList.contains("printing");
const figures = [];

/* A chart with its caption and legend. `plan` returns what to draw now: {lines, legend, x, y, target}. A line is
 * {label, slot, width, data}, and an item of its data {x, y, text} and how it is marked. */
class Figure {
    constructor(name, title, className, plan, controls = null) {
        Object.assign(this, {title, plan, at: null});
        this.canvas = element("canvas", {role: "img", tabIndex: 0, "aria-describedby": "keys"});
        this.plot = element("div", {className: "plot"}, this.canvas);
        this.empty = element("p", {className: "muted"}, "Nothing to show: none of the points selected has this record.");
        this.legend = element("ul", {className: "legend"});
        this.live = element("p", {className: "unseen", "aria-live": "polite"});
        this.node = element("figure", {className, "data-chart": name}, element("figcaption", {}, title), this.plot,
                            this.empty, this.legend, controls, this.live);
        this.canvas.addEventListener("keydown", event => this.step(event));
        this.canvas.addEventListener("blur", () => this.pointAt(null));
        figures.push(this);
    }

    draw() {
        const {lines, legend, x, y, target} = this.plan();
        this.lines = lines.filter(line => line.data.length > 0);
        this.target = positive(target);
        this.at = null;
        this.empty.hidden = this.lines.length > 0;
        this.plot.hidden = this.legend.hidden = this.lines.length === 0;
        if (this.lines.length === 0)
            return;
        this.legend.replaceChildren(...legend.map(legendEntry));
        this.canvas.setAttribute("aria-label", this.summary(y.format));
        const values = this.lines.flatMap(line => line.data.map(item => item.y)).concat(this.target ?? []);
        const data = {labels: x.labels, datasets: this.lines.map(datasetOf)};
        const options = this.options(x, {...y, axis: y.axis(values)});
        if (!this.chart) {
            const plugins = [{id: "marks", afterDatasetsDraw: chart => drawMarks(chart, this.lines, this.target)}];
            this.chart = new Chart(this.canvas, {type: "line", data, options, plugins});
            return;
        }
        Object.assign(this.chart, {data, options});
        this.chart.update();
    }

    options(x, y) {
        const [text, ground, muted, rule] = ["text", "ground", "muted", "rule"].map(colourOf);
        const dressed = ({axis, title}) => ({
            ...axis, title: {display: true, text: title, color: muted},
            grid: {color: rule, borderColor: rule, tickColor: rule},
            ticks: {color: muted, maxRotation: axis.type === "category" ? 60 : 0, ...axis.ticks}});
        return {
            animation: false, maintainAspectRatio: false, devicePixelRatio: isPrinting() ? 3 : undefined,
            layout: {padding: {top: 12, right: this.lines.some(line => line.tag) ? 44 : 12}},
            interaction: {mode: "nearest", intersect: false, axis: "xy"},
            scales: {x: dressed(x), y: dressed(y)},
            plugins: {legend: {display: false}, tooltip: {
                displayColors: false, backgroundColor: text, titleColor: ground, bodyColor: ground,
                callbacks: {title: items => items[0]?.dataset.label, label: item => item.raw.text}}},
        };
    }

    summary(format) {
        const lines = this.lines.map(({label, data}) => {
            const values = data.map(item => item.y), choice = data.find(item => item.isChoice);
            const range = `from ${format(Math.min(...values))} to ${format(Math.max(...values))}`;
            return `${label}: ${values.length} points ${range}${choice ? `, choice at ${format(choice.y)}` : ""}`;
        });
        return [this.title, ...lines, ...this.target ? [`Target ${inTime(this.target)}`] : []].join(". ");
    }

    /* Left and right step along a line, up and down to the point of another line that is nearest. */
    step(event) {
        const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (event.key === "Escape")
            this.pointAt(null);
        if (!by || event.altKey || event.ctrlKey || event.metaKey)
            return;
        event.preventDefault();
        const from = this.at ?? {line: 0, index: -1};
        const isAlong = !this.at || event.key === "ArrowRight" || event.key === "ArrowLeft";
        const line = isAlong ? from.line : (from.line + by + this.lines.length) % this.lines.length;
        const stops = [...this.lines[line].data.keys()].filter(index => !this.lines[line].data[index].isPassed);
        if (isAlong) {
            const to = stops.indexOf(from.index) + by;
            this.pointAt({line, index: stops[Math.min(Math.max(to, 0), stops.length - 1)]});
            return;
        }
        const points = this.chart.getDatasetMeta(line).data;
        const {x} = this.chart.getDatasetMeta(from.line).data[from.index];
        const distance = index => Math.abs(points[index].x - x);
        this.pointAt({line, index: stops.reduce((best, index) => distance(index) < distance(best) ? index : best)});
    }

    pointAt(at) {
        this.at = at;
        const active = at ? [{datasetIndex: at.line, index: at.index}] : [];
        const {x, y} = at ? this.chart.getDatasetMeta(at.line).data[at.index] : {x: 0, y: 0};
        this.chart.setActiveElements(active);
        this.chart.tooltip.setActiveElements(active, {x, y});
        this.chart.render();
        const line = at && this.lines[at.line];
        this.live.textContent = at ? [line.label, ...line.data[at.index].text].join(", ") : "";
    }
}

function sweptLine(series, slot, x, valueOf, rest) {
    const data = series.points.filter(point => isNumber(valueOf(point))).map(point => ({
        x: x.of(point), y: valueOf(point), text: [`${x.title}: ${point.label}`, ...tellPoint(point)],
        isMarked: true, isChoice: point.isChoice, isHollow: !isOk(point)}));
    if (!x.labels)
        data.sort((one, other) => one.x - other.x);
    return {label: series.name, slot, width: 2, data, ...rest};
}

const sweptLegend = (all, points) => [
    ...all.map((series, slot) => ({text: series.name, slot})),
    ...points.some(point => point.isChoice) ? [{text: "choice", kind: "ring"}] : [],
    ...points.every(isOk) ? [] : [{text: "doubtful: see its verdict", kind: "hollow"}],
];

function throughputFigure(section, all, points) {
    const x = sweptAxis(section, points);
    return new Figure("throughput", `Throughput against ${x.title}`, "half", () => ({
        x, y: rates, legend: sweptLegend(all, points),
        lines: all.map((series, slot) => sweptLine(series, slot, x, point => point.throughput_rps, {hasRing: true})),
    }));
}

function latencyFigure(section, all, points) {
    const x = sweptAxis(section, points), y = {...latencies, axis: values => latencyAxis(values, true)};
    /* More lines than those of three series can't be told apart. */
    const isShown = key => key === "p999" || all.length <= 3;
    const boxes = SWEPT_LATENCIES.map(([key, name]) => checkbox(name, isShown(key), () => figure.draw()));
    const figure = new Figure("latency", `Latency against ${x.title}`, "half", () => {
        const shown = SWEPT_LATENCIES.filter((_, index) => boxes[index].input.checked);
        return {
            x, y, target: boxes[0].input.checked ? section.target_p999_us : null,
            legend: [...sweptLegend(all, points), ...shown.map(([, text, width]) => ({text, width}))],
            lines: shown.flatMap(([key, name, width], rank) => all.map((series, slot) =>
                sweptLine(series, slot, x, point => positive(point.latency_us?.[key]), {
                    label: `${series.name}, ${name}`, width, tag: slot === 0 ? name : null, hasRing: rank === 0}))),
        };
    }, fieldset("Quantiles shown", boxes));
    return figure;
}

/* Which points the charts below show, and the boxes that change it. The first point of a series has the style of its
 * series, any other one of its own. */
function selection(all, points, onChange) {
    const changed = () => { count(); onChange(); };
    const boxes = points.map(point => checkbox(point.isChoice ? `${point.name} (choice)` : point.name,
                                               point === all[point.seriesIndex].foremost, changed));
    const shown = () => {
        const taken = new Set();
        let next = all.length;
        return points.filter((_, index) => boxes[index].input.checked).map(point => {
            const slot = taken.has(point.seriesIndex) ? next++ : point.seriesIndex;
            taken.add(point.seriesIndex);
            return {point, slot};
        });
    };
    const summary = element("summary");
    const count = () => { summary.textContent = `Points shown below: ${shown().length} of ${points.length}`; };
    count();
    return {points, shown, legend: () => shown().map(({point, slot}) => ({text: point.name, slot})),
            controls: element("details", {className: "controls"}, summary, fieldset("Points", boxes))};
}

/* Where a fraction stands on an axis that gives every further nine the same room. The greatest of all would stand
 * infinitely far: it is put half a request from the end. */
function placeOf(fraction, requests, before) {
    if (fraction < 1)
        return -Math.log10(1 - Math.max(fraction, 0));
    return Math.max(requests > 0 ? Math.log10(2 * requests) : 0, before + 0.05);
}

/* The line, marked where it reaches each of the nines; the keys pass over the many points between. */
function distributionData(point, key) {
    const pairs = listOf(point[key]).filter(([us, fraction]) => positive(us) && isNumber(fraction));
    let x = 0, nine = 0;
    return pairs.map(([us, fraction], index) => {
        x = placeOf(fraction, point.requests, x);
        const isMarked = fraction >= NINES[nine] || index === pairs.length - 1;
        while (fraction >= NINES[nine])
            nine++;
        return {x, y: us, isMarked, isPassed: !isMarked, text: [`${inPercent(fraction)} within ${inTime(us)}`]};
    });
}

function distributionFigure(section, selected) {
    const hasWire = selected.points.some(point => listOf(point.service_distribution_us).length > 0);
    const wire = checkbox("also on the wire alone", hasWire, () => figure.draw());
    const figure = new Figure("distribution", "Latency distribution", "wide", () => {
        const lines = selected.shown().flatMap(({point, slot}) => [
            {label: point.name, slot, width: 2, data: distributionData(point, "distribution_us")},
            {label: `${point.name}, on the wire`, slot, width: 1,
             data: wire.input.checked ? distributionData(point, "service_distribution_us") : []}]);
        const end = Math.max(1, ...lines.flatMap(line => line.data.map(item => item.x)));
        const ticks = NINES.map(fraction => placeOf(fraction)).filter(place => place <= end);
        const axis = {...tickedAxis(ticks, place => inPercent(1 - 10 ** -place), "linear"), max: end};
        return {lines, target: section.target_p999_us, x: {title: "of the requests", axis}, y: latencies,
                legend: [...selected.legend(), ...wire.input.checked ? [{text: "on the wire", width: 1}] : []]};
    }, hasWire ? fieldset("Latency shown", [wire]) : null);
    return figure;
}

function courseFigures(section, selected) {
    const all = [["throughput-over-time", "Throughput over time", rates, at => at.throughput_rps],
                 ["latency-over-time", "p99.9 over time", latencies, at => positive(at.p999_us), section.target_p999_us],
                 ["limit-over-time", "Limit over time", limits, at => at.limit]];
    const dataOf = (point, valueOf) => {
        const course = listOf(point.course).filter(at => isNumber(at.at_s) && isNumber(valueOf(at)));
        const apart = Math.ceil(course.length / 8);
        return course.map((at, index) => (
            {x: at.at_s, y: valueOf(at), isMarked: index % apart === 0, text: tellMoment(at)}));
    };
    const lineOf = (point, slot, valueOf) => ({label: point.name, slot, width: 2, data: dataOf(point, valueOf)});
    return all.filter(([, , , valueOf]) => selected.points.some(point => dataOf(point, valueOf).length > 0))
        .map(([name, title, y, valueOf, target]) => new Figure(name, title, "half", () => ({
            x: {title: "seconds from the start", axis: linearAxis(digits)}, y, target, legend: selected.legend(),
            lines: selected.shown().map(({point, slot}) => lineOf(point, slot, valueOf)),
        })));
}

/* Tables */

const latencyColumns = (of, prefix) => LATENCIES.map(([key, name]) => ({
    title: prefix + name, unit: "ms", of: point => point[of]?.[key],
    format: us => MILLISECONDS.format(us / 1e3), exact: us => `${us} us`,
}));
const countColumn = key => ({
    title: key, of: point => point[key], format: count => FORMATS[0].format(count), exact: String,
});
const THROUGHPUT = {title: "throughput", unit: "requests/s", of: point => point.throughput_rps,
                    format: digits, exact: rate => `${rate} requests/s`};
const MET = {title: "target met", unit: "runs", format: String,
             of: point => isNumber(point.met) ? `${point.met} of ${point.runs ?? "–"}` : null};
const VERDICT = {title: "verdict", of: point => point.verdict, format: String, isText: true};
const BRIEFLY = [THROUGHPUT, ...latencyColumns("latency_us", ""), countColumn("errors"), MET];
const FULLY = [THROUGHPUT, ...latencyColumns("latency_us", ""), ...latencyColumns("service_us", "wire "),
               countColumn("requests"), countColumn("errors"), MET, countColumn("runs"), VERDICT];

/* A table may be wider than a phone: then it is moved sideways inside its frame, with keys too. Columns of which no
 * point knows anything are left out. */
function tableOf(label, points, columns, nameOf) {
    const used = columns.filter(column => points.some(point => isThere(column.of(point))));
    const classOf = text => text.length > 28 ? "sentence" : "word";
    const cell = (column, value) => {
        const text = isThere(value) ? column.format(value) : "–";
        const title = isThere(value) && column.exact ? column.exact(value) : "";
        return element("td", {className: column.isText ? classOf(text) : "number", title}, text);
    };
    const row = point => element("tr", {className: point.isChoice ? "chosen" : ""},
        element("th", {scope: "row", className: classOf(nameOf(point))}, nameOf(point)),
        used.map(column => cell(column, column.of(point))));
    const header = used.map(({title, unit, isText}) => element(
        "th", {scope: "col", className: isText ? "" : "number"}, title, unit ? element("small", {}, unit) : null));
    const table = element("table", {},
        element("thead", {}, element("tr", {}, element("th", {scope: "col"}, "point"), header)),
        element("tbody", {}, points.map(row)));
    return element("div", {className: "scroll", role: "region", tabIndex: 0, "aria-label": label}, table);
}

function foremostTable(all, points) {
    const rank = point => points.length === 1 ? "" : point.isChoice ? " – choice" : " – most throughput";
    const foremost = all.map(series => series.foremost).filter(isThere);
    return tableOf("The foremost points", foremost, BRIEFLY, point => point.name + rank(point));
}

function pointTable(points) {
    const settings = new Map(points.map(point => [point, new Map(entriesOf(point.settings))]));
    const valueOf = (point, name) => settings.get(point).get(name);
    const names = [...new Set(points.flatMap(point => [...settings.get(point).keys()]))];
    const isSame = name => new Set(points.map(point => inWords(valueOf(point, name)))).size === 1;
    const columns = names.filter(name => !isSame(name)).map(name => ({
        title: name, of: point => valueOf(point, name), format: inWords,
        isText: !points.every(point => isNumber(valueOf(point, name) ?? 0))}));
    const same = names.filter(isSame).map(name => `${name} ${inWords(valueOf(points[0], name))}`);
    return [element("h3", {}, "All points"),
            tableOf("All points", points, [...FULLY, ...columns],
                    point => point.isChoice ? `${point.name} – choice` : point.name),
            same.length > 0 ? element("p", {className: "muted"}, `At every point: ${same.join(", ")}.`) : null];
}

function factTable(title, facts) {
    const rows = entriesOf(facts).map(([name, value]) =>
        element("tr", {}, element("th", {scope: "row"}, name), element("td", {}, inWords(value))));
    const table = element("table", {className: "facts"}, element("caption", {}, title), element("tbody", {}, rows));
    return rows.length > 0 ? table : null;
}

/* The page */

function badge(holds, prefix = "") {
    const text = holds === true ? "✓ holds" : holds === false ? "✗ does not hold" : "– undecided";
    const className = holds === true ? "badge holds" : holds === false ? "badge fails" : "badge";
    return element("span", {className}, prefix + text);
}

function sectionOf(section, index) {
    const all = listOf(section.series).map(readSeries), points = all.flatMap(series => series.points);
    const swept = points.length > 1 ? [throughputFigure(section, all, points), latencyFigure(section, all, points)] : [];
    const below = [], selected = selection(all, points, () => below.forEach(figure => figure.draw()));
    if (points.some(point => listOf(point.distribution_us).length + listOf(point.service_distribution_us).length > 0))
        below.push(distributionFigure(section, selected));
    below.push(...courseFigures(section, selected));
    const findings = listOf(section.findings).map(({client, holds, text}) => element("li", {},
        badge(holds), " ", isThere(client) ? element("strong", {}, `${client}: `) : null, String(text ?? "")));
    const isSelectable = below.length > 0 && points.length > 1;
    const charts = element("div", {className: "charts"}, swept.map(figure => figure.node),
                           isSelectable ? selected.controls : null, below.map(figure => figure.node));
    const target = positive(section.target_p999_us);
    return element("section", {id: anchorOf(section, index), "aria-label": titleOf(section, index)},
        element("h2", {}, titleOf(section, index)),
        section.brief ? element("p", {}, element("strong", {}, "The post found: "), String(section.brief)) : null,
        findings.length > 0 ? element("ul", {className: "findings"}, findings) : null,
        target ? element("p", {}, `Target: p99.9 within ${inTime(target)}.`) : null,
        points.length > 0 ? [foremostTable(all, points), charts, pointTable(points)]
                          : element("p", {}, "Nothing was measured."));
}

function contentsOf(sections) {
    const entries = sections.map((section, index) => element("li", {},
        element("a", {href: `#${encodeURIComponent(anchorOf(section, index))}`}, titleOf(section, index)),
        listOf(section.findings).map(({client, holds}) => badge(holds, isThere(client) ? `${client}: ` : ""))));
    const contents = element("nav", {className: "contents", "aria-label": "Sections"}, element("ol", {}, entries));
    return sections.length > 1 ? contents : null;
}

function pageOf(report) {
    const sections = listOf(report.sections), notes = Array.isArray(report.notes) ? report.notes.map(String) : [];
    const measured = sections.map(sectionOf);
    const noted = element("ul", {}, notes.map(note => element("li", {}, note)));
    const facts = [report.command ? element("pre", {}, String(report.command)) : null,
                   notes.length > 0 ? [element("h3", {}, "Notes"), noted] : null,
                   factTable("Settings", report.settings), factTable("Machine", report.machine)].filter(isThere);
    const hint = element("p", {id: "keys", className: "muted controls"},
                         "With a chart in focus, the arrow keys step through its points.");
    const partly = element("p", {className: "notice"}, "Interrupted: this shows what was measured until then.");
    const source = [report.date ? dateOf(report.date) : null, report.machine?.processor, report.settings?.endpoint];
    return [
        element("h1", {}, String(report.title ?? "mayfly report")),
        element("p", {className: "muted"}, source.filter(Boolean).join(" · ")),
        report.is_partial === true ? partly : null,
        contentsOf(sections),
        figures.length > 0 ? hint : null,
        sections.length > 0 ? measured : element("p", {}, "Nothing was measured."),
        facts.length > 0 ? element("section", {}, element("h2", {}, "How this was measured"), facts) : null,
    ].flat().filter(isThere);
}

function drawAll() {
    const style = getComputedStyle(document.body);
    COLOURS.forEach(name => colours.set(name, style.getPropertyValue(`--${name}`).trim()));
    Chart.defaults.font.family = style.fontFamily;
    figures.forEach(figure => figure.draw());
}

/* Paper is narrower than most windows, and always light: charts and tables take its measure just before. */
function print(isBegun) {
    document.documentElement.classList.toggle("printing", isBegun);
    drawAll();
    figures.forEach(figure => figure.chart?.resize());
    for (const table of document.querySelectorAll(".scroll table"))
        table.style.setProperty("--fit", Math.min(1, table.parentNode.clientWidth / table.offsetWidth));
}

/* The document as it stands in the page, or why it cannot be shown. */
function readDocument() {
    let report = null;
    try {
        report = JSON.parse(document.getElementById("document").textContent);
    } catch (error) {
        return {problem: `Its document is not JSON: ${error.message}.`};
    }
    if (report?.format !== FORMAT)
        return {problem: `Its format is “${inWords(report?.format)}”; this page reads “${FORMAT}”.`};
    return {report};
}

const {report, problem} = readDocument();
const main = document.getElementById("report");
if (report) {
    document.title = String(report.title ?? "mayfly report");
    main.replaceChildren(...pageOf(report));
    drawAll();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
    addEventListener("beforeprint", () => print(true));
    addEventListener("afterprint", () => print(false));
} else {
    main.replaceChildren(element("h1", {}, "This report cannot be read"),
                         element("p", {className: "notice", role: "alert"}, problem));
}
window.mayflyReport = {document: report, get charts() { return figures.map(figure => figure.chart).filter(isThere); }};
