/* judge_all.h - all judgements about one server. Pure; any thread. */
#ifndef SEG_DOCTOR_JUDGE_ALL_H
#define SEG_DOCTOR_JUDGE_ALL_H

#include "doctor/facts.h"
#include "doctor/report.h"

void seg_judge_all(const seg_facts *facts, seg_report *report);

#endif
