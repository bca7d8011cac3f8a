/* nodes.h - looks at each master of a cluster, of which one node has been looked at. One thread. */
#ifndef SEG_DOCTOR_NODES_H
#define SEG_DOCTOR_NODES_H

#include "doctor/facts.h"
#include "doctor/link.h"
#include "doctor/report.h"
#include "doctor/right_list.h"

/* What is looked at on each node. */
typedef struct seg_nodes_what {
	const seg_client_options *options;
	seg_user_kind user;
	const char *stream;      /* on whose keys the rights are tried */
	const seg_facts *judged; /* of the link's node, whose findings are in the report */
} seg_nodes_what;

/*
 * Asks the link's node for the masters, connects to each with the options' login, and adds a line for each that is well,
 * and the findings of the others. A user is made on each node by itself, so its rights are tried on each, too. 0, or a
 * status with an error: the link's node gave no answer.
 */
int seg_nodes_look(seg_link *link, const seg_nodes_what *what, seg_report *report, seg_error *error);

#endif
