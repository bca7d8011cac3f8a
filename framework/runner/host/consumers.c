#include "host/consumers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/plural.h"
#include "base/random.h"
#include "host/exit_code.h"

#define JOIN_TIMEOUT (20 * SEG_MS) /* of the first member that has not left; between two calls of give_up */
#define HAND_OVER_PATIENCE (2 * SEG_SECOND)
enum { PAUSE_LOOK_MS = 5 };
#define START_BACKOFF (200 * SEG_MS)
#define START_BACKOFF_MAX (5 * SEG_SECOND)

void seg_consumers_load(seg_consumers *c, const seg_config *config, seg_config_errors *errors)
{
	c->list = calloc(config->consumer_count, sizeof(*c->list));
	for (size_t i = 0; c->list && i < config->consumer_count; i++) {
		c->list[i] = calloc(1, sizeof(*c->list[i]));
		if (!c->list[i])
			break;
		c->count++;
		c->list[i]->config = &config->consumers[i];
		c->list[i]->runner = &config->runner;
		seg_section_load(c->list[i], c->name, c->logger, errors);
	}
	if (c->count < config->consumer_count)
		seg_config_error_add(errors, config->consumers[c->count].place, "out of memory");
}

void seg_consumers_unload(seg_consumers *c)
{
	for (size_t i = 0; i < c->count; i++) {
		seg_section_unload(c->list[i]);
		free(c->list[i]);
	}
	free(c->list);
	c->list = NULL;
	c->count = 0;
}

static void open_stream(void *arg)
{
	seg_section_opening *opening = arg;
	opening->status = seg_section_open(opening->section, opening->client, &opening->error);
}

int seg_consumers_open(seg_consumers *c, seg_section *section, seg_error *error)
{
	seg_section_opening *opening = &c->opening;
	if (section->stream && section->targets.count == section->config->output_count)
		return 0;
	opening->section = section;
	opening->client = c->client;
	seg_errand_start(&opening->errand, open_stream, opening);
	if (!seg_wait_errand(c->wait, &opening->errand))
		return seg_fail(error, SEG_ETIMEOUT, "the runner is ending");
	opening->section = NULL;
	*error = opening->error;
	return opening->status;
}

/* The sentence without the section, which /readyz names itself. */
static const char *without_place(const seg_config_consumer *config, const char *text)
{
	char place[SEG_ERROR_TEXT_MAX];
	snprintf(place, sizeof(place), "%s:%u: [consumer %s]: ", config->place.file, config->place.line,
		 config->name);
	return strncmp(text, place, strlen(place)) == 0 ? text + strlen(place) : text;
}

static int start(seg_consumers *c, size_t index)
{
	seg_section *s = c->list[index];
	seg_error error = {0};
	s->ending = &c->wait->ending;
	s->next_cpu = &c->next_cpu;
	if (seg_plugin_instance_init(s->instance, &error)) {
		seg_log(&c->logger, SEG_LOG_ERROR, "%s", error.text);
		return EX_UNAVAILABLE;
	}
	for (unsigned attempt = 1;; attempt++) {
		int status = seg_consumers_open(c, s, &error);
		if (c->wait->left_errand)
			return EX_OK;
		if (status == 0)
			status = seg_section_start(s, c->client, c->name, &error);
		if (status == 0) {
			seg_admin_attach(c->admin, s, index);
			return EX_OK;
		}
		seg_section_fini(s);
		if (!seg_status_passes(status)) {
			seg_log(&c->logger, SEG_LOG_ERROR, "%s", error.text);
			return seg_exit_code_of(status);
		}
		seg_log(&c->logger, SEG_LOG_WARNING, "%s; trying again", error.text);
		seg_admin_set_obstacle(c->admin, index, without_place(s->config, error.text));
		int64_t pause = seg_backoff(START_BACKOFF, START_BACKOFF_MAX, attempt);
		if (seg_wait_ms(c->wait, (int)(pause / SEG_MS)))
			return EX_OK;
	}
}

int seg_consumers_start(seg_consumers *c)
{
	int exit_code = EX_OK;
	for (size_t i = 0; exit_code == EX_OK && i < c->count && !seg_wait_ms(c->wait, 0); i++)
		if (!c->list[i]->member)
			exit_code = start(c, i);
	return exit_code;
}

/* Whether the section has no member any more, or only one that has left its group. */
static bool has_left(seg_consumers *c, seg_section *s, int64_t timeout)
{
	if (s == c->opening.section)
		return true; /* it has no member yet, and belongs to an errand that was left behind */
	if (s->member && seg_member_join(s->member, timeout))
		return false;
	seg_admin_detach(c->admin, s);
	seg_section_fini(s);
	return true;
}

bool seg_consumers_stop(seg_consumers *c, seg_section *const *sections, size_t count, seg_stopping stop,
			bool (*give_up)(void *arg), void *arg)
{
	for (size_t i = 0; i < count; i++)
		if (sections[i]->member)
			seg_member_stop(sections[i]->member, stop);
	for (;;) {
		bool all = true;
		for (size_t i = 0; i < count; i++)
			all = has_left(c, sections[i], all ? JOIN_TIMEOUT : 0) && all;
		if (all)
			return true;
		if (give_up(arg))
			return false;
	}
}

bool seg_consumers_pause(seg_consumers *c, seg_section *const *sections, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sections[i]->member)
			seg_member_pause(sections[i]->member);
	for (size_t i = 0; i < count; i++)
		while (sections[i]->member && !seg_member_is_drained(sections[i]->member))
			if (seg_wait_ms(c->wait, PAUSE_LOOK_MS))
				return false;
	return true;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void seg_consumers_hand_over(seg_consumers *c, seg_section *s, seg_section *successor)
{
	if (!s->member)
		return;
	memcpy(successor->incarnation, s->member->incarnation, sizeof(successor->incarnation));
	seg_member_end_pause(s->member);
	/* All is drained: the thread only has to wake up. If it does not, a stop ends it without Redis. */
	if (!has_left(c, s, HAND_OVER_PATIENCE))
		seg_consumers_stop(c, &s, 1, SEG_STOP_NOW, never, NULL);
}

bool seg_consumers_only_stuck(const seg_consumers *c)
{
	unsigned owned = 0, stuck = 0;
	for (size_t i = 0; i < c->count; i++) {
		owned += atomic_load(&c->list[i]->counters.owned);
		stuck += atomic_load(&c->list[i]->counters.stuck);
	}
	return stuck > 0 && owned == stuck;
}

void seg_consumers_fini(seg_consumers *c)
{
	for (size_t i = 0; i < c->count; i++)
		seg_plugin_instance_fini(c->list[i]->instance);
}

void seg_consumers_report(seg_consumers *c)
{
	for (size_t i = 0; i < c->count; i++) {
		seg_section *s = c->list[i];
		unsigned owned = atomic_load(&s->counters.owned);
		seg_logger logger = c->logger;
		logger.stream = s->config->stream;
		logger.group = s->config->group;
		seg_log(&logger, SEG_LOG_INFO, "[consumer %s] owns %u partition%s%s", s->config->name, owned,
			seg_plural(owned), s->member ? "" : "; it stands by");
		if (s->member)
			seg_member_report(s->member);
	}
}
