#!lua flags=allow-oom
-- Notes for operators what hinders the owner of a partition at this moment.
-- KEYS: state. ARGV: epoch nonce kind id number ms text, and of an owner with lanes: busy waiting.
--
-- kind: `retry`: message `id` failed, and attempt `number` comes in `ms`; text: why it failed. `hang`: a call has not
-- returned since `ms` (negative); text: which one. `full`: message `id` is to become a dead letter, and since `ms` there
-- is no room, because there are `number` already. `beyond`: `number` messages after `id` are done, and nothing more is
-- read. `target`: an output of message `id` waits. `replicas`: commits do not count. `refused`: Redis refuses commits, or
-- what else the owner asks for; text: which call, and why. `none`: nothing hinders it. Id 0-0: no message.
-- busy: lanes in a call. waiting: slots whose first message waits.
--
-- look_partition shows no note that is out of date. Allowed without memory: it is small, and there is one.
-- @include fence
-- @include clock
-- @include text
local state = KEYS[1]
local epoch, nonce, kind, id, number, ms, why, busy, waiting = unpack(ARGV)

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
if kind == 'none' then
	redis.call('HDEL', state, 'hindrance')
else
	redis.call('HSET', state, 'hindrance',
		table.concat({epoch, kind, id, number, text(now + ms), why}, ' '))
end
if waiting then
	redis.call('HSET', state, 'lanes', epoch .. ' ' .. busy .. ' ' .. waiting)
end
return {'OK'}
