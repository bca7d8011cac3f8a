"use strict";

const INTERVAL = 2000;    // ms between two requests
const HISTORY = [30, 60, 120, 300]; // s that a chart may span: the shortest that holds all points
const ROWS = 32;          // partitions in a table, until the reader asks for all
const NUMBERED = 64;      // up to so many partitions, cells have room for their number
const EVENTS_SHOWN = 200;

/* --- small things ---------------------------------------------------------- */

const $ = id => document.getElementById(id);

/* h("td", {class: "x"}, "text", node...): a string becomes text, never markup. */
function h(tag, attributes, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes || {}))
		node.setAttribute(name, value);
	node.append(...children);
	return node;
}

function s(tag, attributes) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes))
		node.setAttribute(name, value);
	return node;
}

function short(n) {
	if (n === null || n === undefined || Number.isNaN(n))
		return "–";
	for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
		if (n >= size)
			return (n / (unit === "k" ? 1e3 : size)).toPrecision(3) + " " + unit;
	return n >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en") : n.toPrecision(2);
}

function duration(seconds) {
	if (seconds === null || seconds === undefined || Number.isNaN(seconds))
		return "–";
	if (seconds === 0)
		return "0 s";
	for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"]])
		if (seconds >= size) {
			const n = seconds / size;
			return (n >= 10 ? Math.round(n) : n.toFixed(1)) + " " + unit;
		}
	return Math.round(seconds * 1e6) + " µs";
}

const clock = text => new Date(text).toLocaleTimeString("en-GB");
const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

/* --- charts -------------------------------------------------------------------- */

