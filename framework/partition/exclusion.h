/*
 * exclusion.h - while an entry under suspicion is read, no other one is read and no message under suspicion is handled, and the
 * other way round: so a death of the process has one suspect.
 *
 * One for the process, whatever the partition or section. Any thread may call.
 */
#ifndef SEG_PARTITION_EXCLUSION_H
#define SEG_PARTITION_EXCLUSION_H

#include <stdbool.h>

/* A read begins. False: another one is under way, or a message is handled, or is to be; try again. */
bool seg_exclusion_read_begin(void);
void seg_exclusion_read_end(void);

/* Whether a read may begin at this moment. */
bool seg_exclusion_allows_reads(void);

/*
 * A message is to be handled, by the one worker that has the turn. False: a read is under way; try again. From the first call on no
 * further read begins, until seg_exclusion_handle_end.
 */
bool seg_exclusion_handle_begin(void);
void seg_exclusion_handle_end(void);

#endif
