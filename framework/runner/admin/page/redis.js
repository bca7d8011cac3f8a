/* --- Redis -------------------------------------------------------------------------- */

/* Neither an append-only file nor snapshots, as far as Redis tells. */
const keepsNothing = server => server.append_only_file === false && server.snapshots === false;

function persistence(server, now) {
	if (server.append_fails)
		return ["cannot write", "bad", "its append-only file"];
	if (server.snapshot_fails)
		return ["cannot save", "bad", "its snapshot"];
	if (server.append_only_file)
		return ["AOF", "", server.append_fsync_delays ? `append-only file, ${short(server.append_fsync_delays)} late fsyncs` : "append-only file, no trouble"];
	if (server.append_only_file === null)
		return ["–", "", ""];
	if (keepsNothing(server))
		return ["None", "warn", "a restart loses everything"];
	const saved = server.last_snapshot_at ? `snapshot ${ago(server.last_snapshot_at, now)}`
		: server.snapshot_since_start === false ? "none since Redis started" : "";
	return ["Snapshots", "", saved + (server.unsaved_changes ? `, ${short(server.unsaved_changes)} changes since` : "")];
}

function memory(server) {
	const full = server.max_memory ? server.used_memory / server.max_memory : 0;
	const node = tile("Memory", bytes(server.used_memory), full > .95 ? "bad" : full > .8 ? "warn" : "",
		server.max_memory ? `${Math.round(100 * full)} % of ${bytes(server.max_memory)}` : server.max_memory === 0 ? "no limit" : "");
	if (server.max_memory) {
		const fill = h("div", {class: "fill"});
		fill.style.width = Math.min(100, 100 * full) + "%";
		node.append(h("div", {class: "track"}, fill));
	}
	return node;
}

const evictions = new Rises();

/* {word, kind, place, why} each. */
function redisProblems(servers, now) {
	return servers.flatMap(server => {
		const place = server.node ? `Redis ${server.node}` : "Redis";
		const list = [];
		const say = (word, kind, why) => list.push({word, kind, place, why});
		const evicts = server.evicted_keys !== null && evictions.note(server.node, server.evicted_keys, now);
		if (!server.answers) {
			say("no answer", "bad", "this server does not answer");
			return list;
		}
		if (server.loading)
			say("loading", "bad", "Redis is reading its data from the disk");
		if (server.append_fails)
			say("disk", "bad", "Redis cannot write its append-only file (aof_last_write_status:err)");
		if (server.snapshot_fails)
			say("disk", "bad", "Redis cannot write its snapshot (rdb_last_bgsave_status:err)");
		if (server.max_memory && server.used_memory > .95 * server.max_memory)
			say("memory", "bad", `${bytes(server.used_memory)} of ${bytes(server.max_memory)} are in use`);
		if (evicts)
			say("evicting", "bad", `${many(server.evicted_keys, "key was", "keys were")} evicted since Redis started, some of them within the hour; set maxmemory-policy noeviction`);
		if (keepsNothing(server))
			say("memory only", "warn", "Redis keeps its data in memory only: a restart of Redis loses all messages; set appendonly yes");
		return list;
	});
}

function showRedis(redis, now) {
	$("redis").hidden = !redis.servers.length;
	const about = redis.cluster ? `a cluster, ${many(redis.servers.length, "master", "masters")}` : redis.servers[0]?.version ? `version ${redis.servers[0].version}` : "";
	const old = redis.read_at && now - Date.parse(redis.read_at) / 1000 > OLD;
	$("redis-about").textContent = about + (old ? `${about ? "; " : ""}as of ${ago(redis.read_at, now)}` : "");
	$("servers").replaceChildren(...redis.servers.flatMap(server => {
		const [text, kind, small] = persistence(server, now);
		const known = server.used_memory !== null;
		return [...(server.node ? [h("h3", {}, server.node)] : []),
			h("dl", {class: "tiles"},
				tile("Round trip", duration(server.round_trip_seconds), server.answers ? "" : "bad", server.answers ? "" : "no answer"),
				...(known ? [memory(server),
					tile("Persistence", text, kind, small),
					tile("Clients", short(server.clients), server.max_clients && server.clients > .9 * server.max_clients ? "warn" : "", server.max_clients ? `of ${short(server.max_clients)}` : ""),
					tile("Replicas", short(server.replicas), "", server.replicas_behind_bytes === null ? "" : `${bytes(server.replicas_behind_bytes)} behind`),
					...(server.evicted_keys ? [tile("Evicted", short(server.evicted_keys), "", server.evicted_keys === 1 ? "key, since Redis started" : "keys, since Redis started")] : []),
					tile("Up for", duration(server.uptime_seconds), "", server.role)] : [])),
			...(server.refusal ? [h("p", {class: "note"}, `Redis does not let this runner's user run INFO, so its memory, persistence, clients and replicas are not shown: ${server.refusal}`)] : [])];
	}));
	return redisProblems(redis.servers, now);
}