class Chart {
	/* series: one name or two. */
	constructor(title, format, series) {
		this.format = format;
		this.points = [];   // {t (s), values}
		this.series = series;
		this.values = series.map((_, i) => h("span", {class: i ? "second" : "first"}, "–"));
		this.svg = s("svg", {viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img"});
		this.top = h("span");
		this.span = h("span");
		this.node = h("div", {class: "chart"},
			h("h3", {}, title), h("div", {class: "values"}, ...this.values),
			this.svg, h("div", {class: "scale"}, this.top, this.span));
		this.title = title;
		this.svg.append(s("line", {class: "grid", x1: 0, x2: 100, y1: 39.5, y2: 39.5}));
		this.top.textContent = "nothing yet";
	}

	add(t, values) {
		this.points.push({t, values});
		while (this.points[0].t < t - HISTORY[HISTORY.length - 1])
			this.points.shift();
		this.draw(t);
	}

	/* The line of a series, with a gap at each missing value. */
	path(index, x, y) {
		let text = "", open = false;
		for (const point of this.points) {
			const value = point.values[index];
			if (value === null) {
				open = false;
				continue;
			}
			text += (open ? "L" : "M") + x(point.t).toFixed(2) + " " + y(value).toFixed(2);
			open = true;
		}
		return text;
	}

	draw(now) {
		const all = this.points.flatMap(point => point.values).filter(value => value !== null);
		const top = Math.max(...all, 0);
		const scale = top > 0 ? top * 1.08 : 1;
		const history = HISTORY.find(span => span >= now - this.points[0].t) || HISTORY[HISTORY.length - 1];
		const x = t => 100 * (1 - (now - t) / history);
		const y = value => 39.5 - 38.5 * value / scale;
		const nodes = [s("line", {class: "grid", x1: 0, x2: 100, y1: 39.5, y2: 39.5}),
			s("line", {class: "grid", x1: 0, x2: 100, y1: y(top / 2), y2: y(top / 2)})];
		this.series.forEach((name, i) => {
			const path = this.path(i, x, y);
			const first = this.points.find(point => point.values[i] !== null);
			const whole = this.points.every(point => point.values[i] !== null);
			if (i === 0 && whole && first)
				nodes.push(s("path", {class: "area",
					d: path + `L100 39.5L${x(first.t).toFixed(2)} 39.5Z`}));
			if (path)
				nodes.push(s("path", {class: "line " + (i ? "second" : "first"), d: path}));
		});
		this.svg.replaceChildren(...nodes);
		const last = this.points[this.points.length - 1].values;
		this.series.forEach((name, i) => {
			this.values[i].textContent = (name ? name + " " : "") + this.format(last[i]);
		});
		this.span.textContent = "last " + duration(history).replace(".0", "");
		this.top.textContent = all.length ? "up to " + this.format(top) : "nothing yet";
		this.svg.setAttribute("aria-label",
			this.title + ": " + this.values.map(value => value.textContent).join(", "));
	}
}

/* The quantile `fraction` of the durations counted between two readings of a histogram; null: there are none. */
function quantile(bounds, before, after, fraction) {
	const counts = after.counts.map((count, i) => count - before.counts[i]);
	const total = sum(counts, count => count);
	if (total <= 0)
		return null;
	let rest = fraction * total;
	for (let i = 0; i < counts.length; i++) {
		if (rest > counts[i] || counts[i] === 0) {
			rest -= counts[i];
			continue;
		}
		const low = i ? bounds[i - 1] : 0;
		return i < bounds.length ? low + (bounds[i] - low) * rest / counts[i] : low;
	}
	return bounds[bounds.length - 1];
}

/* --- one consumer ---------------------------------------------------------------- */

/* An owner keeps its colour while the page is open. No colour looks like an alarm. */
const HUES = [215, 165, 285, 38, 190, 320, 95, 250];
const colours = new Map();
function colour(owner) {
	if (!colours.has(owner))
		colours.set(owner, `hsl(${HUES[colours.size % HUES.length]} 50% ${36 - 8 * (colours.size >> 3 & 1)}%)`);
	return colours.get(owner);
}

function dressed(node, owner) {
	if (owner)
		node.style.setProperty("--owner", colour(owner));
	else
		node.classList.add("unowned");
	return node;
}

/* The node of a cluster that has the partition; "" on a single server. */
function where(p) {
	return p.node ? `, on ${p.node}${p.unreachable ? ", which does not answer" : ""}` : "";
}

function tile(name, text, kind) {
	return h("div", {class: "tile " + (kind || "")}, h("dt", {}, name), h("dd", {}, text));
}

class Consumer {
	constructor(status) {
		this.before = null;
		this.all = false;
		this.plugin = status.plugin.split("/").pop().replace(/\.so$/, "");
		this.charts = {
			rate: new Chart("Handled here", n => short(n) + "/s", [""]),
			lag: new Chart("Lag of the group", short, [""]),
			handler: new Chart("Handler", duration, ["p50", "p99"]),
			commit: new Chart("Commit", duration, ["p50", "p99"]),
		};
		this.tiles = h("dl", {class: "tiles"});
		this.problem = h("p", {class: "problem warn"});
		this.cells = h("div", {class: "cells"});
		this.owners = h("ul", {class: "owners"});
		this.retries = h("ul", {class: "retries"});
		this.rows = h("tbody");
		this.more = h("button", {type: "button", hidden: ""});
		this.more.addEventListener("click", () => {
			this.all = !this.all;
			this.drawRows();
		});
		this.counters = h("dl", {class: "counters"});
		const heads = ["#", "Owner", "Lag", "Behind", "", "Dead letters", "Lost", "Epoch", "Position", "Node"];
		const wide = new Set(["", "Lost", "Epoch", "Position", "Node"]);
		this.table = h("table", {}, h("thead", {}, h("tr", {},
			...heads.map(head => h("th", wide.has(head) ? {class: "wide"} : {}, head)))), this.rows);
		this.partitions = h("div", {hidden: ""},
			h("h3", {}, "Partitions and their owners"), this.cells, this.owners, this.retries,
			this.table, this.more);
		this.node = h("section", {class: "card"},
			h("div", {class: "title"}, h("h2", {}, `${status.stream} → ${status.group}`),
				h("span", {class: "quiet"}, `[consumer ${status.name}], plugin ${this.plugin}`)),
			this.tiles, h("div", {class: "charts"}, ...Object.values(this.charts).map(chart => chart.node)),
			this.problem, this.partitions,
			h("details", {}, h("summary", {}, "Counters of this runner and its plugin"), this.counters));
	}

	show(status, bounds, now, group, problem) {
		this.problem.textContent = problem || "";
		if (group)
			this.group = group;
		this.partitions.hidden = !this.group;
		const partitions = this.group ? this.group.partitions : [];
		const lag = this.group ? sum(partitions, p => p.lag || 0) : null;
		const rate = this.drawCharts(status, bounds, now, lag);
		const dead = sum(partitions, p => p.dead_letters), lost = sum(partitions, p => p.lost);
		const unowned = partitions.filter(p => !p.owner).length;
		const unreachable = partitions.filter(p => p.unreachable).length;
		const waits = partitions.map(p => p.lag_seconds).filter(n => n !== null);
		this.tiles.replaceChildren(
			tile("Handled here", rate === null ? "–" : short(rate) + "/s"),
			tile("Lag", short(lag)),
			tile("Oldest message", waits.length ? duration(Math.max(...waits)) : "–"),
			tile("Owned here", this.group ? `${short(status.partitions_owned ?? 0)} of ${short(partitions.length)}` : "–"),
			tile("Members", this.group ? short(this.group.members) : "–"),
			...(unowned ? [tile("Without owner", short(unowned), "bad")] : []),
			...(unreachable ? [tile("Node unreachable", short(unreachable), "bad")] : []),
			...(status.partitions_retrying ? [tile("Retrying", short(status.partitions_retrying), "warn")] : []),
			tile("Dead letters", this.group ? short(dead) : "–", dead ? "bad" : ""),
			...(lost ? [tile("Lost", short(lost), "bad")] : []));
		this.drawOwners(partitions);
		this.drawRetries(partitions);
		this.drawRows();
		this.drawCounters(status);
	}

	/* Returns the rate. */
	drawCharts(status, bounds, now, lag) {
		const before = this.before;
		this.before = {now, status};
		if (!status.counters || !before || !before.status.counters || now <= before.now)
			return null;
		const rate = Math.max(0, (status.counters.messages_handled -
			before.status.counters.messages_handled) / (now - before.now));
		const times = name => [.5, .99].map(fraction =>
			quantile(bounds, before.status[name], status[name], fraction));
		this.charts.rate.add(now, [rate]);
		this.charts.lag.add(now, [lag]);
		this.charts.handler.add(now, times("handler_duration"));
		this.charts.commit.add(now, times("commit_duration"));
		return rate;
	}

	drawOwners(partitions) {
		const owned = new Map();
		this.cells.classList.toggle("small", partitions.length > NUMBERED);
		this.cells.replaceChildren(...partitions.map(p => {
			owned.set(p.owner, (owned.get(p.owner) || 0) + 1);
			const moving = p.owner && p.target && p.owner !== p.target;
			const to = moving ? `, moving to ${p.target}` : "";
			const cell = h("div", {class: moving ? "cell moving" : "cell",
				title: `partition ${p.partition}: ${p.owner || "no owner"}${to}, lag ${short(p.lag)}${where(p)}`}, p.partition);
			return dressed(cell, p.owner);
		}));
		this.owners.replaceChildren(...[...owned].sort().map(([owner, count]) => dressed(
			h("li", {}, h("span", {class: "dot"}), `${owner || "no owner"}${owner === me ? " (this one)" : ""}: ${count}`),
			owner)));
	}

	drawRetries(partitions) {
		this.retries.replaceChildren(...partitions.filter(p => p.hindrance).slice(0, ROWS)
			.map(p => h("li", {class: "warn"}, `partition ${p.partition}: ${p.hindrance.text}`)));
	}

	/* If there are more than ROWS: the greatest lag first. */
	drawRows() {
		const partitions = this.group ? [...this.group.partitions] : [];
		if (partitions.length > ROWS && !this.all)
			partitions.sort((a, b) => (b.lag || 0) - (a.lag || 0) || a.partition - b.partition);
		const most = Math.max(1, ...partitions.map(p => p.lag || 0));
		const shown = this.all ? partitions : partitions.slice(0, ROWS);
		/* The column of nodes is for a cluster only. */
		this.table.classList.toggle("single", !partitions.some(p => p.node));
		this.rows.replaceChildren(...shown.map(p => {
			const fill = h("div", {class: "fill"});
			fill.style.width = 100 * (p.lag || 0) / most + "%";
			const ms = Number(p.position.split("-")[0]);
			const known = n => short(p.unreachable ? null : n);
			return h("tr", {},
				h("td", p.hindrance ? {class: "alarm", title: p.hindrance.text} : {}, p.partition),
				dressed(h("td", {class: "owner", title: p.owner || "no owner"}, h("span", {class: "dot"}),
					p.owner || "no owner"), p.owner),
				h("td", {}, short(p.lag)),
				h("td", {}, duration(p.lag_seconds)),
				h("td", {class: "bar wide"}, h("div", {class: "track"}, fill)),
				h("td", p.dead_letters ? {class: "alarm"} : {}, known(p.dead_letters)),
				h("td", {class: p.lost ? "wide alarm" : "wide"}, known(p.lost)),
				h("td", {class: "wide"}, p.epoch),
				h("td", {class: "wide", title: p.position}, p.unreachable ? "–" : ms ? clock(ms) : "start"),
				h("td", {class: p.unreachable ? "wide alarm" : "wide"},
					(p.node || "") + (p.unreachable ? " does not answer" : "")));
		}));
		this.more.hidden = partitions.length <= ROWS;
		this.more.textContent = this.all ? `Show the ${ROWS} with the greatest lag` : `Show all ${partitions.length} partitions`;
	}

	drawCounters(status) {
		const own = Object.entries(status.counters || {}).map(([name, value]) => ({name, value, help: ""}));
		const plugin = (status.plugin_counters || []).map(c => ({...c, name: `${this.plugin}: ${c.name}`}));
		this.counters.replaceChildren(...[...own, ...plugin].map(c => h("div", {title: c.help},
			h("dt", {}, c.name.replaceAll("_", " ")), h("dd", {}, c.value.toLocaleString("en")))));
	}
}

/* --- the whole ---------------------------------------------------------------------- */

const consumers = new Map();
let me = "";
let newest = 0;

async function ask(path) {
	const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(8000)});
	const json = await answer.json().catch(() => ({}));
	if (!answer.ok)
		throw new Error(json.error || `${path}: ${answer.status}`);
	return json;
}

