#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/redact.h"

int seg_fail(seg_error *error, int status, const char *format, ...)
{
	if (!error)
		return status;
	error->status = status;
	va_list args;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	/* The text can repeat foreign bytes, which must not end the line or control a terminal. */
	for (char *c = error->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	seg_redact(error->text, sizeof(error->text));
	return status;
}

static const struct {
	int status;
	const char *name;
} names[] = {
	{SEG_OK, "SEG_OK"},
	{SEG_EINVAL, "SEG_EINVAL"},
	{SEG_ENOMEM, "SEG_ENOMEM"},
	{SEG_ENOTFOUND, "SEG_ENOTFOUND"},
	{SEG_ESHAPE, "SEG_ESHAPE"},
	{SEG_EFULL, "SEG_EFULL"},
	{SEG_ETOOBIG, "SEG_ETOOBIG"},
	{SEG_EUNREACHABLE, "SEG_EUNREACHABLE"},
	{SEG_EUNKNOWN, "SEG_EUNKNOWN"},
	{SEG_EAUTH, "SEG_EAUTH"},
	{SEG_ESERVER, "SEG_ESERVER"},
	{SEG_EFENCED, "SEG_EFENCED"},
	{SEG_ECLOSED, "SEG_ECLOSED"},
	{SEG_EPROTOCOL, "SEG_EPROTOCOL"},
	{SEG_ESYSTEM, "SEG_ESYSTEM"},
	{SEG_ETIMEOUT, "SEG_ETIMEOUT"},
	{SEG_EFORKED, "SEG_EFORKED"},
	{SEG_ETAKEN, "SEG_ETAKEN"},
};

const char *seg_status_name(int status)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].status == status)
			return names[i].name;
	return "?";
}
