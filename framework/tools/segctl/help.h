/* help.h - what --help prints: the table of commands, and a command's own page. */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stdio.h>

#include "command.h"

/* The usage and the commands of one noun; NULL: all commands. */
void ctl_help_usage(FILE *out, const char *noun);

/* `segctl --help`. */
void ctl_help_program(void);

/* `segctl COMMAND --help`. */
void ctl_help_command(const ctl_command *command);

#endif
