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
		this.top.textContent = "nothing yet";
		this.svg.addEventListener("pointermove", event => this.point(event));
		this.svg.addEventListener("pointerleave", () => this.tell(null));
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

	/* points: by time, the last one is of now. */
	draw(points, now) {
		this.points = points;
		this.now = now;
		const all = points.flatMap(point => point.values).filter(value => value !== null);
		const top = Math.max(...all, 0);
		const scale = top > 0 ? top * 1.08 : 1;
		const first = points.length ? now - points[0].t : 0;
		this.history = HISTORY.find(span => span >= first - 15) || HISTORY[HISTORY.length - 1];
		const x = t => 100 * Math.max(0, 1 - (now - t) / this.history);
		const y = value => 39.5 - 38.5 * value / scale;
		const nodes = [s("line", {class: "grid", x1: 0, x2: 100, y1: 39.5, y2: 39.5}),
			s("line", {class: "grid", x1: 0, x2: 100, y1: y(top / 2), y2: y(top / 2)})];
		this.series.forEach((name, i) => {
			const path = this.path(i, x, y);
			const known = points.filter(point => point.values[i] !== null);
			if (i === 0 && this.series.length === 1 && known.length > 1 && known.length === points.length)
				nodes.push(s("path", {class: "area",
					d: path + `L${x(known[known.length - 1].t)} 39.5L${x(known[0].t).toFixed(2)} 39.5Z`}));
			if (path)
				nodes.push(s("path", {class: "line " + (i ? "second" : "first"), d: path}));
		});
		this.mark = s("line", {class: "now", x1: -1, x2: -1, y1: 0, y2: 39.5});
		this.svg.replaceChildren(...nodes, this.mark);
		this.top.textContent = all.length ? "up to " + this.format(top) : "nothing yet";
		this.tell(null);
		this.svg.setAttribute("aria-label", `${this.title}, last ${duration(this.history)}: ` +
			this.values.map(value => value.textContent).join(", "));
	}

	/* The values of a point; null: of now. */
	tell(point) {
		const told = point || this.points[this.points.length - 1];
		this.series.forEach((name, i) => {
			this.values[i].textContent = (name ? name + " " : "") + this.format(told ? told.values[i] : null);
		});
		this.span.textContent = point ? new Date(point.t * 1000).toLocaleTimeString("en-GB")
			: "last " + duration(this.history || HISTORY[0]).replace(".0", "");
		const at = point ? 100 * Math.max(0, 1 - (this.now - point.t) / this.history) : -1;
		if (this.mark)
			for (const end of ["x1", "x2"])
				this.mark.setAttribute(end, at);
	}

	point(event) {
		const box = this.svg.getBoundingClientRect();
		const t = this.now - this.history * (1 - (event.clientX - box.left) / box.width);
		const near = this.points.reduce((best, point) =>
			best === null || Math.abs(point.t - t) < Math.abs(best.t - t) ? point : best, null);
		this.tell(near);
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
