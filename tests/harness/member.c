#include "harness/member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Zeroed; a handoff's fields are aligned to cache lines. */
static void *make(size_t size)
{
	enum { LINE = 64 };
	size_t rounded = (size + LINE - 1) / LINE * LINE;
	void *piece = aligned_alloc(LINE, rounded);
	assert_non_null(piece);
	return memset(piece, 0, rounded);
}

seg_member *test_member_make(uint32_t partitions)
{
	seg_member *m = make(sizeof(*m));
	m->stream = make(sizeof(*m->stream));
	m->stream->shape.partitions = partitions;
	m->partitions = make(partitions * sizeof(*m->partitions));
	m->active = make(partitions * sizeof(seg_partition *));
	for (; m->partition_count < partitions; m->partition_count++) {
		seg_partition *p = &m->partitions[m->partition_count];
		p->member = m;
		p->number = m->partition_count;
		m->active[m->active_count++] = p;
	}
	return m;
}

void test_member_free(seg_member *member)
{
	free(member->active);
	free(member->partitions);
	free(member->stream);
	free(member);
}
