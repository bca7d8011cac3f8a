"use strict";

/* The script is these files in a row: parts.js, chart.js, group.js, redis.js, page.js (embed.cmake). */

const INTERVAL = 2000;    // ms between two requests
const HISTORY = [60, 300, 900, 3600]; // s that a chart may span: the shortest that holds all points
const SAMPLED = 10000;    // ms between two questions for the history that the runner keeps
const WORST = 86400;      // s: the right end of the scale of what is behind, and its left one
const LEAST = .1;
const ROWS = 32;          // partitions in a table, until the reader asks for all
const NUMBERED = 64;      // up to so many partitions, cells have room for their number
const EVENTS_SHOWN = 200;
const OLD = 20;           // s: what was read so long ago is shown with its time
const PROBLEMS = 8;       // lines at the top

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

function bytes(n) {
	if (n === null || n === undefined)
		return "–";
	for (const [size, unit] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]])
		if (n >= size)
			return (n / size).toPrecision(3) + " " + unit;
	return n + " B";
}

/* Epochs are times in milliseconds: the last digits tell one from another. */
const shortEpoch = epoch => String(epoch).length > 6 ? "…" + String(epoch).slice(-5) : String(epoch);
const perSecond = n => n === null || n === undefined ? "–" : short(n >= 10 ? Math.round(n) : n) + "/s";
const since = (text, now) => text ? duration(Math.max(1, now - Date.parse(text) / 1000)) : "–";
const ago = (text, now) => text ? `${since(text, now)} ago` : "–";
const many = (n, one, more) => `${short(n)} ${n === 1 ? one : more}`;
const clock = text => new Date(text).toLocaleTimeString("en-GB");

/* A counter that never falls: whether it has risen in the last hour, while the page was open. */
class Rises {
	constructor() {
		this.counts = new Map(); // by key: {count, roseAt}
	}

	note(key, count, now) {
		const was = this.counts.get(key);
		const rose = was && count > was.count;
		this.counts.set(key, {count, roseAt: rose ? now : was ? was.roseAt : -Infinity});
		return now - this.counts.get(key).roseAt < HISTORY[HISTORY.length - 1];
	}
}

const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);
