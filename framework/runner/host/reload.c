#include "host/reload.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "config/compare.h"

typedef struct {
	seg_consumers *c;
	const seg_config *config;
	seg_section **sections; /* one for each consumer of the config */
	size_t count;
	seg_section **going; /* those of before that are not among them */
	size_t going_count;
	seg_section **coming; /* those among them that are new */
	size_t coming_count;
} plan;

/* --- planning ------------------------------------------------------------------------------ */

static seg_section *find(const seg_consumers *c, const seg_config_consumer *consumer)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->list[i]->config->stream, consumer->stream) == 0 &&
		    strcmp(c->list[i]->config->group, consumer->group) == 0)
			return c->list[i];
	return NULL;
}

static bool stays(const plan *p, const seg_section *before, const seg_config_consumer *consumer)
{
	return before && seg_config_same_workers(before->runner, &p->config->runner) &&
	       seg_config_same_consumer(before->config, consumer) &&
	       seg_plugin_is_of(before->plugin, consumer->plugin, p->config->runner.plugin_directory);
}

static seg_section *make_section(const plan *p, size_t index, seg_config_errors *errors)
{
	seg_section *section = calloc(1, sizeof(*section));
	if (!section)
		return NULL;
	section->config = &p->config->consumers[index];
	section->runner = &p->config->runner;
	seg_section_load(section, p->c->name, p->c->logger, errors);
	return section;
}

static bool contains(seg_section *const *list, size_t count, const seg_section *section)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == section)
			return true;
	return false;
}

/* False if out of memory. Plugins are loaded; what is wrong with them is added to errors. */
static bool make_plan(plan *p, seg_config_errors *errors)
{
	p->sections = calloc(p->config->consumer_count, sizeof(*p->sections));
	p->coming = calloc(p->config->consumer_count, sizeof(*p->coming));
	p->going = calloc(p->c->count + 1, sizeof(*p->going));
	if (!p->sections || !p->coming || !p->going)
		return false;
	for (; p->count < p->config->consumer_count; p->count++) {
		const seg_config_consumer *consumer = &p->config->consumers[p->count];
		seg_section *section = find(p->c, consumer);
		if (!stays(p, section, consumer)) {
			section = make_section(p, p->count, errors);
			if (!section)
				return false;
			p->coming[p->coming_count++] = section;
		}
		p->sections[p->count] = section;
	}
	for (size_t i = 0; i < p->c->count; i++)
		if (!contains(p->sections, p->count, p->c->list[i]))
			p->going[p->going_count++] = p->c->list[i];
	return true;
}

static void forget_plan(plan *p)
{
	free(p->sections);
	free(p->coming);
	free(p->going);
}

static void unload(seg_section **sections, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		seg_section_fini(sections[i]);
		seg_section_unload(sections[i]);
		free(sections[i]);
	}
}

/* --- carrying it out ------------------------------------------------------------------------ */

static int fail(const plan *p, const char *text)
{
	seg_log(&p->c->logger, SEG_LOG_ERROR, "%s", text);
	return -1;
}

/* Whether Redis takes what would be handed over, and has the streams of those that come. */
static int ask_redis(const plan *p)
{
	seg_error error = {0};
	for (size_t i = 0; i < p->going_count; i++) {
		const seg_member *member = p->going[i]->member;
		if (member && atomic_load_explicit(&member->lease_until, memory_order_acquire) < seg_now())
			return fail(
				p,
				"Redis does not answer, so nothing can be handed over; reload when it does");
	}
	for (size_t i = 0; i < p->coming_count && !p->c->standby; i++)
		if (seg_section_open(p->coming[i], p->c->client, &error))
			return fail(p, error.text);
	return 0;
}

static int init_coming(const plan *p)
{
	seg_error error = {0};
	for (size_t i = 0; i < p->coming_count; i++) {
		if (seg_plugin_instance_init(p->coming[i]->instance, &error) == 0)
			continue;
		for (size_t j = 0; j < i; j++)
			seg_plugin_instance_fini(p->coming[j]->instance);
		return fail(p, error.text);
	}
	return 0;
}

static void start_all(seg_consumers *c)
{
	int exit_code = c->standby ? EX_OK : seg_consumers_start(c);
	if (exit_code != EX_OK)
		seg_ending_request(&c->ending, exit_code);
}

static bool shall_end(void *arg)
{
	const seg_consumers *c = arg;
	return c->wait(c->arg, 0);
}

static void adopt(plan *p)
{
	seg_consumers *c = p->c;
	unload(p->going, p->going_count);
	free(c->list);
	c->list = p->sections;
	c->count = p->count;
	p->sections = NULL;
	seg_admin_reload(c->admin, p->config);
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i]->member)
			seg_admin_attach(c->admin, c->list[i], i);
}

/* 0, or -1 where all is as it was, or the runner is to end. */
static int carry_out(plan *p)
{
	seg_consumers *c = p->c;
	if (ask_redis(p))
		return -1;
	if (!seg_consumers_stop(c, p->going, p->going_count, SEG_STOP_DRAIN, shall_end, c))
		return -1;
	for (size_t i = 0; i < p->going_count; i++)
		seg_plugin_instance_fini(p->going[i]->instance);
	int status = init_coming(p);
	if (status == 0)
		adopt(p);
	start_all(c);
	return status;
}

bool seg_reload_apply(seg_consumers *c, const seg_config *config, seg_config_errors *errors,
		      seg_reload_counts *counts)
{
	plan p = {.c = c, .config = config};
	size_t wrong = errors->count - errors->warnings;
	int status = -1;
	if (!make_plan(&p, errors))
		fail(&p, "out of memory");
	else if (errors->count - errors->warnings == wrong)
		status = carry_out(&p);
	if (status)
		unload(p.coming, p.coming_count);
	else
		*counts = (seg_reload_counts){p.coming_count, p.going_count, p.count - p.coming_count};
	forget_plan(&p);
	return status == 0;
}

bool seg_reload_uses(const seg_consumers *c, const seg_config *config)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i]->runner == &config->runner)
			return true;
	return false;
}
