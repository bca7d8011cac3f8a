/* health.c - /livez: whether the process lives; /readyz: whether the runner works, and why not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "admin/view.h"
#include "group/refusal.h"
#include "group/shortage.h"

enum { NOT_READY = 503 };

typedef struct {
	seg_health_say_fn *say;
	void *arg;
	seg_health worst;
} verdict;

/* consumer: the section with this problem, or NULL for the whole runner. */
static void find(verdict *v, seg_health health, const char *kind, const seg_config_consumer *consumer,
		 const char *what)
{
	char reason[SEG_HINDRANCE_SENTENCE_MAX + 300];
	if (health > v->worst)
		v->worst = health;
	if (!v->say)
		return;
	if (consumer)
		snprintf(reason, sizeof(reason), "[consumer %s] %s", consumer->name, what);
	seg_health_finding finding = {health, kind, consumer ? consumer->name : NULL,
				      consumer ? reason : what};
	v->say(v->arg, &finding);
}

/*
 * What hinders single partitions is for an operator to mend, at the handler or at what it writes to. Another runner would meet the
 * same, so the runner stays ready. Only a call beyond handler_timeout makes it not ready: it ends then.
 */
static void judge_hindered(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	static const char *const plurals[] = {
		[SEG_HINDRANCE_RETRY] = "partitions retry a message",
		[SEG_HINDRANCE_HANG] = "partitions have a call that hangs",
		[SEG_HINDRANCE_FULL] = "partitions wait for room among the dead letters",
		[SEG_HINDRANCE_BEYOND] = "partitions are held up by a message",
		[SEG_HINDRANCE_TARGET] = "partitions have outputs that wait",
		[SEG_HINDRANCE_REPLICAS] = "partitions have commits that do not count",
	};
	char what[SEG_HINDRANCE_SENTENCE_MAX + 100], sentence[SEG_HINDRANCE_SENTENCE_MAX], all[64] = "";
	for (int kind = 0; seg_hindrance_names[kind]; kind++) {
		seg_hindered_entry first;
		/* judge_refusals judges the other kind. */
		if (!seg_hindrance_is_counted((seg_hindrance_kind)kind))
			continue;
		unsigned count = seg_section_hindered(section, (seg_hindrance_kind)kind, &first);
		if (count == 0)
			continue;
		if (count > 1)
			snprintf(all, sizeof(all), "%u %s; ", count, plurals[kind]);
		snprintf(what, sizeof(what), "%spartition %" PRIu32 ": %s", count > 1 ? all : "",
			 first.partition, seg_hindrance_sentence(&first.what, seg_now(), sentence));
		find(v, SEG_HEALTH_DEGRADED, "hindrance", config, what);
	}
}

/* Who serves nothing of what it should is not ready, even though the others may serve all. */
static void judge_shortage(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	char what[SEG_SHORTAGE_REASON_MAX + 80], reason[SEG_SHORTAGE_REASON_MAX];
	uint32_t served;
	if (!seg_shortage_look(section->member, &served, reason))
		return;
	snprintf(what, sizeof(what), "cannot serve %s of its partitions, and gives %s back: %s",
		 served ? "some" : "any", served ? "these" : "them", reason);
	find(v, served ? SEG_HEALTH_DEGRADED : SEG_HEALTH_NOT_READY, "shortage", config, what);
}

/* Writes the sentence that /readyz, the note in Redis and segctl have for it. Returns whether it has lasted long enough to tell of it. */
static bool tell_refusal(const seg_section *section, seg_refused kind, seg_refusing *refusing,
			 char sentence[SEG_HINDRANCE_SENTENCE_MAX])
{
	int64_t now = seg_now();
	sentence[0] = '\0';
	if (!seg_refusal_look(section->member, kind, refusing) ||
	    now - refusing->since < SEG_HINDRANCE_TELL_AFTER)
		return false;
	seg_hindrance hindrance = {.kind = SEG_HINDRANCE_REFUSED, .at = refusing->since};
	seg_hindrance_set_text(&hindrance, refusing->text);
	seg_hindrance_sentence(&hindrance, now, sentence);
	return true;
}

/*
 * A runner to which Redis refuses everything handles nothing that lasts. It is not ready, so that no rollout goes on with it, and
 * lives, because a restart would not help. One of which Redis refuses a part, such as a key of another type, stays ready.
 */
