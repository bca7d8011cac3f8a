#include "host/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "config/compare.h"

typedef struct {
	seg_consumers *c;
	const seg_config *config;
	seg_config_errors *errors;
	seg_section **sections; /* one for each consumer of the config */
	size_t count;
	seg_section **going; /* sections of before that are not among them */
	size_t going_count;
	seg_section **leaving; /* those of `going` without a successor: they leave their groups */
	size_t leaving_count;
	seg_section **
		pausing; /* the others: their members hand over to the new ones, so that no partition moves */
	size_t pausing_count;
	seg_section **coming; /* the new ones among them */
	size_t coming_count;
	seg_errand errand; /* makes the plan */
	bool made;
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
	       !seg_plugin_instance_changed(before->instance) &&
	       seg_plugin_is_of(before->plugin, consumer->plugin, p->config->runner.plugin_directory);
}

static seg_section *make_section(const plan *p, size_t index)
{
	seg_section *section = calloc(1, sizeof(*section));
	if (!section)
		return NULL;
	section->config = &p->config->consumers[index];
	section->runner = &p->config->runner;
	seg_section_load(section, p->c->name, p->c->logger, p->errors);
	return section;
}

static bool contains(seg_section *const *list, size_t count, const seg_section *section)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == section)
			return true;
	return false;
}

/* The new section of the same stream and group; NULL: there is none. */
static seg_section *successor_of(const plan *p, const seg_section *section)
{
	for (size_t i = 0; i < p->coming_count; i++)
		if (strcmp(p->coming[i]->config->stream, section->config->stream) == 0 &&
		    strcmp(p->coming[i]->config->group, section->config->group) == 0)
			return p->coming[i];
	return NULL;
}

static void add_going(plan *p, seg_section *section)
{
	p->going[p->going_count++] = section;
	if (successor_of(p, section))
		p->pausing[p->pausing_count++] = section;
	else
		p->leaving[p->leaving_count++] = section;
}

/* Loads the plugins of new sections, and adds what is wrong to errors. False if out of memory. */
static bool make(plan *p)
{
	p->sections = calloc(p->config->consumer_count, sizeof(*p->sections));
	p->coming = calloc(p->config->consumer_count, sizeof(*p->coming));
	p->going = calloc(p->c->count + 1, sizeof(*p->going));
	p->leaving = calloc(p->c->count + 1, sizeof(*p->leaving));
	p->pausing = calloc(p->c->count + 1, sizeof(*p->pausing));
	if (!p->sections || !p->coming || !p->going || !p->leaving || !p->pausing)
		return false;
	for (; p->count < p->config->consumer_count; p->count++) {
		const seg_config_consumer *consumer = &p->config->consumers[p->count];
		seg_section *section = find(p->c, consumer);
		if (!stays(p, section, consumer)) {
			section = make_section(p, p->count);
			if (!section)
				return false;
			p->coming[p->coming_count++] = section;
		}
		p->sections[p->count] = section;
	}
	for (size_t i = 0; i < p->c->count; i++)
		if (!contains(p->sections, p->count, p->c->list[i]))
			add_going(p, p->c->list[i]);
	return true;
}

/* An errand: a plugin's constructors may take their time. */
static void make_plan(void *arg)
{
	plan *p = arg;
	p->made = make(p);
}

static void forget_plan(plan *p)
{
	free(p->sections);
	free(p->coming);
	free(p->going);
	free(p->leaving);
	free(p->pausing);
	free(p);
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

static int fail(const seg_consumers *c, const char *text)
{
	seg_log(&c->logger, SEG_LOG_ERROR, "%s", text);
	return -1;
}

/* Checks that Redis can take the last commits of sections that go, and has the streams of sections that come. */
static int ask_redis(const plan *p)
{
	seg_error error = {0};
	for (size_t i = 0; i < p->going_count; i++) {
		const seg_member *member = p->going[i]->member;
		if (member && atomic_load_explicit(&member->lease_until, memory_order_acquire) < seg_now())
			return fail(
				p->c,
				"Redis does not answer, so no partition can be handed over; reload once Redis answers");
	}
	for (size_t i = 0; i < p->coming_count && !p->c->standby; i++)
		if (seg_consumers_open(p->c, p->coming[i], &error))
			return p->c->wait->left_errand ? -1 : fail(p->c, error.text);
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
		return fail(p->c, error.text);
	}
	return 0;
}

static void start_all(seg_consumers *c)
{
	int exit_code = c->standby ? EX_OK : seg_consumers_start(c);
	if (exit_code != EX_OK)
		seg_ending_request(&c->wait->ending, exit_code);
}

static bool shall_end(void *arg)
{
	const seg_consumers *c = arg;
	return seg_wait_ms(c->wait, 0);
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

/* 0, or -1 where all is as it was, or the runner shall end. */
static int carry_out(plan *p)
{
	seg_consumers *c = p->c;
	if (ask_redis(p))
		return -1;
	if (!seg_consumers_pause(c, p->pausing, p->pausing_count) ||
	    !seg_consumers_stop(c, p->leaving, p->leaving_count, SEG_STOP_DRAIN, shall_end, c))
		return -1;
	for (size_t i = 0; i < p->going_count; i++)
		seg_plugin_instance_fini(p->going[i]->instance);
	int status = init_coming(p);
	for (size_t i = 0; i < p->pausing_count; i++)
		seg_consumers_hand_over(c, p->pausing[i],
					status ? p->pausing[i] : successor_of(p, p->pausing[i]));
	if (status == 0)
		adopt(p);
	start_all(c);
	return status;
}

/* Whether nothing was added to the errors that there were; warnings are none. */
static bool is_good(const seg_config_errors *errors, size_t before)
{
	return errors->count - errors->warnings == before && !errors->incomplete;
}

/* 0, or -1 where the plan cannot be carried out, or the runner shall end. */
static int plan_and_carry_out(plan *p)
{
	size_t before = p->errors->count - p->errors->warnings;
	seg_errand_start(&p->errand, make_plan, p);
	if (!seg_wait_errand(p->c->wait, &p->errand))
		return -1;
	if (!p->made)
		return fail(p->c, "out of memory");
	return is_good(p->errors, before) ? carry_out(p) : -1;
}

bool seg_sections_exchange(seg_consumers *c, const seg_config *config, seg_config_errors *errors,
			   seg_sections_counts *counts)
{
	plan *p = calloc(1, sizeof(*p));
	if (!p) {
		fail(c, "out of memory");
		return false;
	}
	*p = (plan){.c = c, .config = config, .errors = errors};
	int status = plan_and_carry_out(p);
	if (c->wait->left_errand)
		return false; /* the plan and the configuration stay for the errand's thread */
	if (status)
		unload(p->coming, p->coming_count);
	else
		*counts = (seg_sections_counts){p->coming_count, p->going_count, p->count - p->coming_count};
	forget_plan(p);
	return status == 0;
}

bool seg_sections_use(const seg_consumers *c, const seg_config *config)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i]->runner == &config->runner)
			return true;
	return false;
}
