#include "harness/deaths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/group.h"

bool test_runner_dies(test_runner *runner, const char *address, const char *stream, const char *group)
{
	while (waitpid(runner->pid, &runner->status, WNOHANG) == 0 &&
	       test_group_dead_letters(address, stream, group) == 0)
		usleep(2000);
	if (test_group_dead_letters(address, stream, group))
		return false;
	assert_true(WIFSIGNALED(runner->status));
	runner->pid = 0;
	return true;
}
