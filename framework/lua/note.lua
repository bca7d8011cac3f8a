#!lua flags=allow-oom
-- Notes for operators that the partition's next message keeps failing, and why.
-- KEYS: state. ARGV: epoch nonce id attempt left_ms reason.
--
-- The note is out of date once the position has passed the message, or another owner has claimed the partition:
-- look_partition then does not show it. Allowed without memory: it is small, and there is one.
-- @include fence
-- @include clock
-- @include text
local state = KEYS[1]
local epoch, nonce, id, attempt, left, reason = unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
redis.call('HSET', state, 'retry',
	epoch .. ' ' .. id .. ' ' .. attempt .. ' ' .. text(now + left) .. ' ' .. reason)
return {'OK'}
