/* members.h - the live members of a group, read with the rights of a runner. One thread. */
#ifndef SEG_DOCTOR_MEMBERS_H
#define SEG_DOCTOR_MEMBERS_H

#include <stddef.h>

#include <segmenter/segmenter.h>

typedef struct seg_live_members {
	size_t count;    /* members whose lease has not ended */
	char names[256]; /* of some: "a, b and 3 more"; "" for none */
} seg_live_members;

/* Reads them; none if there is no such group. 0, or a status with an error. */
int seg_live_members_read(seg_client *client, const char *stream, const char *group,
			  seg_live_members *members, seg_error *error);

#endif
