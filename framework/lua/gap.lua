#!lua flags=allow-oom
-- Counts the entries that were removed before the group read them: by XTRIM, by XDEL or by drop-oldest.
-- KEYS: log state. ARGV: epoch nonce fetched count.
--
-- This owner and the ones before have read `count` entries up to `fetched`.
-- @include fence
-- @include removed
local log, state = KEYS[1], KEYS[2]
local epoch, nonce, fetched, count = unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
return {'OK', count_removed(log, state, fetched, count)}
