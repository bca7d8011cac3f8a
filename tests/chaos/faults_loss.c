#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "chaos/faults.h"

/* --- entries are removed ------------------------------------------------------------------- */

/*
 * Removes, in one step, some of what is not committed: each third, the oldest half, the newest five, or all. Answers with
 * the id, the key and the data of each.
 */
static const char removal[] =
	"local log, how = KEYS[1], ARGV[1]\n"
	"local group = redis.pcall('XINFO', 'GROUPS', log)[1]\n"
	"local position = group and group[8] or '0-0'\n"
	"local entries, removed = redis.call('XRANGE', log, '(' .. position, '+'), {}\n"
	"for i, entry in ipairs(entries) do\n"
	"	if (how == 'some' and i % 3 == 0) or (how == 'oldest' and i * 2 <= #entries)\n"
	"			or (how == 'newest' and i > #entries - 5) or how == 'all' then\n"
	"		removed[#removed + 1] = {entry[1], entry[2][2], entry[2][4]}\n"
	"		if how == 'some' or how == 'newest' then redis.call('XDEL', log, entry[1]) end\n"
	"	end\n"
	"end\n"
	"if how == 'all' then\n"
	"	redis.call('XTRIM', log, 'MAXLEN', 0)\n"
	"elseif how == 'oldest' and #removed > 0 and #removed < #entries then\n"
	"	redis.call('XTRIM', log, 'MINID', '=', entries[#removed + 1][1])\n"
	"end\n"
	"return removed\n";

static bool note_removal(chaos_world *w, uint32_t partition, int64_t time, const redisReply *entry)
{
	chaos_deletion d = {.partition = partition, .time = time};
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 3 ||
	    seg_id_parse(entry->element[0]->str, &d.id))
		return false;
	d.key = (uint32_t)strtoul(entry->element[1]->str + strlen("k"), NULL, 10);
	d.number = (uint32_t)strtoul(entry->element[2]->str, NULL, 10);
	chaos_append(&w->history->deletions, d);
	return true;
}

static void remove_from(chaos_world *w, uint32_t partition, const char *how)
{
	int64_t time = seg_now();
	redisReply *reply = chaos_servers_command(w->servers, "EVAL %s 1 __default:chaos:partition_%u %s",
						  removal, partition, how);
	bool good = reply && reply->type == REDIS_REPLY_ARRAY;
	for (size_t i = 0; good && i < reply->elements; i++)
		good = note_removal(w, partition, time, reply->element[i]);
	if (!good)
		chaos_world_violation(w, "nobody knows what was removed: %s",
				      reply && reply->str ? reply->str : "no answer");
	if (reply)
		freeReplyObject(reply);
}

/* Mostly while runners stand still, so that messages wait that nobody has read; else just as they read them. */
void chaos_fault_trim(const chaos_fault *f, chaos_world *w)
{
	static const char *const ways[] = {"some", "oldest", "newest", "all"};
	bool still = f->which % 4 != 0;
	for (int slot = 0; still && slot < CHAOS_SLOTS; slot++)
		chaos_runners_freeze(w->runners, slot, CHAOS_NEVER);
	if (still)
		chaos_world_pass(w, 300 + f->ms / 4);
	for (uint32_t p = 0; p < CHAOS_PARTITIONS; p++)
		if ((f->which >> (16 + p)) & 1)
			remove_from(w, p, ways[(f->which >> (2 + p)) % 4]);
	for (int slot = 0; still && slot < CHAOS_SLOTS; slot++)
		chaos_runners_wake(w->runners, slot);
}
