#!lua flags=allow-oom
-- Moves the group's position. Only the owner may.
-- KEYS: log state. ARGV: group epoch nonce position count release.
--
-- Allowed without memory: Redis can trim what is committed, and so frees memory.
-- @include fence
-- @include advance
local log, state = KEYS[1], KEYS[2]
local group, epoch, nonce, position, count, release = unpack(ARGV)

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
local failure = advance(log, state, group, position, count, known)
-- A release counts all the same: it is the end of an ownership of the vanished log.
if failure and not (release == '1' and failure[1] == 'GONE') then
	return failure
end
if release == '1' then
	redis.call('HSET', state, 'clean', '1', 'nonce', '', 'owner', '', 'crashes', '0', 'released', nonce)
	-- An owner that stops cleanly has not died of the message that it marked.
	local marked = redis.call('HMGET', state, 'marked', 'attempts')
	if marked[1] == epoch and tonumber(marked[2]) > 1 then
		redis.call('HINCRBY', state, 'attempts', -1)
		redis.call('HDEL', state, 'marked')
	elseif marked[1] == epoch then
		redis.call('HDEL', state, 'suspect', 'attempts', 'marked')
	end
end
return {'OK'}
