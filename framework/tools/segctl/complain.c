#include "complain.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "escape.h"

enum { COMPLAINT_MAX = 4096 };

int ctl_exit_code(int status)
{
	switch (status) {
	case SEG_OK:
		return EX_OK;
	case SEG_EINVAL:
		return EX_USAGE;
	case SEG_ENOTFOUND:
		return EX_NOINPUT;
	case SEG_ESHAPE:
		return EX_CANTCREAT;
	case SEG_ETOOBIG:
		return EX_DATAERR;
	case SEG_EFULL:
	case SEG_EUNKNOWN:
	case SEG_ETIMEOUT:
	case SEG_EFENCED:
		return EX_TEMPFAIL;
	case SEG_EAUTH:
		return EX_NOPERM;
	case SEG_EPROTOCOL:
		return EX_PROTOCOL;
	case SEG_ENOMEM:
	case SEG_ESYSTEM:
		return EX_OSERR;
	default:
		return EX_UNAVAILABLE;
	}
}

/* Without either: standard error. */
static struct {
	char *text;
	size_t size;
	ctl_complaint_fn *take;
	void *arg;
} redirected;

void ctl_complaints_to(char *text, size_t size)
{
	redirected.text = text;
	redirected.size = size;
	redirected.take = NULL;
}

void ctl_complaints_pass(ctl_complaint_fn *take, void *arg)
{
	redirected.text = NULL;
	redirected.take = take;
	redirected.arg = arg;
}

bool ctl_complaints_are_shown(void)
{
	return !redirected.text && !redirected.take;
}

/* Why standard output could not be written at first: later, only ferror knows of it. 0: unknown. */
static int unwritten;

static bool flush(void)
{
	if (fflush(stdout) && unwritten == 0)
		unwritten = errno;
	return !ferror(stdout);
}

__attribute__((format(printf, 1, 0))) static void complain(const char *format, va_list args)
{
	if (redirected.text) {
		vsnprintf(redirected.text, redirected.size, format, args);
		return;
	}
	char text[COMPLAINT_MAX];
	vsnprintf(text, sizeof(text), format, args);
	if (redirected.take) {
		redirected.take(redirected.arg, text);
		return;
	}
	(void)flush();
	fputs("segctl: ", stderr);
	ctl_escape_write(text, strlen(text), false, stderr);
	fputc('\n', stderr);
}

int ctl_flush(void)
{
	static bool told;
	struct pollfd output = {.fd = STDOUT_FILENO};
	if (flush())
		return EX_OK;
	if (told || (poll(&output, 1, 0) == 1 && (output.revents & POLLERR)))
		return EX_IOERR;
	told = true;
	return ctl_complain(EX_IOERR, "cannot write%s%s", unwritten ? ": " : "",
			    unwritten ? strerror(unwritten) : "");
}

int ctl_complain(int exit_code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(format, args);
	va_end(args);
	return exit_code;
}

void ctl_die(int exit_code, const char *format, ...)
{
	va_list args;
	ctl_complaints_to(NULL, 0);
	va_start(args, format);
	complain(format, args);
	va_end(args);
	exit(exit_code);
}

int ctl_fail(const seg_error *error)
{
	return ctl_complain(ctl_exit_code(error->status), "%s", error->text);
}
