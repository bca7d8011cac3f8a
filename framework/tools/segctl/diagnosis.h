/*
 * diagnosis.h - what is likely wrong with a partition of a group, and what to do next. Pure: judged from a
 * snapshot.
 */
#ifndef CTL_DIAGNOSIS_H
#define CTL_DIAGNOSIS_H

#include "snapshot.h"

typedef struct ctl_diagnosis {
	const char *verdict; /* a word for machines: "healthy", "no-members", ... */
	bool wrong;          /* somebody should do something */
	char cause[640];     /* one sentence */
	char next[640];      /* another */
} ctl_diagnosis;

/* The snapshot has rates, where `sample` seconds lie between it and the one before; 0: it has none. */
void ctl_diagnose(const ctl_snapshot *snapshot, uint32_t partition, const char *stream, const char *group,
		  double sample, ctl_diagnosis *diagnosis);

#endif