function showHealth(text, kind, reasons) {
	$("health").textContent = text;
	$("health").className = "pill " + kind;
	$("reasons").replaceChildren(...reasons.map(reason => h("li", {class: kind}, reason)));
}

function showStatus(status) {
	const kinds = {"ready": "good", "degraded": "warn", "not ready": "bad"};
	const up = (Date.parse(status.now) - Date.parse(status.started_at)) / 1000;
	me = status.name;
	colour(me);
	document.title = `${status.name} – segrunner`;
	$("name").textContent = status.name;
	$("about").textContent = `segrunner ${status.version}, namespace ${status.namespace}, up for ${duration(up)}`;
	showHealth(status.health, kinds[status.health] || "warn", status.reasons);
}

async function showConsumer(status, bounds, now) {
	if (!consumers.has(status.name)) {
		consumers.set(status.name, new Consumer(status));
		$("consumers").append(consumers.get(status.name).node);
	}
	const path = `/api/v1/groups/${status.stream}/${status.group}`;
	let group = null, problem = "";
	try {
		group = await ask(path);
		if (group.error)
			problem = `${group.error}; shown as of ${clock(group.read_at)}`;
	} catch (error) {
		problem = error.message;
	}
	consumers.get(status.name).show(status, bounds, now, group, problem);
}

