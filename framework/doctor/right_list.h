/*
 * right_list.h - the commands that each kind of user needs in Redis, and the right to each. Constant; any thread.
 */
#ifndef SEG_DOCTOR_RIGHT_LIST_H
#define SEG_DOCTOR_RIGHT_LIST_H

#include <stddef.h>

/* Kinds of users, as bits. */
typedef enum seg_user_kind {
	SEG_USER_RUNNER = 1,
	SEG_USER_PRODUCER = 2,
	SEG_USER_OPERATOR = 4, /* segctl */
	SEG_USER_ANY = 7       /* what only segctl uses counts as a nicety */
} seg_user_kind;

/* Where a right is needed. */
typedef enum seg_right_place {
	SEG_RIGHT_EVERYWHERE,
	SEG_RIGHT_FACT,     /* everywhere; the question for facts (facts.c) tells whether it is there */
	SEG_RIGHT_ROLE,     /* where a server may be a replica */
	SEG_RIGHT_REPLICAS, /* with ack_replicas */
	SEG_RIGHT_CLUSTER
} seg_right_place;

typedef struct seg_right {
	const char *right;   /* as ACL SETUSER takes it, without the "+": "xgroup|create" */
	const char *command; /* a whole command, in which KEY stands for a key */
	int users;           /* the kinds that use it */
	/* What is lost without it, for a right that the user can do without; NULL: the user needs it. */
	const char *without;
	seg_right_place place;
	const char *channel; /* that the user must be allowed, too; or NULL */
} seg_right;

extern const seg_right seg_rights[];
extern const size_t seg_right_count;

#endif
