#!lua flags=no-writes
-- What Redis knows of a partition at one moment, for one group. A script and no transaction, because Redis
-- without memory refuses every command within MULTI.
-- KEYS: log dead counters state. ARGV: group.
-- @include group
-- @include id
-- @include clock
local log, dead, counters, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local info, found = {}, {}
if redis.call('EXISTS', log) == 1 then
	info = named(redis.call('XINFO', 'STREAM', log))
	for _, fields in ipairs(groups_of(log)) do
		local group = named(fields)
		found = group.name == ARGV[1] and group or found
	end
end
local position = found['last-delivered-id'] or false

-- The note that the next message keeps failing (note.lua), unless it is out of date.
local retry = false
local stored = redis.call('HMGET', state, 'retry', 'epoch')
local epoch, id, attempt, at, reason = string.match(stored[1] or '', '^(%d+) (%d+%-%d+) (%d+) (%d+) (.*)$')
if epoch and epoch == stored[2] and position and id_less(position, id) then
	retry = {id, attempt, at - now, reason}
end
return {'OK', info['length'] or 0, info['last-generated-id'] or '0-0', position,
	found['lag'] or false, redis.call('XLEN', dead), redis.call('HMGET', counters, 'dropped', 'records'),
	redis.call('HMGET', state, 'count', 'owner', 'claimed', 'clean', 'crashes', 'suspect', 'attempts',
		'lost', 'letters_dropped', 'letters_full', 'epoch', 'remark'), retry}
