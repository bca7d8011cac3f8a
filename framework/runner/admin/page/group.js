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

function tile(name, text, kind, small) {
	return h("div", {class: "tile " + (kind || "")}, h("dt", {}, name),
		h("dd", {}, text, ...(small ? [h("small", {}, small)] : [])));
}

/* Where so many seconds are on the scale of what is behind: 0 to 1. Each step by ten is as wide as any other. */
function onScale(seconds) {
	return Math.min(1, Math.max(0, Math.log(seconds / LEAST) / Math.log(WORST / LEAST)));
}

const TICKS = [[1, "1 s"], [60, "1 min"], [3600, "1 h"]];

function behindBar(seconds) {
	const fill = h("div", {class: "fill"});
	fill.style.width = 100 * (seconds > 0 ? onScale(seconds) : 0) + "%";
	const ticks = TICKS.map(([at]) => h("div", {class: "tick"}));
	ticks.forEach((tick, i) => { tick.style.left = 100 * onScale(TICKS[i][0]) + "%"; });
	return h("div", {class: "scaled"}, h("div", {class: "track"}, fill, ...ticks),
		h("span", {class: "value"}, duration(seconds)));
}

function behindHead() {
	const labels = TICKS.map(([at, label]) => {
		const span = h("span", {}, label);
		span.style.left = 100 * onScale(at) + "%";
		return span;
	});
	return h("th", {class: "behind", scope: "col", title: "How long the oldest uncommitted message has waited. The scale is logarithmic, from 0.1 s to a day, and the same for all partitions."},
		h("div", {class: "scaled"}, h("div", {class: "ticks", "aria-hidden": "true"}, ...labels), h("span", {class: "value"}, "Behind")));
}

const WORDS = {retry: ["retrying", "warn"], hang: ["hanging", "bad"], full: ["full", "bad"], target: ["output waits", "bad"], replicas: ["unconfirmed", "bad"], refused: ["refused", "bad"]};

/* What is wrong with a partition: {word, kind, why}; null: nothing. `live`: names of the members with a lease. */
function troubleOf(p, live) {
	if (p.unreachable)
		return {word: "unreachable", kind: "bad", why: `its node ${p.node} does not answer`};
	if (!p.owner)
		return {word: "no owner", kind: "bad", why: "no member handles its messages" + (p.target ? `; ${p.target} is to get it` : "")};
	if (!live.has(p.owner))
		return {word: "owner gone", kind: "bad", why: `${p.owner} has sent no heartbeats until its lease ended; another member will get this partition`};
	if (p.hindrance) {
		const [word, kind] = WORDS[p.hindrance.kind] || ["hindered", "warn"];
		return {word, kind, why: p.hindrance.text};
	}
	return null;
}

/* Why a member cannot serve all that it should. */
const SHORT_OF = {open: "partition_open fails", threads: "it can start no more threads", memory: "it has no more memory", state: "the kept values belong to another parallel",
	values: "Redis refuses to let the kept values be read", unread: "the kept values are never as many as Redis counts"};

const badge = trouble => h("span", {class: "badge " + trouble.kind}, trouble.word);

/* Columns that are shown where one of their numbers is not 0. */
const KEPT = [
	["beyond", "Beyond", "Messages after the position that are done (parallel above 1)"],
	["lanes_busy", "Lanes busy", "Lanes in a call of the handler, as the owner told within the last seconds"],
	["slots_waiting", "Slots waiting", "Slots of keys whose first message waits, as the owner told within the last seconds"],
	["values", "Values", "What handlers keep in state"],
];

