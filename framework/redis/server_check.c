#include "redis/server_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* --- reading ---------------------------------------------------------------- */

static void copy_text(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

static void read_line(seg_server_facts *facts, const char *line, size_t length)
{
	const struct {
		const char *name;
		char *place;
		size_t size;
	} texts[] = {
		{"redis_version", facts->version, sizeof(facts->version)},
		{"valkey_version", facts->valkey_version, sizeof(facts->valkey_version)},
		{"run_id", facts->run_id, sizeof(facts->run_id)},
		{"master_replid", facts->replication_id, sizeof(facts->replication_id)},
		{"redis_mode", facts->mode, sizeof(facts->mode)},
		{"server_mode", facts->mode, sizeof(facts->mode)},
		{"role", facts->role, sizeof(facts->role)},
		{"master_host", facts->master_host, sizeof(facts->master_host)},
		{"master_port", facts->master_port, sizeof(facts->master_port)},
		{"maxmemory_policy", facts->policy, sizeof(facts->policy)},
	};
	const char *colon = memchr(line, ':', length);
	if (!colon)
		return;
	size_t name_length = (size_t)(colon - line);
	const char *value = colon + 1;
	size_t value_length = length - name_length - 1;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strlen(texts[i].name) == name_length && memcmp(texts[i].name, line, name_length) == 0)
			copy_text(texts[i].place, texts[i].size, value, value_length);

	char number[24];
	copy_text(number, sizeof(number), value, value_length);
	if (name_length == 9 && memcmp(line, "maxmemory", 9) == 0)
		facts->max_memory = strtoull(number, NULL, 10);
	else if (name_length == 11 && memcmp(line, "aof_enabled", 11) == 0)
		facts->append_only = strcmp(number, "1") == 0;
}

void seg_server_facts_read(seg_server_facts *facts, const char *info, size_t length)
{
	*facts = (seg_server_facts){0};
	while (length > 0) {
		const char *end = memchr(info, '\n', length);
		size_t whole = end ? (size_t)(end - info) + 1 : length;
		size_t line = end ? whole - 1 : whole;
		if (line > 0 && info[line - 1] == '\r')
			line--;
		read_line(facts, info, line);
		info += whole;
		length -= whole;
	}
}

static bool is_word_at(const seg_reply *list, size_t i, const char *word)
{
	return seg_reply_is(seg_reply_at(list, i), word);
}

void seg_server_facts_read_hello(seg_server_facts *facts, const seg_reply *reply)
{
	*facts = (seg_server_facts){0};
	for (size_t i = 0; seg_reply_at(reply, i + 1); i += 2) {
		const seg_reply *value = seg_reply_at(reply, i + 1);
		if (value->type != SEG_REPLY_TEXT)
			continue;
		if (is_word_at(reply, i, "version"))
			copy_text(facts->version, sizeof(facts->version), value->text, value->length);
		else if (is_word_at(reply, i, "mode"))
			copy_text(facts->mode, sizeof(facts->mode), value->text, value->length);
		else if (is_word_at(reply, i, "role")) /* INFO says "slave" where HELLO says "replica" */
			snprintf(facts->role, sizeof(facts->role), "%s",
				 seg_reply_is(value, "master") ? "master" : "slave");
	}
}

void seg_server_facts_read_config(seg_server_facts *facts, const seg_reply *reply)
{
	size_t count = reply && reply->type == SEG_REPLY_ARRAY ? reply->count : 0;
	for (size_t i = 0; i + 1 < count; i += 2) {
		const seg_reply *value = seg_reply_at(reply, i + 1);
		if (!value || value->type != SEG_REPLY_TEXT)
			continue;
		if (seg_reply_is(seg_reply_at(reply, i), "save")) {
			copy_text(facts->save, sizeof(facts->save), value->text, value->length);
			facts->config_known = true;
		} else if (seg_reply_is(seg_reply_at(reply, i), "appendfsync")) {
			copy_text(facts->append_fsync, sizeof(facts->append_fsync), value->text,
				  value->length);
		}
	}
}

/* --- judging ---------------------------------------------------------------- */

static bool is_too_old(const char *version)
{
	return strtoul(version, NULL, 10) < SEG_SERVER_MAJOR;
}

static bool evicts(const seg_server_facts *facts)
{
	return facts->policy[0] && strcmp(facts->policy, "noeviction") != 0;
}

