/* diagnosis.h - the likely problem of a partition of a group, and the next step. Pure: judged from a snapshot. */
#ifndef CTL_DIAGNOSIS_H
#define CTL_DIAGNOSIS_H

#include "snapshot.h"

typedef struct ctl_diagnosis {
	const char *verdict; /* a word for machines: "healthy", "no-members", ... */
	bool wrong;          /* an operator should act */
	char cause[640];     /* one sentence, without a full stop */
	char next[640];      /* the same: what to do */
} ctl_diagnosis;

/* sample: the seconds that the snapshot's rates were measured over; 0: it has no rates. */
void ctl_diagnose(const ctl_snapshot *snapshot, uint32_t partition, const char *stream, const char *group,
		  double sample, ctl_diagnosis *diagnosis);

#endif
