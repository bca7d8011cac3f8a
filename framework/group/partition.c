#include "group/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"

int seg_partition_init(seg_partition *p, const seg_partition_setup *setup, uint32_t number)
{
	char key[SEG_KEY_MAX];
	*p = (seg_partition){.member = setup->member, .number = number, .logger = setup->logger};
	p->logger.partition = number;
	seg_ledger_init(&p->ledger, setup->limits, setup->stock, &p->handoff);
	p->log_key_length = (size_t)seg_key_log(key, setup->name_space, setup->stream, number);
	p->log_key = strdup(key);
	p->slot = seg_slot_of(key);
	seg_key_beside_log(key, setup->name_space, setup->stream, number, setup->group, "state");
	p->state_key = strdup(key);
	seg_key_beside_log(key, setup->name_space, setup->stream, number, setup->group, "dead");
	p->dead_key = strdup(key);
	seg_key_beside_log(key, setup->name_space, setup->stream, number, setup->group, "values");
	p->values_key = strdup(key);
	if (p->log_key && p->state_key && p->dead_key && p->values_key)
		return 0;
	seg_partition_fini(p);
	return SEG_ENOMEM;
}

void seg_partition_fini(seg_partition *p)
{
	seg_ledger_fini(&p->ledger);
	seg_beyond_fini(&p->resume.beyond);
	free(p->log_key);
	free(p->state_key);
	free(p->dead_key);
	free(p->values_key);
	seg_value_store_destroy(p->values.store);
	p->values.store = NULL;
	p->log_key = p->state_key = p->dead_key = p->values_key = NULL;
}
