/* --- Redis -------------------------------------------------------------------------- */

function persistence(server, now) {
	if (server.append_fails)
		return ["cannot write", "bad", "its append-only file"];
	if (server.snapshot_fails)
		return ["cannot save", "bad", "its snapshot"];
	if (server.append_only_file)
		return ["AOF", "", server.append_fsync_delays ? `append-only file, ${short(server.append_fsync_delays)} late fsyncs` : "append-only file, no trouble"];
	const saved = server.last_snapshot_at ? `snapshot ${since(server.last_snapshot_at, now)} ago` : "no snapshot";
	return [server.append_only_file === null ? "–" : "Snapshots", "", saved + (server.unsaved_changes ? `, ${short(server.unsaved_changes)} changes since` : "")];
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

/* {word, kind, place, why} each. */
function redisProblems(servers) {
	return servers.flatMap(server => {
		const place = server.node ? `Redis ${server.node}` : "Redis";
		const list = [];
		const say = (word, kind, why) => list.push({word, kind, place, why});
		if (!server.answers)
			say("no answer", "bad", "this server does not answer");
		if (server.loading)
			say("loading", "bad", "Redis is reading its data from the disk");
		if (server.append_fails)
			say("disk", "bad", "Redis cannot write its append-only file (aof_last_write_status:err)");
		if (server.snapshot_fails)
			say("disk", "bad", "Redis cannot write its snapshot (rdb_last_bgsave_status:err)");
		if (server.max_memory && server.used_memory > .95 * server.max_memory)
			say("memory", "bad", `${bytes(server.used_memory)} of ${bytes(server.max_memory)} are in use`);
		if (server.evicted_keys)
			say("evicting", "bad", `${short(server.evicted_keys)} keys were evicted since Redis started; set maxmemory-policy noeviction`);
		return list;
	});
}

function showRedis(redis, now) {
	$("redis").hidden = !redis.servers.length;
	$("redis-about").textContent = redis.cluster ? `a cluster, ${redis.servers.length} masters` : redis.servers[0]?.version ? `version ${redis.servers[0].version}` : "";
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
					tile("Up for", duration(server.uptime_seconds), "", server.role)] : [])),
			...(server.refusal ? [h("p", {class: "note"}, `Redis does not let this runner's user run INFO, so its memory, persistence, clients and replicas are not shown: ${server.refusal}`)] : [])];
	}));
	return redisProblems(redis.servers);
}
