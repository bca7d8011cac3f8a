#!lua flags=allow-oom
-- Counts the entries that were removed before the group read them: by XTRIM, by XDEL or by drop-oldest.
-- KEYS: log state. ARGV: epoch nonce fetched count passed.
--
-- This owner and the ones before have read `count` entries up to `fetched`. If more entries came up to there,
-- the others are gone. The gap of each owner is stored as a whole, so that a call that is sent again counts
-- nothing twice. The reply says where the gap ends; until the owner's commits are there, they count only `passed`
-- entries of the gap as read. The others are `gap_open`.
--
-- A call may arrive late, when the owner has long read and committed more. Entries after `fetched` are gone by
-- then because they were committed and trimmed.
-- @include fence
-- @include group
-- @include count
local log, state = KEYS[1], KEYS[2]
local epoch, nonce, fetched, count, passed = unpack(ARGV)

local later, position = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
local stored = redis.call('HMGET', state, 'gap', 'gap_before')
local noted, before = tonumber(stored[1] or '0'), stored[2] or '0'
local info = redis.call('EXISTS', log) == 1 and named(redis.call('XINFO', 'STREAM', log))
local came = info and (not position or not id_less(fetched, position)) and entries_up_to(info, fetched)
-- Less than was noted: the owner is not yet past what earlier ones have counted.
if not came or came - count <= 0 or came - count < noted then
	return {'OK', '0', before, fetched}
end
local gap = came - count
-- What comes after `fetched` and before the first entry is gone, too.
local upto = fetched
if id_less(fetched, info['last-generated-id']) then
	upto = info['first-entry'] and id_before(info['first-entry'][1]) or info['last-generated-id']
end
if gap > noted then
	redis.call('HINCRBY', state, 'lost', gap - noted)
end
redis.call('HSET', state, 'gap', text(gap), 'gap_id', upto, 'gap_open', text(gap - passed))
return {'OK', text(gap), before, upto}
