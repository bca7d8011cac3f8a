#!lua flags=allow-oom
-- Moves the group's position. Only the owner may.
-- KEYS: log state. ARGV: group epoch nonce position count release passed beyond. passed: not '' to count what was
-- removed unread, too. beyond: '' without lanes; else `<done> <set>`: how many messages the owner has done, and which
-- of them come after the position.
--
-- Allowed without memory: Redis can trim what is committed, and so frees memory.
--
-- `passed`: so many of the `count` entries were removed before this owner read them, as far as it knows. The
-- caller has read nothing after the position: what it has read may be removed without being lost.
-- @include fence
-- @include advance
-- @include removed
-- @include beyond
local log, state = KEYS[1], KEYS[2]
local group, epoch, nonce, position, count, release, passed, beyond = unpack(ARGV)
local done, set = string.match(beyond or '', '^(%d+) (.*)$')

local later, known = fenced_by(state, epoch, nonce)
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
-- Not for a call that is sent again after a later one: from its position on, others may have trimmed what was read.
local answer = {'OK'}
if (passed or '') ~= '' and not (known and id_less(position, known)) then
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
if done and not (known and id_less(position, known)) then
	store_beyond(state, nonce, position, done, set)
end
if release == '1' then
	redis.call('HSET', state, 'clean', '1', 'nonce', '', 'owner', '', 'crashes', '0', 'released', nonce)
end
return answer
