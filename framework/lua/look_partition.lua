#!lua flags=no-writes
-- What Redis knows of a partition at one moment, for one group. A script and no transaction, because Redis
-- without memory refuses every command within MULTI.
-- KEYS: log dead counters state. ARGV: group.
-- @include group
local log, dead, counters, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local info, found = {}, {}
if redis.call('EXISTS', log) == 1 then
	info = named(redis.call('XINFO', 'STREAM', log))
	for _, fields in ipairs(groups_of(log)) do
		local group = named(fields)
		found = group.name == ARGV[1] and group or found
	end
end
return {'OK', info['length'] or 0, info['last-generated-id'] or '0-0', found['last-delivered-id'] or false,
	found['lag'] or false, redis.call('XLEN', dead), redis.call('HMGET', counters, 'dropped', 'records'),
	redis.call('HMGET', state, 'count', 'owner', 'claimed', 'clean', 'crashes', 'suspect', 'attempts',
		'lost', 'letters_dropped', 'letters_full', 'epoch', 'remark')}