class Consumer {
	constructor(status) {
		this.before = null;
		this.all = false;
		this.name = `${status.stream} → ${status.group}`;
		this.path = `${status.stream}/${status.group}`;
		this.plugin = status.plugin.split("/").pop().replace(/\.so$/, "");
		this.samples = [];  // of the runner's history
		this.recent = [];   // points since the last sample
		this.askedAt = 0;
		this.newest = 0;
		this.leases = new Map(); // of each member {longest, at}: see longestLease
		this.losses = new Rises();
		this.charts = {
			rate: new Chart("Throughput of the group", perSecond, ["out", "in"]),
			lag: new Chart("Lag of the group", short, [""]),
			handler: new Chart("Handler, on this runner", duration, ["p50", "p99"]),
			commit: new Chart("Commit, from this runner", duration, ["p50", "p99"]),
		};
		this.tiles = h("dl", {class: "tiles"});
		this.cells = h("div", {class: "cells", "aria-hidden": "true"});
		this.members = h("tbody");
		this.letters = h("tbody");
		this.lettersNote = h("p", {class: "note"});
		this.rows = h("tbody");
		this.more = h("button", {type: "button", hidden: ""});
		this.more.addEventListener("click", () => {
			this.all = !this.all;
			this.drawRows();
		});
		this.counters = h("dl", {class: "counters"});
		const head = (text, wide) => h("th", {scope: "col", ...(wide ? {class: "wide"} : {})}, text);
		this.table = h("table", {}, h("caption", {class: "hidden"}, `Partitions of ${this.name}`),
			h("thead", {}, h("tr", {}, head("#"), head("Owner"), head("Rate"), head("Lag"), behindHead(),
				head("Dead letters", true), head("Lost", true), head("Epoch", true), head("Position", true),
				...KEPT.map(([name, text, title]) => h("th", {scope: "col", class: "wide kept", title}, text)), head("Node", true))),
			this.rows);
		this.lettersPart = h("div", {hidden: ""}, h("h3", {}, "Dead letters by reason"),
			h("table", {}, h("caption", {class: "hidden"}, `Dead letters of ${this.name} by reason`),
				h("thead", {}, h("tr", {}, h("th", {scope: "col", class: "number"}, "Letters"), h("th", {scope: "col"}, "Reason"),
					h("th", {scope: "col"}, "Newest"))), this.letters), this.lettersNote);
		this.partitions = h("div", {hidden: ""},
			h("h3", {}, "Partitions and their owners"), this.cells,
			h("div", {class: "parts"},
				h("div", {}, h("h3", {}, "Members"),
					h("table", {}, h("caption", {class: "hidden"}, `Members of ${this.name}`),
						h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Name"), h("th", {scope: "col", class: "number"}, "Owns"),
							h("th", {scope: "col"}, "Lease"), h("th", {scope: "col", class: "wide"}, "Last change"))), this.members)),
				this.lettersPart),
			this.table, this.more);
		this.node = h("section", {class: "card", "aria-label": this.name},
			h("div", {class: "title"}, h("h2", {}, this.name),
				h("span", {class: "quiet"}, `[consumer ${status.name}], plugin ${this.plugin}`)),
			this.tiles, h("div", {class: "charts"}, ...Object.values(this.charts).map(chart => chart.node)),
			this.partitions,
			h("details", {}, h("summary", {}, "Counters of this runner and its plugin"), this.counters));
	}

	/* What the runner has kept while nobody looked. */
	async remember() {
		if (Date.now() - this.askedAt < SAMPLED)
			return;
		this.askedAt = Date.now();
		const kept = await ask(`/api/v1/history/${this.path}?after=${this.newest}`);
		kept.time_ms.forEach((time, i) => this.samples.push({t: time / 1000,
			rate: [kept.committed_per_second[i], kept.added_per_second[i]], lag: [kept.lag[i]],
			handler: [kept.handler_p50_seconds[i], kept.handler_p99_seconds[i]],
			commit: [kept.commit_p50_seconds[i], kept.commit_p99_seconds[i]]}));
		if (kept.time_ms.length)
			this.newest = kept.time_ms[kept.time_ms.length - 1];
	}

	show(status, bounds, now, group, problem) {
		this.now = now;
		this.problem = problem;
		if (group)
			this.group = group;
		this.partitions.hidden = !this.group;
		const partitions = this.group ? this.group.partitions : [];
		if (group)
			this.noteLeases(group.roster, now);
		this.loses = group ? this.losses.note("", sum(partitions, p => p.lost), now) : this.loses;
		this.live = new Set(this.group ? this.group.roster.filter(m => m.live).map(m => m.name) : []);
		this.troubles = new Map(partitions.map(p => [p.partition, troubleOf(p, this.live)]));
		this.drawCharts(status, bounds, now, group);
		this.drawTiles(status, partitions);
		this.drawCells(partitions);
		this.drawMembers();
		this.drawLetters();
		this.drawRows();
		this.drawCounters(status);
	}

	/* Whether the rows of this runner's partitions tell of causes of this kind. */
	tells(kind) {
		const told = this.group ? this.group.partitions.filter(p => p.owner === me && p.hindrance) : [];
		return told.some(p => kind === (p.hindrance.kind === "refused" ? "refusal" : "hindrance"));
	}

	/* {word, kind, place, why} each, the worst first. `own`: kinds of what the runner itself tells. */
	problems(own) {
		const list = this.problem ? [{word: "not read", kind: "warn", place: this.name, why: this.problem}] : [];
		if (!this.group)
			return list;
		const alike = new Map(); // of all partitions with the same trouble, one line
		for (const p of this.group.partitions) {
			const trouble = this.troubles.get(p.partition);
			if (!trouble)
				continue;
			const key = p.hindrance ? p.partition : trouble.word + trouble.why;
			if (!alike.has(key))
				alike.set(key, {...trouble, numbers: []});
			alike.get(key).numbers.push(p.partition);
		}
		for (const {word, kind, why, numbers} of alike.values())
			list.push({word, kind, why, place: `${this.name}, partition${numbers.length > 1 ? "s" : ""} ` +
				(numbers.length > 8 ? `${numbers.slice(0, 6).join(", ")} and ${numbers.length - 6} more` : numbers.join(", "))});
		for (const member of this.group.roster)
			if (!member.live)
				list.push({word: "lease ended", kind: "bad", place: `member ${member.name}`,
					why: `its heartbeats have stopped; the lease ended ${duration(-member.lease_seconds)} ago`});
			else if (this.isSilent(member))
				list.push({word: "silent", kind: "warn", place: `member ${member.name}`,
					why: `it has sent no heartbeat for more than half of its lease, which ends in ${duration(member.lease_seconds)}`});
			else if (member.short_of && !(member.name === me && own.has("shortage")))
				list.push({word: "short", kind: "warn", place: `member ${member.name}`,
					why: `it can serve ${many(member.limit, "partition", "partitions")} at most: ${SHORT_OF[member.short_of] || member.short_of}`});
		const lost = sum(this.group.partitions, p => p.lost);
		if (this.loses)
			list.push({word: "lost", kind: "bad", place: this.name, why: `${many(lost, "message was", "messages were")} removed from the log before the group read ${lost === 1 ? "it" : "them"}, some of them within the hour`});
		return list;
	}

	/* Of each member the longest lease that was seen. It decays slowly, for a member may return with shorter leases. */
	noteLeases(roster, now) {
		const before = this.leases;
		this.leases = new Map(roster.map(({name, lease_seconds: left}) => {
			const was = before.get(name);
			return [name, {longest: Math.max(was ? was.longest - (now - was.at) / 10 : 0, left), at: now}];
		}));
	}

	/* A heartbeat comes well before half of a lease is over. Leases differ, so only what was seen of this member tells. */
	isSilent(member) {
		return member.live && member.lease_seconds < .5 * (this.leases.get(member.name)?.longest || 0);
	}

	drawTiles(status, partitions) {
		const group = this.group;
		const dead = sum(partitions, p => p.dead_letters), lost = sum(partitions, p => p.lost);
		const unowned = partitions.filter(p => !p.owner).length;
		const hindered = partitions.filter(p => p.hindrance).length;
		const here = this.hereRate;
		const [beyond, busy, waiting, values] = KEPT.map(([name]) => sum(partitions, p => p[name]));
		const outputs = status.outputs || [];
		this.tiles.replaceChildren(
			tile("Handled", perSecond(group && group.committed_per_second), "",
				here === null || here === undefined ? "" : `${perSecond(here)} by this runner`),
			tile("Sent", perSecond(group && group.added_per_second)),
			tile("Lag", short(group ? group.lag : null), "", "messages"),
			tile("Oldest message", duration(group ? group.lag_seconds : null), "", "has waited so long"),
			tile("Members", group ? short(group.members) : "–", "",
				group ? `${short(status.partitions_owned ?? 0)} of ${short(partitions.length)} partitions here` : ""),
			...(unowned ? [tile("Without owner", short(unowned), "bad", "partitions")] : []),
			...(hindered ? [tile("Hindered", short(hindered), "warn", "partitions")] : []),
			...(beyond || busy || waiting ? [tile("Done beyond", short(beyond), "", "messages after the positions"),
				tile("Lanes busy", short(busy), "", `${many(waiting, "slot waits", "slots wait")}`)] : []),
			...(outputs.length ? [tile("Outputs waiting", short(status.outputs_waiting), "",
				`of this runner; ${short(sum(outputs, o => o.emitted))} added`)] : []),
			...(values ? [tile("State", short(values), "",
				`${values === 1 ? "value" : "values"}${status.state_bytes ? `; ${bytes(status.state_bytes)} by this runner` : ""}`)] : []),
			tile("Dead letters", group ? short(dead) : "–", dead ? "warn" : ""),
			...(lost ? [tile("Lost", short(lost), this.loses ? "bad" : "", lost === 1 ? "message, ever" : "messages, ever")] : []));
	}

	drawCharts(status, bounds, now, group) {
		const before = this.before;
		this.before = {now, status};
		this.hereRate = null;
		if (status.counters && before && before.status.counters && now > before.now) {
			this.hereRate = Math.max(0, (status.counters.messages_handled -
				before.status.counters.messages_handled) / (now - before.now));
			const times = name => [.5, .99].map(fraction =>
				quantile(bounds, before.status[name], status[name], fraction));
			this.recent.push({t: now, rate: [group ? group.committed_per_second : null, group ? group.added_per_second : null],
				lag: [group ? group.lag : null], handler: times("handler_duration"), commit: times("commit_duration")});
		}
		this.samples = this.samples.filter(point => point.t > now - HISTORY[HISTORY.length - 1]);
		this.recent = this.recent.filter(point => point.t > this.newest / 1000 && point.t > now - 300);
		const points = [...this.samples, ...this.recent];
		for (const [name, chart] of Object.entries(this.charts))
			chart.draw(points.map(point => ({t: point.t, values: point[name]})), now);
	}

	drawCells(partitions) {
		this.cells.classList.toggle("small", partitions.length > NUMBERED);
		this.cells.replaceChildren(...partitions.map(p => {
			const moving = p.owner && p.target && p.owner !== p.target;
			const to = moving ? `, moving to ${p.target}` : "";
			const trouble = this.troubles.get(p.partition);
			const cell = h("div", {class: "cell" + (moving ? " moving" : "") + (trouble ? ` troubled ${trouble.kind}` : ""),
				title: `partition ${p.partition}: ${p.owner || "no owner"}${to}, lag ${short(p.lag)}${where(p)}` +
					(trouble ? `; ${trouble.word}: ${trouble.why}` : "")}, p.partition);
			return dressed(cell, p.owner);
		}));
	}

	drawMembers() {
		const group = this.group;
		if (!group)
			return;
		const changed = new Map(); // the newest assignment of each owner
		for (const p of group.partitions)
			if (p.owner && (!changed.has(p.owner) || p.assigned_at > changed.get(p.owner)))
				changed.set(p.owner, p.assigned_at);
		this.members.replaceChildren(...group.roster.map(m => {
			const name = m.page && m.name !== me && /^https?:\/\//.test(m.page)
				? h("a", {href: m.page, rel: "noreferrer", title: "The page of this runner"}, m.name) : m.name;
			const ends = m.capacity === 0 && m.live;
			return h("tr", m.live ? this.isSilent(m) ? {class: "warn"} : {} : {class: "bad"},
				dressed(h("td", {class: "name"}, h("span", {class: "dot"}), name, m.name === me ? " (this one)" : ""), m.name),
				h("td", {class: "number"}, short(m.partitions)),
				h("td", {title: m.live ? "Each heartbeat renews the lease." : ""}, m.live ? `${duration(m.lease_seconds)} left` : `ended ${duration(-m.lease_seconds)} ago`,
					...(m.live ? [] : [badge({kind: "bad", word: "lease ended"})]), ...(ends ? [badge({kind: "warn", word: "stopping"})] : []),
					...(this.isSilent(m) ? [badge({kind: "warn", word: "silent"})] : []),
					...(m.live && m.short_of ? [badge({kind: "warn", word: SHORT_OF[m.short_of] || `short of ${m.short_of}`})] : [])),
				h("td", {class: "wide", title: "When its newest partition was assigned"}, ago(changed.get(m.name), this.now)));
		}));
	}

	drawLetters() {
		const looked = this.group ? this.group.dead_letter_reasons : null;
		this.lettersPart.hidden = !looked || !looked.letters_read;
		if (this.lettersPart.hidden)
			return;
		const shown = looked.commonest.slice(0, 6);
		this.letters.replaceChildren(...shown.map(r => h("tr", {},
			h("td", {class: "number"}, short(r.letters)), h("td", {class: "name"}, r.reason || "no reason"),
			h("td", {title: `letter ${r.letter} of partition ${r.partition}` + (r.last_at ? `, ${new Date(r.last_at).toLocaleString("en-GB")}` : "")},
				ago(r.last_at, this.now)))));
		const others = looked.reasons - shown.length;
		const some = looked.partitions > looked.partitions_read
			? `the ${looked.partitions_read} partitions with the lowest numbers, of ${looked.partitions} that have letters`
			: many(looked.partitions_read, "partition", "partitions");
		this.lettersNote.textContent = (others > 0 ? `${many(others, "more reason", "more reasons")}. ` : "") +
			`Counted: ${many(looked.letters_read, "letter", "letters")} of ${some}, the newest of each. All: segctl dlq list ${this.path.replace("/", " ")} --by reason`;
	}

	/* Those in trouble first; if there are more than ROWS, then those that are farthest behind. */
	drawRows() {
		const partitions = this.group ? [...this.group.partitions] : [];
		const severity = p => ({bad: 2, warn: 1})[this.troubles.get(p.partition)?.kind] || 0;
		const many = partitions.length > ROWS && !this.all;
		partitions.sort((a, b) => severity(b) - severity(a) ||
			(many ? (b.lag_seconds || 0) - (a.lag_seconds || 0) || (b.lag || 0) - (a.lag || 0) : 0) || a.partition - b.partition);
		const shown = this.all ? partitions : partitions.slice(0, ROWS);
		/* The column of nodes is for a cluster only. */
		this.table.classList.toggle("single", !partitions.some(p => p.node));
		this.table.classList.toggle("plain", !partitions.some(p => KEPT.some(([name]) => p[name])));
		this.rows.replaceChildren(...shown.map(p => {
			const trouble = this.troubles.get(p.partition);
			const ms = Number((p.position || "0-0").split("-")[0]);
			const known = n => short(p.unreachable ? null : n);
			return h("tr", trouble ? {class: trouble.kind, title: trouble.why} : {},
				h("td", {}, p.partition),
				dressed(h("td", {class: "owner", title: p.owner || "no owner"}, h("span", {class: "dot"}),
					p.owner || "nobody", ...(trouble ? [badge(trouble)] : [])), p.owner),
				h("td", {}, perSecond(p.committed_per_second)),
				h("td", {}, short(p.lag)),
				h("td", {class: "behind"}, behindBar(p.lag_seconds)),
				h("td", {class: p.dead_letters ? "wide alarm" : "wide"}, known(p.dead_letters)),
				h("td", {class: p.lost ? "wide alarm" : "wide"}, known(p.lost)),
				h("td", {class: "wide", title: `epoch ${p.epoch}` + (p.assigned_at ? `, assigned at ${clock(p.assigned_at)}` : "")},
					shortEpoch(p.epoch)),
				h("td", {class: "wide", title: p.position || ""}, p.unreachable ? "–" : ms ? clock(ms) : "start"),
				...KEPT.map(([name]) => h("td", {class: "wide kept"}, known(p[name]))),
				h("td", {class: p.unreachable ? "wide alarm" : "wide"},
					(p.node || "") + (p.unreachable ? " does not answer" : "")));
		}));
		this.more.hidden = partitions.length <= ROWS;
		this.more.textContent = this.all ? `Show the ${ROWS} that are farthest behind` : `Show all ${partitions.length} partitions`;
	}

	drawCounters(status) {
		const own = Object.entries(status.counters || {}).map(([name, value]) => ({name, value, help: ""}));
		const plugin = (status.plugin_counters || []).map(c => ({...c, name: `${this.plugin}: ${c.name}`}));
		const emitted = (status.outputs || []).map(o => ({name: `emitted to ${o.stream}`, value: o.emitted, help: "Records that were added"}));
		this.counters.replaceChildren(...[...own, ...emitted, ...plugin].map(c => h("div", {title: c.help},
			h("dt", {}, c.name.replaceAll("_", " ")), h("dd", {}, c.value.toLocaleString("en")))));
	}
}
