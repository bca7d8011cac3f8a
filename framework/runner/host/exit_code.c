#include "host/exit_code.h"

#include <sysexits.h>

#include <segmenter/segmenter.h>

bool seg_status_passes(int status)
{
	return status == SEG_EUNREACHABLE || status == SEG_ETIMEOUT || status == SEG_EUNKNOWN;
}

int seg_exit_code_of(int status)
{
	switch (status) {
	case SEG_EAUTH:
		return EX_NOPERM;
	case SEG_EINVAL:
	case SEG_ESHAPE:
	case SEG_ENOTFOUND:
		return EX_CONFIG;
	case SEG_ENOMEM:
	case SEG_ESYSTEM:
		return EX_OSERR;
	default:
		return EX_UNAVAILABLE;
	}
}
