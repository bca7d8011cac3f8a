#!lua flags=allow-oom
-- Counts the entries that were removed before the group read them: by XTRIM, by XDEL or by drop-oldest.
-- KEYS: log state. ARGV: epoch nonce fetched count passed. With a sixth ARGV, upto: the records of a packed stream
-- have shown that `count` of them are missing, up to the record of that number.
--
-- This owner and the ones before have read `count` entries up to `fetched`; `passed`: see count_removed.
--
-- A call may arrive late, when the owner has long read and committed more. Entries after `fetched` are gone by
-- then because they were committed and trimmed.
-- @include fence
-- @include removed
local log, state = KEYS[1], KEYS[2]
local epoch, nonce, fetched, count, passed, upto = unpack(ARGV)

local later, position = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
if upto then
	local counted = redis.call('HMGET', state, 'lost_upto', 'lost')
	if tonumber(upto) > tonumber(counted[1] or '0') then
		redis.call('HSET', state, 'lost', text((counted[2] or 0) + count), 'lost_upto', upto)
	end
	return {'OK', count, '0', fetched}
end
if position and id_less(fetched, position) then
	return {'OK', '0', redis.call('HGET', state, 'gap_before') or '0', fetched}
end
return {'OK', count_removed(log, state, fetched, count, passed)}
