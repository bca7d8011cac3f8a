#!lua flags=allow-oom
-- One member creates the group on all partitions for all members that start at the same time.
-- KEYS: partitions. ARGV: incarnation partition_count patience_ms done(0/1).
--
-- Allowed without memory: without a group on its log, no message of a partition is spared by trimming.
-- @include clock
-- @include text
local partitions = KEYS[1]
local me, count, patience = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

if ARGV[4] == '1' then
	redis.call('HSET', partitions, 'opened', text(count))
	redis.call('HDEL', partitions, 'opener')
	return {'OPENED'}
end
local stored = redis.call('HMGET', partitions, 'opened', 'opener')
if stored[1] and tonumber(stored[1]) >= count then
	return {'OPENED'}
end
local opener, until_ms = string.match(stored[2] or '', '^(%S+) (%d+)$')
if opener and opener ~= me and tonumber(until_ms) > now then
	return {'WAIT'}
end
redis.call('HSET', partitions, 'opener', me .. ' ' .. text(now + patience))
return {'OPEN'}
