/*
 * judge.h - the judgements: each reads facts of a server, and adds what is well and what to do to a report. Where the
 * server does not say enough, a judgement adds nothing: seg_judge_answers names the refused command once. Pure; any
 * thread.
 */
#ifndef SEG_DOCTOR_JUDGE_H
#define SEG_DOCTOR_JUDGE_H

#include "doctor/facts.h"
#include "doctor/report.h"

/* server.c: what it is, and whether it answers. */
void seg_judge_round_trip(const seg_facts *facts, seg_report *report);
void seg_judge_answers(const seg_facts *facts, seg_report *report);
void seg_judge_version(const seg_facts *facts, seg_report *report);
void seg_judge_mode(const seg_facts *facts, seg_report *report);
void seg_judge_role(const seg_facts *facts, seg_report *report);
void seg_judge_clock(const seg_facts *facts, seg_report *report);

/* durability.c: what a crash loses. */
void seg_judge_persistence(const seg_facts *facts, seg_report *report);
void seg_judge_disk(const seg_facts *facts, seg_report *report);
void seg_judge_replicas(const seg_facts *facts, seg_report *report);

/* memory.c: what a full server does. */
void seg_judge_eviction(const seg_facts *facts, seg_report *report);
void seg_judge_memory(const seg_facts *facts, seg_report *report);

/* limits.c: settings that cut connections or messages. */
void seg_judge_message_size(const seg_facts *facts, seg_report *report);
void seg_judge_output_buffer(const seg_facts *facts, seg_report *report);
void seg_judge_connections(const seg_facts *facts, seg_report *report);
void seg_judge_idle_timeout(const seg_facts *facts, seg_report *report);
void seg_judge_tracking(const seg_facts *facts, seg_report *report);

/* cluster.c: whether all slots are served. Only for a node of a cluster. */
void seg_judge_cluster(const seg_facts *facts, seg_report *report);

#endif
