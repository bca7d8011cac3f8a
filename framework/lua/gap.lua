#!lua flags=allow-oom
-- Counts the entries that were removed before the group read them: by XTRIM, by XDEL or by drop-oldest.
-- KEYS: log state. ARGV: epoch nonce fetched count. With a fifth ARGV, upto: the records of a packed stream have
-- shown that `count` of them are missing, up to the record of that number.
--
-- This owner and the ones before have read `count` entries up to `fetched`. If more entries came up to there,
-- the others are gone. The gap of each owner is stored as a whole, so that a call that is sent again counts
-- nothing twice.
--
-- A call may arrive late, when the owner has long read and committed more. Entries after `fetched` are gone by
-- then because they were committed and trimmed.
-- @include fence
-- @include group
-- @include count
local log, state = KEYS[1], KEYS[2]
local epoch, nonce, fetched, count, upto = unpack(ARGV)

local later, position = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
if upto then
	local counted = tonumber(redis.call('HGET', state, 'lost_upto') or '0')
	if tonumber(upto) > counted then
		redis.call('HINCRBY', state, 'lost', count)
		redis.call('HSET', state, 'lost_upto', upto)
	end
	return {'OK', count, '0'}
end
local stored = redis.call('HMGET', state, 'gap', 'gap_before')
local noted, before = tonumber(stored[1] or '0'), stored[2] or '0'
local came = (not position or not id_less(fetched, position)) and redis.call('EXISTS', log) == 1
	and entries_up_to(named(redis.call('XINFO', 'STREAM', log)), fetched)
if not came then
	return {'OK', '0', before}
end
local gap = math.max(came - count, 0)
if gap > noted then
	redis.call('HINCRBY', state, 'lost', gap - noted)
	redis.call('HSET', state, 'gap', text(gap), 'gap_id', fetched, 'gap_came', came)
end
return {'OK', text(gap), before}
