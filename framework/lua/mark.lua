#!lua flags=allow-oom
-- Notes that a message is about to be handed over alone, because owners died here. KEYS: log state. ARGV: epoch nonce id.
-- @include fence
local later = fenced_by(KEYS[2], ARGV[1], ARGV[2])
if later then
	return {'FENCED', later}
end
local attempts = 1
if redis.call('HGET', KEYS[2], 'suspect') == ARGV[3] then
	attempts = tonumber(redis.call('HGET', KEYS[2], 'attempts')) + 1
end
redis.call('HSET', KEYS[2], 'suspect', ARGV[3], 'attempts', attempts)
return {'OK', tostring(attempts)}
