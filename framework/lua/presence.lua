#!lua flags=no-writes
-- Whether the group of an owner that commits nothing is still there: it vanishes with its log.
-- KEYS: log state. ARGV: group epoch nonce.
-- @include fence
-- @include group
local log, state = KEYS[1], KEYS[2]
local group, epoch, nonce = unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
return {find_group(log, group) and 'OK' or 'GONE'}
