-- Moves a message to the dead letters and the position behind it, for the owner only. KEYS: log state dead.
-- ARGV: group epoch nonce id count reason attempts handler partition.
-- @include fence
-- @include advance
local log, state, dead = KEYS[1], KEYS[2], KEYS[3]
local group, epoch, nonce, id, count, reason, attempts, handler, partition = unpack(ARGV)
local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
-- A call that was sent again, its answer lost: it was done.
local known = redis.call('HGET', state, 'position')
if known and not id_less(known, id) then
	return {'OK', '0-0'}
end
local now = redis.call('TIME')
local letter = {'id', id, 'reason', reason, 'attempts', attempts, 'handler', handler, 'partition', partition,
	'time_ms', now[1] .. string.format('%03d', math.floor(now[2] / 1000))}
-- Lua hands at most some thousand arguments to a call; no entry of ours has so many.
local FIELDS_MAX = 4000
local entry = redis.call('XRANGE', log, id, id)[1]
if entry then
	for i = 1, math.min(#entry[2], FIELDS_MAX) do
		letter[#letter + 1] = entry[2][i]
	end
end
local letter_id = redis.call('XADD', dead, '*', unpack(letter))
local failure = advance(log, state, group, id, count)
if failure then
	return failure
end
redis.call('HSET', state, 'crashes', '0')
if redis.call('HGET', state, 'suspect') == id then
	redis.call('HDEL', state, 'suspect', 'attempts')
end
return {'OK', letter_id}
