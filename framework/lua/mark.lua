#!lua flags=allow-oom
-- Notes that a message is about to be handed over alone, because owners died here.
-- KEYS: log state. ARGV: epoch nonce id.
--
-- An owner counts once, however often it asks: those are counted that may have died of the message. Allowed
-- without memory: the message may be what holds it.
-- @include fence
local state, epoch, nonce, id = KEYS[2], ARGV[1], ARGV[2], ARGV[3]

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
local stored = redis.call('HMGET', state, 'suspect', 'attempts', 'marked')
local attempts = stored[1] == id and tonumber(stored[2]) or 0
if stored[1] ~= id or stored[3] ~= epoch then
	attempts = attempts + 1
	redis.call('HSET', state, 'suspect', id, 'attempts', attempts, 'marked', epoch)
end
return {'OK', tostring(attempts)}
