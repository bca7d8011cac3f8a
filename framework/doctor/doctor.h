/*
 * doctor.h - tries a live server, and the streams and groups on it, and reports each finding: what is well, and what to
 * do about the rest. For `segctl doctor` and `segrunner --check --connect`. Changes nothing in Redis, except that a
 * script of a few lines stays in its script cache. One thread.
 */
#ifndef SEG_DOCTOR_DOCTOR_H
#define SEG_DOCTOR_DOCTOR_H

#include <segmenter/segmenter.h>

#include "doctor/report.h"
#include "doctor/right_list.h"

/* A stream that a section uses. */
typedef struct seg_doctor_use {
	const char *stream;
	const seg_stream_shape
		*shape; /* with which the section registers the stream; NULL: the stream must exist */
} seg_doctor_use;

/* A [consumer] section. */
typedef struct seg_doctor_section {
	const char *name, *group;
	seg_doctor_use source;
	const seg_doctor_use *outputs;
	size_t output_count;
} seg_doctor_section;

/*
 * Tries the server: that it answers, what it is, its settings, and the rights of a user of that kind on the keys of the
 * stream (NULL: of any). Returns whether the library can use the server, so that streams can be looked at.
 */
bool seg_doctor_server(const seg_client_options *options, seg_user_kind user, const char *stream,
		       seg_report *report);

/*
 * Looks at a registered stream: its shape, its partitions, and these groups of it, whose names are borrowed. At most 64
 * groups are looked at.
 */
void seg_doctor_stream(seg_client *client, const char *stream, const char *const *groups, size_t count,
		       seg_report *report);

/*
 * Looks at what sections[i], of `count` sections, needs: its stream and its outputs, in shapes that it can use, and its group's
 * members. The sections before it are started first, and register their streams.
 */
void seg_doctor_section_look(seg_client *client, const seg_doctor_section *sections, size_t count, size_t i,
			     seg_report *report);

/* Adds the failure that a status stands for. advice: or NULL. */
void seg_doctor_fail(seg_report *report, const char *check, const seg_error *error, const char *advice);

#endif
