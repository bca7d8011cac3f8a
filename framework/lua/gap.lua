#!lua flags=allow-oom
-- Counts the entries that were removed before the group read them: by XTRIM, by XDEL or by drop-oldest.
-- KEYS: log state. ARGV: epoch nonce fetched count.
--
-- This owner and the ones before have read `count` entries up to `fetched`. If more entries came up to there,
-- the others are gone. The gap of each owner is stored as a whole, so that a call that is sent again counts
-- nothing twice.
-- @include fence
-- @include group
-- @include count
local log, state = KEYS[1], KEYS[2]
local epoch, nonce, fetched, count = unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
local noted = redis.call('HGET', state, 'gap') or '0'
local came = redis.call('EXISTS', log) == 1 and entries_up_to(named(redis.call('XINFO', 'STREAM', log)), fetched)
if not came or came - count <= tonumber(noted) then
	return {'OK', noted}
end
redis.call('HINCRBY', state, 'lost', came - count - noted)
redis.call('HSET', state, 'gap', text(came - count), 'gap_id', fetched)
return {'OK', text(came - count)}
