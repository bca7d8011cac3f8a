/* health.c - whether the runner lives, and whether it works: /livez and /readyz. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner/admin/view.h"

enum { NOT_READY = 503 };

typedef struct {
	void (*say)(void *arg, const char *reason);
	void *arg;
	seg_health worst;
} verdict;

__attribute__((format(printf, 3, 4))) static void find(verdict *v, seg_health health, const char *format, ...)
{
	char reason[512];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (health > v->worst)
		v->worst = health;
	if (v->say)
		v->say(v->arg, reason);
}

/* A lease is what Redis answers a heartbeat with: one that is valid says both, that it is a member and that Redis is there. */
static void judge_section(verdict *v, const seg_config_consumer *config, const seg_section *section)
{
	int64_t lease =
		section ? atomic_load_explicit(&section->member->lease_until, memory_order_acquire) : 0;
	if (!section)
		find(v, SEG_HEALTH_NOT_READY, "[consumer %s] has not started: Redis has not answered yet",
		     config->name);
	else if (atomic_load(&section->stuck))
		find(v, SEG_HEALTH_NOT_READY, "[consumer %s] is stuck: its handler does not return",
		     config->name);
	else if (lease == 0)
		find(v, SEG_HEALTH_NOT_READY, "[consumer %s] has not joined its group yet", config->name);
	else if (lease <= seg_now())
		find(v, SEG_HEALTH_NOT_READY,
		     "[consumer %s] has lost its lease: Redis does not answer its heartbeats", config->name);
	unsigned retrying = section ? atomic_load(&section->counters.retrying) : 0;
	if (retrying > 0)
		find(v, SEG_HEALTH_DEGRADED, "[consumer %s] tries a message again on %u partition%s",
		     config->name, retrying, retrying == 1 ? "" : "s");
}

seg_health seg_health_judge(const struct seg_admin *admin, void (*say)(void *arg, const char *reason),
			    void *arg)
{
	verdict v = {say, arg, SEG_HEALTH_GOOD};
	if (atomic_load(&admin->stopping)) {
		find(&v, SEG_HEALTH_NOT_READY, "the runner is stopping");
		return v.worst;
	}
	if (atomic_load(&admin->standby)) {
		find(&v, SEG_HEALTH_NOT_READY, "the runner stands by, as SIGUSR1 asked for");
		return v.worst;
	}
	for (size_t i = 0; i < admin->config->consumer_count; i++)
		judge_section(&v, &admin->config->consumers[i], admin->sections[i]);
	return v.worst;
}

/* --- routes ------------------------------------------------------------------------------ */

void seg_health_live(void *arg, const seg_http_request *request, seg_http_answer *answer)
{
	(void)arg, (void)request;
	fputs("alive\n", answer->body);
}

static void write_reason(void *arg, const char *reason)
{
	fprintf(arg, "%s\n", reason);
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
