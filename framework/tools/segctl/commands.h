/* commands.h - the table of segctl's commands, and how a command is found by its words. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "command.h"

enum { CTL_COMMANDS_MAX = 32, CTL_TITLE_MAX = 96 };

/* In the order of the help; a noun's verbs stand together. */
extern const ctl_command *const ctl_commands[];
extern const size_t ctl_command_count;

/* The command that the words name, and how many words that are; NULL if there is none. argc is at least 1. */
const ctl_command *ctl_command_find(int argc, char **argv, int *words);

bool ctl_command_is_noun(const char *word);

/* The command whose name is closest to what was mistyped: a noun, or a verb of `noun`. NULL if none is close. */
const char *ctl_command_suggest(const char *noun, const char *word);

/* "stream create". Returns title. */
char *ctl_command_name(const ctl_command *command, char title[CTL_TITLE_MAX]);

/* "stream create STREAM". Returns title. */
char *ctl_command_title(const ctl_command *command, char title[CTL_TITLE_MAX]);

#endif