static void judge_refusals(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	char what[SEG_HINDRANCE_SENTENCE_MAX + SEG_REFUSAL_WHERE_MAX], sentence[SEG_HINDRANCE_SENTENCE_MAX],
		where[SEG_REFUSAL_WHERE_MAX];
	for (seg_refused kind = SEG_REFUSED_CLAIM; kind < SEG_REFUSED_KINDS; kind++) {
		seg_refusing refusing;
		if (!tell_refusal(section, kind, &refusing, sentence))
			continue;
		snprintf(what, sizeof(what), "%s%s", seg_refusal_where(kind, &refusing, where), sentence);
		bool all_refused = seg_refusal_is_all(section->member, kind, &refusing,
						      atomic_load(&section->counters.owned));
		find(v, all_refused ? SEG_HEALTH_NOT_READY : SEG_HEALTH_DEGRADED, "refusal", config, what);
	}
}

/* Redis answers a heartbeat with a lease: a valid one shows that the section is a member and that Redis answers. */
static void judge_membership(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	char what[SEG_HINDRANCE_SENTENCE_MAX + 100], sentence[SEG_HINDRANCE_SENTENCE_MAX];
	seg_refusing refusing;
	bool refused = tell_refusal(section, SEG_REFUSED_MEMBERSHIP, &refusing, sentence);
	int64_t lease = atomic_load_explicit(&section->member->lease_until, memory_order_acquire);
	if (lease > seg_now()) {
		if (refused)
			find(v, SEG_HEALTH_DEGRADED, "membership", config, sentence);
		return;
	}
	if (lease == 0)
		snprintf(what, sizeof(what), "has not joined its group yet%s%s", refused ? ": " : "",
			 sentence);
	else
		snprintf(what, sizeof(what), "has lost its lease: %s",
			 refused ? sentence : "Redis does not answer its heartbeats");
	find(v, SEG_HEALTH_NOT_READY, "membership", config, what);
}

/* Sections start one after the other. */
static void judge_unstarted(verdict *v, const struct seg_admin *admin, size_t index)
{
	char what[SEG_ERROR_TEXT_MAX + 40];
	const char *obstacle = *admin->obstacle ? admin->obstacle : "Redis has not answered yet";
	size_t held_up = admin->held_up;
	if (*admin->obstacle && held_up < admin->section_count && held_up != index)
		snprintf(what, sizeof(what), "has not started: it waits for [consumer %s]",
			 admin->config->consumers[held_up].name);
	else
		snprintf(what, sizeof(what), "has not started: %s", obstacle);
	find(v, SEG_HEALTH_NOT_READY, "membership", &admin->config->consumers[index], what);
}

static void judge_section(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	if (atomic_load(&section->stuck))
		find(v, SEG_HEALTH_NOT_READY, "stuck", config,
		     "is stuck: its handler has run past handler_timeout, or has ended its thread");
	else
		judge_membership(v, config, section);
	judge_refusals(v, config, section);
	judge_shortage(v, config, section);
	judge_hindered(v, config, section);
}

seg_health seg_health_judge(const struct seg_admin *admin, seg_health_say_fn *say, void *arg)
{
	verdict v = {say, arg, SEG_HEALTH_GOOD};
	if (atomic_load(&admin->stopping)) {
		find(&v, SEG_HEALTH_NOT_READY, "runner", NULL, "the runner is stopping");
		return v.worst;
	}
	if (atomic_load(&admin->standby)) {
		find(&v, SEG_HEALTH_NOT_READY, "runner", NULL,
		     "the runner stands by without partitions; send SIGUSR1 to claim partitions again");
		return v.worst;
	}
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		if (admin->sections[i])
			judge_section(&v, &admin->config->consumers[i], admin->sections[i]);
		else
			judge_unstarted(&v, admin, i);
	return v.worst;
}

/* --- routes ------------------------------------------------------------------------------ */

void seg_health_live(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	(void)arg, (void)request;
	fputs("alive\n", answer->body);
}

static void write_reason(void *arg, const seg_health_finding *finding)
{
	fprintf(arg, "%s\n", finding->reason);
}

void seg_health_ready(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	static const char *const texts[] = {"ready\n", "ready, but degraded\n", "not ready\n"};
	struct seg_admin *admin = arg;
	char *reasons = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&reasons, &length);
	pthread_mutex_lock(&admin->lock);
	seg_health health = seg_health_judge(admin, out && request->trusted ? write_reason : NULL, out);
	pthread_mutex_unlock(&admin->lock);
	if (out)
		fclose(out);
	if (health == SEG_HEALTH_NOT_READY)
		answer->status = NOT_READY;
	fputs(texts[health], answer->body);
	if (reasons)
		fputs(reasons, answer->body);
	free(reasons);
}
