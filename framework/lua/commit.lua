#!lua flags=allow-oom
-- Moves the group's position. Only the owner may.
-- KEYS: log state, and values if some have changed. ARGV: group epoch nonce position count release passed done beyond puts,
-- then so many pairs of field and value, then fields to delete. What is missing at the end counts as ''.
--
-- Allowed without memory: Redis can trim what is committed, and so frees memory.
--
-- `passed` ('': no such count): so many of the `count` entries were removed before this owner read them, as far as it knows. The
-- caller has read nothing after the position: what it has read may be removed without being lost.
--
-- `done` ('': no lanes): how many messages the owner has done. `beyond`: which of them come after the position: the field's whole
-- value, or `-` or `=` (beyond.lua). It may be long, and Redis's Lua hashes each byte of a new string: the value goes on as it came.
--
-- The changes of values belong to the messages up to the position: they are made if the position is, and in no other step.
-- @include fence
-- @include order
-- @include move
local log, state, values = KEYS[1], KEYS[2], KEYS[3]
local CHANGES = 11
local group, epoch, nonce, position, count, release, passed, done, beyond, puts = unpack(ARGV, 1, CHANGES - 1)
passed = passed ~= '' and passed or nil
done = (done or '') ~= '' and done or nil

local later, known = fenced_by(state, epoch, nonce)
-- Most commits move the position, and do nothing else. They end here, because each call makes the functions below anew: that
-- takes Redis as long as what this commit does.
local moves = #KEYS == 2 and release == '0' and not passed and not done
if moves and not later and known and id_less(known, position) and not move(log, state, group, position, count).err then
	return {'OK'}
end
-- @include advance
-- @include removed
-- @include beyond
if later then
	-- A release that is sent again because its answer was lost: it is done.
	if release == '1' and later == epoch and redis.call('HGET', state, 'released') == nonce then
		-- A write, so that a WAIT after it covers the release.
		redis.call('HSET', state, 'released', nonce)
		return {'OK'}
	end
	return {'FENCED', later}
end
if done and is_overtaken(state, nonce, done) then
	redis.call('HSET', state, 'position', known) -- lets a WAIT after the call cover the later one
	return {'OK'}
end
-- Not for a call that is sent again after a later one.
local changes = values and not (known and id_less(position, known))
-- A call that failed between the position and the values would lose the values. So it fails here, with nothing done, if the key is
-- something else, or if a right to write was taken from the owner. HDEL comes first: without memory, Redis may refuse a script's
-- first write, but not HDEL.
if changes then
	redis.call('HDEL', values, '')
elseif done then
	redis.call('HDEL', state, '')
end
if changes or done then
	redis.call('HSET', state, 'nonce', nonce)
end
-- Not for a call that is sent again after a later one: from its position on, others may have trimmed what was read.
local answer = {'OK'}
if passed and not (known and id_less(position, known)) then
	local read = count - passed
	local gap, before = count_removed(log, state, position, read)
	count = text(read + math.max(tonumber(gap), tonumber(passed)))
	answer = {'OK', gap, before, position}
elseif position == known then
	-- The answer of a call that had counted more was lost.
	local counted = redis.call('HGET', state, 'count')
	count = tonumber(counted) and tonumber(count) and tonumber(counted) > tonumber(count) and counted or count
end
local failure = advance(log, state, group, position, count, known)
-- A release counts all the same: it is the end of an ownership of the vanished log.
if failure and not (release == '1' and failure[1] == 'GONE') then
	return failure
end
if done and not failure and not (known and id_less(position, known)) then
	store_beyond(state, nonce, done, beyond)
end
-- Lua passes fewer than 8,000 arguments in one call.
local function each_chunk(command, from, to)
	local ARGUMENTS_MAX = 7000
	for first = from, to, ARGUMENTS_MAX do
		redis.call(command, values, unpack(ARGV, first, math.min(first + ARGUMENTS_MAX - 1, to)))
	end
end
if changes and not failure then
	local deletions = CHANGES + 2 * puts
	each_chunk('HSET', CHANGES, deletions - 1)
	each_chunk('HDEL', deletions, #ARGV)
end
if release == '1' then
	redis.call('HSET', state, 'clean', '1', 'nonce', '', 'owner', '', 'crashes', '0', 'released', nonce)
end
return answer
