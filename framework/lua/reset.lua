#!lua flags=allow-oom
-- Sets a group's position for an operator, and lowers the fence: Redis refuses the owner's next commit, so
-- the owner claims the partition again and resumes from the new position.
-- KEYS: log state values. ARGV: group expected position count fate.
--
-- `fate` of the values that handlers keep: `keep`, `drop`, or '': the position is not set where there are any.
--
-- The epoch stays, as after a release, so that the next claim has a later one. `expected`: the position that
-- the group must have; '' for any. Entries that readers with XREADGROUP have not acknowledged are
-- acknowledged, because the next claim would go back to them.
-- @include forget
-- @include open
-- @include count
local log, state, values = KEYS[1], KEYS[2], KEYS[3]
local group, expected, position, count, fate = unpack(ARGV)
local PENDING_CHUNK = 1000

local _, found = open_group(log, state, group, position)
local old = found['last-delivered-id']
-- A group at the new position already: the same call, sent again because its answer was lost.
if expected ~= '' and old ~= expected and old ~= position then
	return {'MOVED', old}
end
if fate == '' and redis.call('EXISTS', values) == 1 then
	return {'VALUES'}
end
while found.pending > 0 do
	local ids = {}
	for i, entry in ipairs(redis.call('XPENDING', log, group, '-', '+', PENDING_CHUNK)) do
		ids[i] = entry[1]
	end
	if #ids == 0 then
		break
	end
	redis.call('XACK', log, group, unpack(ids))
end

local info = named(redis.call('XINFO', 'STREAM', log))
local entries = '-1'
-- r<n> counts records of packed entries; Redis counts entries.
if string.sub(count, 1, 1) ~= 'r' then
	count = text(entries_up_to(info, position) or tonumber(count))
	entries = count
end
redis.call('XGROUP', 'SETID', log, group, position, 'ENTRIESREAD', entries)
redis.call('HSET', state, 'position', position, 'count', count, 'claimed', position, 'clean', '1',
	'nonce', '', 'owner', '', 'crashes', '0')
forget_messages(state)
begin_run(state)
-- In the same step as the position, which they belong to.
if fate == 'drop' then
	redis.call('UNLINK', values)
end
return {'OK', old}
