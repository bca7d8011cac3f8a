/*
 * test_scripts_keys.h - the keys of the stream "s" in the namespace "n": of its partition 0 with the group "g" and a producer, and of
 * the stream and the group.
 */
#ifndef TEST_SCRIPTS_KEYS_H
#define TEST_SCRIPTS_KEYS_H

#define LOG "__n:s:partition_0"
#define STATE "{__n:s:partition_0}:g:state"
#define VALUES "{__n:s:partition_0}:g:values"
#define DEAD "{__n:s:partition_0}:g:dead"
#define COUNTERS "{__n:s:partition_0}:counters"
#define PRODUCER "{__n:s:partition_0}:producer:p"

#define INFO "{__n:s}:info"
#define GROUPS "{__n:s}:groups"
#define MEMBERS "{__n:s}:g:members"
#define LEASES "{__n:s}:g:leases"
#define PARTITIONS "{__n:s}:g:partitions"
#define CONTROL "{__n:s}:g:control"

#endif
