#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

/* clang-format off */
const ctl_command *const ctl_commands[] = {
	&ctl_stream_create, &ctl_stream_list, &ctl_stream_describe, &ctl_stream_delete,
	&ctl_send,
	&ctl_tail,
	&ctl_group_list, &ctl_group_describe, &ctl_group_delete,
	&ctl_lag,
	&ctl_why,
#ifdef CTL_HAS_TOP
	&ctl_top,
#endif
	&ctl_reset,
	&ctl_state_list, &ctl_state_get, &ctl_state_export,
	&ctl_doctor,
	&ctl_acl,
	&ctl_dlq_list, &ctl_dlq_show, &ctl_dlq_replay, &ctl_dlq_drop,
};
/* clang-format on */

enum { COMMANDS = sizeof(ctl_commands) / sizeof(ctl_commands[0]) };

const size_t ctl_command_count = COMMANDS;

_Static_assert((int)COMMANDS <= (int)CTL_COMMANDS_MAX, "suggestions need room for every word");

const ctl_command *ctl_command_find(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		const ctl_command *c = ctl_commands[i];
		if (strcmp(c->noun, argv[0]) != 0 || (c->verb && (argc < 2 || strcmp(c->verb, argv[1]) != 0)))
			continue;
		*words = c->verb ? 2 : 1;
		return c;
	}
	return NULL;
}

bool ctl_command_is_noun(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(ctl_commands[i]->noun, word) == 0)
			return true;
	return false;
}

const char *ctl_command_suggest(const char *noun, const char *word)
{
	const char *words[CTL_COMMANDS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < COMMANDS; i++) {
		const ctl_command *c = ctl_commands[i];
		if (!noun && (i == 0 || strcmp(c->noun, ctl_commands[i - 1]->noun) != 0))
			words[count++] = c->noun;
		else if (noun && strcmp(c->noun, noun) == 0 && c->verb)
			words[count++] = c->verb;
	}
	return seg_suggest(word, words, count);
}

char *ctl_command_name(const ctl_command *c, char title[CTL_TITLE_MAX])
{
	snprintf(title, CTL_TITLE_MAX, "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
	return title;
}

char *ctl_command_title(const ctl_command *c, char title[CTL_TITLE_MAX])
{
	char name[CTL_TITLE_MAX];
	snprintf(title, CTL_TITLE_MAX, "%.60s%s%.30s", ctl_command_name(c, name), *c->arguments ? " " : "",
		 c->arguments);
	return title;
}
