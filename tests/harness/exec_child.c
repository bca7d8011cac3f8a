#include "harness/exec_child.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "harness/rig.h"

static char options[8][512];

int test_child_set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	return test_rig_set_up_directory(state);
}

const char *test_child_option(int slot, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(options[slot], sizeof(options[slot]), format, args);
	va_end(args);
	return options[slot];
}

const char *test_child_shell(const char *each)
{
	return test_child_option(0, "command=cd %s; while IFS= read -r m; do %s; done", rig.directory, each);
}

const char *test_child_file(const char *name)
{
	static char content[256 * 1024];
	FILE *file = fopen(test_rig_path(name), "r");
	size_t length = file ? fread(content, 1, sizeof(content) - 1, file) : 0;
	content[length] = '\0';
	if (file)
		fclose(file);
	return content;
}