/* HELLO does not name the master. */
static int fail_as_replica(const seg_server_facts *facts, const char *where, seg_error *error)
{
	if (!facts->master_host[0])
		return seg_fail(error, SEG_ESERVER,
				"Redis at %s is a read-only replica; connect to its master", where);
	return seg_fail(error, SEG_ESERVER,
			"Redis at %s is a read-only replica of %s:%s; connect to the master", where,
			facts->master_host, facts->master_port);
}

int seg_server_is_sentinel(const char *where, seg_error *error)
{
	return seg_fail(error, SEG_ESERVER,
			"the server at %s is a Redis Sentinel, which holds no data; write "
			"redis+sentinel://HOST,HOST/MASTER, with the name of the master that it watches",
			where);
}

static int check_kind(const seg_server_facts *facts, const char *where, seg_error *error)
{
	if (strcmp(facts->mode, "sentinel") == 0)
		return seg_server_is_sentinel(where, error);
	if (!facts->version[0])
		return seg_fail(
			error, SEG_EPROTOCOL,
			"the server at %s does not say its version (redis_version in INFO, version in HELLO); check that it is a Redis server",
			where);
	if (is_too_old(facts->version))
		return seg_fail(error, SEG_ESERVER,
				"Redis at %s is version %s; this library needs %d.0 or later: upgrade Redis",
				where, facts->version, SEG_SERVER_MAJOR);
	if (strcmp(facts->role, "slave") == 0)
		return fail_as_replica(facts, where, error);
	return 0;
}

static int check_eviction(const seg_server_facts *facts, bool allow_eviction, const char *where,
			  seg_error *error)
{
	if (!evicts(facts) || facts->max_memory == 0 || allow_eviction)
		return 0;
	return seg_fail(
		error, SEG_ESERVER,
		"Redis at %s evicts keys when memory is full (maxmemory %" PRIu64
		", maxmemory-policy %s), which loses messages silently; run CONFIG SET maxmemory-policy "
		"noeviction, or set allow_eviction",
		where, facts->max_memory, facts->policy);
}

static void warn(const seg_server_facts *facts, const char *where, const seg_logger *logger)
{
	if (evicts(facts) && facts->max_memory > 0)
		seg_log(logger, SEG_LOG_WARNING,
			"Redis at %s evicts keys when memory is full (maxmemory-policy %s): messages can "
			"be lost",
			where, facts->policy);
	else if (evicts(facts))
		seg_log(logger, SEG_LOG_WARNING,
			"Redis at %s has maxmemory-policy %s: once maxmemory is set, messages can be lost; run "
			"CONFIG SET maxmemory-policy noeviction",
			where, facts->policy);
	if (facts->append_only) {
		if (strcmp(facts->append_fsync, "always") != 0 && facts->append_fsync[0])
			seg_log(logger, SEG_LOG_INFO,
				"Redis at %s has appendfsync %s: if the server crashes, it can lose the messages of "
				"the last seconds",
				where, facts->append_fsync);
	} else if (facts->config_known && !facts->save[0]) {
		seg_log(logger, SEG_LOG_WARNING,
			"Redis at %s keeps nothing on disk (no append-only file, no snapshots): if it restarts, all "
			"messages are lost; run CONFIG SET appendonly yes",
			where);
	} else if (facts->config_known) {
		seg_log(logger, SEG_LOG_WARNING,
			"Redis at %s has no append-only file: if it crashes, all messages since the last snapshot "
			"are lost; run CONFIG SET appendonly yes",
			where);
	}
}

int seg_server_check(const seg_server_facts *facts, bool allow_eviction, const char *where,
		     const seg_logger *logger, seg_error *error)
{
	int status = check_kind(facts, where, error);
	if (status == 0)
		status = check_eviction(facts, allow_eviction, where, error);
	if (status == 0)
		warn(facts, where, logger);
	return status;
}

int seg_server_check_reply(const seg_reply *reply, bool allow_eviction, const char *where,
			   seg_server_facts *facts, seg_error *error)
{
	*facts = (seg_server_facts){0};
	if (!reply || reply->type == SEG_REPLY_ERROR)
		return 0;
	/* A reply of another type names no version, and is refused for that. */
	if (reply->type == SEG_REPLY_TEXT)
		seg_server_facts_read(facts, reply->text, reply->length);
	else
		seg_server_facts_read_hello(facts, reply);
	return seg_server_check(facts, allow_eviction, where, NULL, error);
}
