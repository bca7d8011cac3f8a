#!lua flags=no-writes
-- What Redis knows of a group at one moment: its assignment and its members. A script and no transaction,
-- because Redis without memory refuses every command within MULTI.
-- KEYS: groups members leases partitions. ARGV: group.
local groups, members, leases, partitions = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
return {'OK', redis.call('SISMEMBER', groups, ARGV[1]), redis.call('HGETALL', members),
	redis.call('ZRANGE', leases, 0, -1, 'WITHSCORES'), redis.call('TIME'),
	redis.call('HGETALL', partitions)}
