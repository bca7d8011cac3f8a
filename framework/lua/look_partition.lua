#!lua flags=no-writes
-- What Redis knows of a partition at one moment, for one group. A script and no transaction, because Redis
-- without memory refuses every command within MULTI.
-- KEYS: log dead counters state values. ARGV: group.
-- @include group
-- @include id
-- @include clock
local log, dead, counters, state, values = unpack(KEYS)

local info, found = {}, {}
if redis.call('EXISTS', log) == 1 then
	info = named(redis.call('XINFO', 'STREAM', log))
	for _, fields in ipairs(groups_of(log)) do
		local group = named(fields)
		found = group.name == ARGV[1] and group or found
	end
end
local position = found['last-delivered-id'] or false
local letters = redis.call('XLEN', dead)

-- An owner of an earlier version says with these fields what hinders it.
local function noted_before(full, retry, remark)
	if full and letters >= (tonumber(full) or 0) then
		return {false, 'full', '0-0', full, now, ''}
	end
	local epoch, id, attempt, at, reason = string.match(retry or '', '^(%d+) (%S+) (%d+) (%d+) (.*)$')
	if epoch and position and id_less(position, id) then
		return {epoch, 'retry', id, attempt, at, reason}
	end
	local its_epoch, since, sentence = string.match(remark or '', '^(%d+) (%d+) (.*)$')
	return {its_epoch, 'hang', '0-0', '0', since, sentence}
end

-- What hinders the owner (note.lua), unless that is out of date: another owner has claimed the partition, or this
-- one has released it; the position has passed the message; there is room for a dead letter again.
local function hindrance()
	local epoch, nonce, noted, full, retry, remark =
		unpack(redis.call('HMGET', state, 'epoch', 'nonce', 'hindrance', 'letters_full', 'retry', 'remark'))
	local its = {string.match(noted or '', '^(%d+) (%l+) (%d+%-%d+) (%d+) (%d+) (.*)$')}
	if its[1] ~= epoch then
		its = noted_before(full, retry, remark)
	end
	local its_epoch, kind, id, number, at, why = unpack(its)
	if not at or (its_epoch or epoch) ~= epoch or (nonce or '') == ''
		or id ~= '0-0' and not (position and id_less(position, id))
		or kind == 'full' and letters < tonumber(number) then
		return false
	end
	return {kind, id, number, at - now, why}
end

-- How many messages after the position are done (beyond.lua).
local function done_beyond(field)
	local at, count = string.match(field or '', '^%S+ (%S+) .* (%d+)$')
	return at and at == position and count or '0'
end

-- How many lanes are busy, and how many slots wait, unless another owner has said so, or this one has released.
local function lanes()
	local epoch, nonce, noted = unpack(redis.call('HMGET', state, 'epoch', 'nonce', 'lanes'))
	local its_epoch, busy, waiting = string.match(noted or '', '^(%d+) (%d+) (%d+)$')
	if its_epoch and its_epoch == epoch and (nonce or '') ~= '' then
		return busy, waiting
	end
	return '0', '0'
end

local fields = redis.call('HMGET', state, 'count', 'owner', 'claimed', 'clean', 'crashes', 'suspect', 'attempts',
	'lost', 'letters_dropped', 'beyond')
fields[10] = done_beyond(fields[10])
fields[11], fields[12] = lanes()

return {'OK', info['length'] or 0, info['last-generated-id'] or '0-0', position,
	found['lag'] or false, letters, redis.call('HLEN', values), redis.call('HMGET', counters, 'dropped', 'records'),
	fields, hindrance()}
