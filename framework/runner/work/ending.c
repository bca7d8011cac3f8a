#include "work/ending.h"

#include <stdint.h>
#include <unistd.h>

void seg_ending_request(seg_ending *ending, int exit_code)
{
	int none = -1;
	uint64_t one = 1;
	if (!atomic_compare_exchange_strong(&ending->exit_code, &none, exit_code))
		return;
	ssize_t n = write(ending->fd, &one, sizeof(one));
	(void)n;
}
