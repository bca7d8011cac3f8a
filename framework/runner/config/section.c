#include "config/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/units.h"
#include "config/value.h"

enum { CONSUMERS_MAX = 1000 };

void *seg_config_section_base(seg_config_loader *loader)
{
	seg_config *config = loader->config;
	if (loader->section == SEG_CONFIG_REDIS)
		return &config->redis;
	if (loader->section == SEG_CONFIG_RUNNER)
		return &config->runner;
	return &config->consumers[config->consumer_count - 1];
}

seg_config_given *seg_config_section_given(seg_config_loader *loader)
{
	if (loader->section == SEG_CONFIG_REDIS)
		return &loader->redis;
	if (loader->section == SEG_CONFIG_RUNNER)
		return &loader->runner;
	return &loader->consumers[loader->config->consumer_count - 1];
}

char *seg_config_section_title(seg_config_loader *loader, char *title, size_t size)
{
	if (loader->section == SEG_CONFIG_CONSUMER)
		snprintf(title, size, "[consumer %s]",
			 ((seg_config_consumer *)seg_config_section_base(loader))->name);
	else
		snprintf(title, size, "[%s]", seg_config_section_names[loader->section]);
	return title;
}

/* Makes room for one more consumer at the end of both arrays; false if memory ran out. */
static bool grow_consumers(seg_config_loader *loader)
{
	seg_config *config = loader->config;
	size_t count = config->consumer_count + 1;
	seg_config_consumer *consumers = realloc(config->consumers, count * sizeof(*consumers));
	if (!consumers)
		return false;
	config->consumers = consumers;
	seg_config_given *given = realloc(loader->consumers, count * sizeof(*given));
	if (!given)
		return false;
	loader->consumers = given;
	memset(&consumers[count - 1], 0, sizeof(*consumers));
	memset(&given[count - 1], 0, sizeof(*given));
	return true;
}

static bool check_consumer_name(seg_config_loader *loader, seg_config_place place, const char *name)
{
	seg_config *config = loader->config;
	seg_config_errors *errors = loader->errors;
	seg_error error;
	if (!*name)
		seg_config_error_add(errors, place, "[consumer] has no name; write [consumer NAME]");
	else if (seg_name_check("consumer name", name, &error) != 0)
		seg_config_error_add(errors, place, "%s", error.text);
	else if (config->consumer_count == CONSUMERS_MAX)
		seg_config_error_add(errors, place, "more than %d consumers; move some to another runner",
				     CONSUMERS_MAX);
	else {
		for (size_t i = 0; i < config->consumer_count; i++) {
			const seg_config_consumer *other = &config->consumers[i];
			if (strcmp(other->name, name) != 0)
				continue;
			seg_config_error_add(
				errors, place,
				"[consumer %s] already exists at %s:%u; rename one, or join them", name,
				other->place.file, other->place.line);
			return false;
		}
		return true;
	}
	return false;
}

static void begin_consumer(seg_config_loader *loader, seg_config_place place, const char *name)
{
	seg_config *config = loader->config;
	if (!check_consumer_name(loader, place, name))
		return;
	char *copy = strdup(name);
	if (!copy || !grow_consumers(loader)) {
		free(copy);
		loader->no_memory = true;
		return;
	}
	seg_config_consumer *consumer = &config->consumers[config->consumer_count++];
	consumer->place = place;
	consumer->name = copy;
	if (seg_config_defaults_set(SEG_CONFIG_CONSUMER, consumer) != 0)
		loader->no_memory = true;
	loader->section = SEG_CONFIG_CONSUMER;
	loader->state = SEG_CONFIG_IN_SECTION;
}

static void begin_single(seg_config_loader *loader, seg_config_place place, seg_config_section section)
{
	seg_config *config = loader->config;
	seg_config_place *first = section == SEG_CONFIG_REDIS ? &config->redis.place : &config->runner.place;
	if (!first->line)
		*first = place;
	loader->section = section;
	loader->state = SEG_CONFIG_IN_SECTION;
}

void seg_config_section_begin(seg_config_loader *loader, seg_config_place place, char *name)
{
	loader->state = SEG_CONFIG_BAD_SECTION;
	if (!name)
		return;
	size_t word = strcspn(name, " \t");
	char *rest = name + word + strspn(name + word, " \t");
	bool alone = !*rest;
	name[word] = '\0';
	if (strcmp(name, "consumer") == 0) {
		begin_consumer(loader, place, rest);
		return;
	}
	for (seg_config_section i = SEG_CONFIG_REDIS; alone && i < SEG_CONFIG_CONSUMER; i++) {
		if (strcmp(name, seg_config_section_names[i]) != 0)
			continue;
		begin_single(loader, place, i);
		return;
	}
	const char *meant = seg_suggest(name, seg_config_section_names, SEG_CONFIG_SECTIONS);
	if (meant)
		seg_config_error_add(loader->errors, place,
				     "unknown section [%.60s%s%.60s]; did you mean [%s%s]?", name,
				     alone ? "" : " ", rest, meant,
				     strcmp(meant, "consumer") == 0 ? " NAME" : "");
	else
		seg_config_error_add(
			loader->errors, place,
			"unknown section [%.60s%s%.60s]; write [redis], [runner] or [consumer NAME]", name,
			alone ? "" : " ", rest);
}
