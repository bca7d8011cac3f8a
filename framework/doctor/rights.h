/* rights.h - tries which commands and which keys the user may use. Changes nothing in Redis. One thread. */
#ifndef SEG_DOCTOR_RIGHTS_H
#define SEG_DOCTOR_RIGHTS_H

#include "doctor/facts.h"
#include "doctor/link.h"
#include "doctor/report.h"
#include "doctor/right_list.h"

/*
 * Tries what `user` needs of such a server, on the keys of one stream of the namespace. Adds a line for the scripts, for the keys, and for
 * the commands, or one for each that is missing. 0, or a status with an error: no answer.
 */
int seg_rights_try(seg_link *link, seg_user_kind user, const seg_facts *facts, const char *name_space,
		   const char *stream, seg_report *report, seg_error *error);

#endif
