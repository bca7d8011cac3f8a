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

/* Of the routes, which point to it. */
static seg_address nowhere;

void test_member_give_routes(seg_member *m)
{
	assert_int_equal(seg_address_parse("redis://127.0.0.1:1", &nowhere, NULL), 0);
	m->control = seg_route_create(&(seg_connection_options){.address = &nowhere}, NULL);
	m->data = seg_route_create(&(seg_connection_options){.address = &nowhere}, NULL);
	assert_non_null(m->control);
	assert_non_null(m->data);
}

static void take_routes(seg_member *m)
{
	if (!m->data)
		return;
	seg_route_destroy(m->control);
	seg_route_destroy(m->data);
	seg_address_fini(&nowhere);
}

void test_member_free(seg_member *member)
{
	take_routes(member);
	free(member->active);
	free(member->partitions);
	free(member->stream);
	free(member);
}
