#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

void seg_descriptors_fill(void)
{
	/* The wrong way round, so that what reads from a closed input, or writes to a closed output, fails, as it would without. */
	static const int modes[] = {
		[STDIN_FILENO] = O_WRONLY,
		[STDOUT_FILENO] = O_RDONLY,
		[STDERR_FILENO] = O_RDWR, /* to whom should it complain? */
	};
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
			_exit(EX_OSERR);
}

const char *seg_descriptors_advice(int failure)
{
	if (failure == EMFILE)
		return "; raise the limit of open files (ulimit -n, LimitNOFILE)";
	if (failure == ENFILE)
		return "; raise the system's limit of open files (sysctl fs.file-max)";
	return "";
}
