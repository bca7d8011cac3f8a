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

function showHealth(text, kind) {
	$("health").textContent = text;
	$("health").className = "pill " + kind;
}

/* Nothing changes in the document where nothing has changed, so that a screen reader says it once. */
let told = "";
function showProblems(problems) {
	const list = problems.length ? [...problems].sort((a, b) => (a.kind === "warn") - (b.kind === "warn"))
		: [{word: "all well", kind: "good", place: "", why: "Each partition has an owner, and nothing hinders it."}];
	const rest = list.length > PROBLEMS ? list.splice(PROBLEMS - 1).length : 0;
	if (rest)
		list.push({word: "more", kind: "warn", place: "", why: `${rest} more; partitions are marked below`});
	const text = JSON.stringify(list);
	if (text === told)
		return;
	told = text;
	$("problems").replaceChildren(...list.map(p => h("li", {class: p.kind}, h("span", {class: "badge"}, p.word),
		...(p.place ? [h("span", {class: "place"}, p.place)] : []), h("span", {class: "why"}, p.why))));
}

const KINDS = {"ready": "good", "degraded": "warn", "not ready": "bad"};

function showStatus(status) {
	const up = (Date.parse(status.now) - Date.parse(status.started_at)) / 1000;
	me = status.name;
	colour(me);
	$("name").textContent = status.name;
	$("about").textContent = `segrunner ${status.version}, namespace ${status.namespace}, up for ${duration(up)}`;
	showHealth(status.health, KINDS[status.health] || "warn");
}

async function showConsumer(status, bounds, now) {
	if (!consumers.has(status.name)) {
		consumers.set(status.name, new Consumer(status));
		$("consumers").append(consumers.get(status.name).node);
	}
	const consumer = consumers.get(status.name);
	const path = `/api/v1/groups/${status.stream}/${status.group}`;
	let group = null, problem = "";
	try {
		group = await ask(path);
		if (group.error)
			problem = `${group.error}; shown as of ${clock(group.read_at)}`;
		await consumer.remember();
	} catch (error) {
		problem = error.message;
	}
	consumer.show(status, bounds, now, group, problem);
}

/* Why the runner is not well; what leaves it ready and hinders partitions, their rows tell with more words. */
function causesOf(status) {
	return status.causes.filter(cause => !(cause.health === "degraded" && consumers.get(cause.consumer)?.tells(cause.kind)))
		.map(cause => ({word: cause.health, kind: KINDS[cause.health] || "warn", place: "this runner", why: cause.reason}));
}

async function showEvents() {
	const {events, newest: last} = await ask(`/api/v1/events?after=${newest}`);
	if (last < newest || newest === 0)
		$("events").replaceChildren();
	newest = last;
	for (const event of events) {
		const where = [event.stream, event.group].filter(Boolean).join(" → ") +
			(event.partition === undefined ? "" : `, partition ${event.partition}`) +
			(event.epoch === undefined ? "" : `, epoch ${shortEpoch(event.epoch)}`);
		$("events").prepend(h("li", {}, h("time", {datetime: event.time}, clock(event.time)),
			h("span", {class: "level " + event.level}, event.level),
			h("span", {class: "what"}, event.text, h("span", {class: "where", title: event.epoch === undefined ? "" : `epoch ${event.epoch}`}, where))));
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
		const redis = showRedis(await ask("/api/v1/redis"), now);
		const own = new Set(status.causes.map(cause => cause.kind));
		const shown = status.consumers.flatMap(c => consumers.get(c.name).problems(own));
		const problems = [...causesOf(status), ...redis, ...shown];
		showProblems(problems);
		document.title = `${problems.length ? `(${problems.length}) ` : ""}${status.name} – segrunner`;
		$("fresh").textContent = `as of ${clock(status.now)}`;
	} catch (error) {
		showHealth("no answer", "bad");
		showProblems([{word: "no answer", kind: "bad", place: "this runner", why: `it does not answer: ${error.message}`}]);
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
