#!lua flags=allow-oom
-- Notes what the owner does next with one message, because owners have died here.
-- KEYS: log state. ARGV: epoch nonce what id deaths.
--
-- what: `mark` comes before the message is handed to the handler alone, and the owner waits for the answer.
-- `begun` comes right before the call, and `ended` after it; only in between does a death count against the
-- message. `reading` comes before the entry after `id` is read, and `read` ends that. `deaths`: those that count so far. Allowed without
-- memory: the message itself may use up the memory.
-- @include fence
local state, epoch, nonce, what, id, deaths = KEYS[2], unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
if what == 'mark' then
	redis.call('HSET', state, 'suspect', id, 'attempts', deaths)
	redis.call('HDEL', state, 'begun')
elseif what == 'begun' then
	redis.call('HSET', state, 'begun', epoch)
elseif what == 'ended' then
	redis.call('HDEL', state, 'begun')
elseif what == 'reading' then
	redis.call('HSET', state, 'reading', id, 'read_deaths', deaths, 'reader', epoch)
else
	redis.call('HDEL', state, 'reading', 'read_deaths', 'reader')
end
return {'OK'}