async function showEvents() {
	const {events, newest: last} = await ask(`/api/v1/events?after=${newest}`);
	if (last < newest || newest === 0)
		$("events").replaceChildren();
	newest = last;
	for (const event of events) {
		const where = [event.stream, event.group].filter(Boolean).join(" → ") +
			(event.partition === undefined ? "" : `, partition ${event.partition}`) +
			(event.epoch === undefined ? "" : `, epoch ${event.epoch}`);
		$("events").prepend(h("li", {}, h("time", {datetime: event.time}, clock(event.time)),
			h("span", {class: "level " + event.level}, event.level),
			h("span", {class: "what"}, event.text, h("span", {class: "where"}, where))));
	}
	while ($("events").childElementCount > EVENTS_SHOWN)
		$("events").lastElementChild.remove();
}

async function look() {
	try {
		const status = await ask("/api/v1/status");
		showStatus(status);
		const now = Date.parse(status.now) / 1000;
		await Promise.all([...status.consumers.map(c => showConsumer(c, status.duration_bounds, now)), showEvents()]);
		$("fresh").textContent = `as of ${clock(status.now)}`;
	} catch (error) {
		showHealth("no answer", "bad", [`This runner does not answer: ${error.message}`]);
	}
}

/* One request after the other; none while the page is hidden. */
async function watch() {
	for (let pause = INTERVAL / 4; ; pause = INTERVAL) {
		if (!document.hidden)
			await look();
		await new Promise(resolve => setTimeout(resolve, pause));
	}
}

watch();
