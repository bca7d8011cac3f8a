/* nodes.h - looks at each master of a cluster, of which one node has been looked at. One thread. */
#ifndef SEG_DOCTOR_NODES_H
#define SEG_DOCTOR_NODES_H

#include "doctor/facts.h"
#include "doctor/report.h"

/*
 * Asks the link's node for the masters, connects to each with the options' login, and adds a line for each that is well,
 * and the findings of the others. `judged` are the facts of the link's node, whose findings are in the report. 0, or a
 * status with an error: the link's node gave no answer.
 */
int seg_nodes_look(seg_link *link, const seg_client_options *options, const seg_facts *judged,
		   seg_report *report, seg_error *error);

#endif
