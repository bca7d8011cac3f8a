/* stream_facts.h - what Redis holds of a stream: its partitions' messages, and the names of its groups. */
#ifndef CTL_STREAM_FACTS_H
#define CTL_STREAM_FACTS_H

#include "context.h"
#include "keyspace.h"
#include "log_info.h"

typedef struct ctl_partition_facts {
	char node
		[SEG_NODE_TEXT_MAX]; /* "host:port" of the cluster's node that has it; "" on a single server */
	uint64_t messages, added, dropped;
	ctl_log_info log; /* its counts are of entries, which hold several messages if the stream is packed */
} ctl_partition_facts;

typedef struct ctl_stream_facts {
	ctl_partition_facts *partitions; /* as many as the stream has */
	uint64_t messages;               /* in all partitions */
	ctl_keys groups;                 /* names */
	ctl_keys sources;                /* "<group>:<stream>": the groups that emit to it */
} ctl_stream_facts;

/* 0, or an exit code after one line on standard error. Free with ctl_stream_facts_free in any case. */
int ctl_stream_facts_read(ctl_context *context, const seg_stream *stream, ctl_stream_facts *facts);
void ctl_stream_facts_free(ctl_stream_facts *facts);

#endif
