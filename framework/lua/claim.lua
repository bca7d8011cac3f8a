#!lua flags=allow-oom
-- A new owner raises the fence, and learns where to go on. KEYS: log state. ARGV: group start member epoch nonce.
-- Allowed without memory: only an owner can commit, and only what is committed can be trimmed.
-- @include group
local log, state = KEYS[1], KEYS[2]
local group, start, member, epoch, nonce = unpack(ARGV)

local stored = redis.call('HMGET', state, 'epoch', 'nonce', 'clean', 'claimed', 'crashes', 'suspect', 'attempts')
local stored_epoch = tonumber(stored[1] or '0')
local again = stored[1] == epoch and stored[2] == nonce
if stored_epoch > tonumber(epoch) or (stored[1] == epoch and not again) then
	return {'STALE', stored[1]}
end

local _, found = open_group(log, state, group, start)
local position = found['last-delivered-id']
local count = found['entries-read']

-- Consumers with XREADGROUP were here: what they left unacknowledged comes first. Their record of it ends, the position is
-- the record now; what they had acknowledged behind it comes again, for order's sake.
local pending = oldest_pending(log, found)
if pending then
	local before = id_before(pending)
	if id_less(before, position) then
		position = before
		count = nil
		redis.call('XGROUP', 'SETID', log, group, position)
	end
	repeat
		local some = redis.call('XPENDING', log, group, '-', '+', 1000)
		local ids = {}
		for i, entry in ipairs(some) do
			ids[i] = entry[1]
		end
		if #ids > 0 then
			redis.call('XACK', log, group, unpack(ids))
		end
	until #some < 1000
end

-- How many entries there were up to the position: Redis knows, or it follows at either end of the log.
local info = named(redis.call('XINFO', 'STREAM', log))
local first = info['first-entry'] and info['first-entry'][1]
if not count then
	if position == info['last-generated-id'] then
		count = info['entries-added']
	elseif first and id_less(position, first) then
		count = info['entries-added'] - info['length']
	else
		count = -1
	end
end

local crashes = tonumber(stored[5] or '0')
if not again then
	local died_here = stored[1] and stored[3] ~= '1' and stored[4] == position
	crashes = died_here and crashes + 1 or 0
end
local suspect, attempts = stored[6] or '0-0', stored[7] or '0'
if not id_less(position, suspect) then
	suspect, attempts = '0-0', '0'
	redis.call('HDEL', state, 'suspect', 'attempts')
end
redis.call('HSET', state, 'epoch', epoch, 'nonce', nonce, 'owner', member, 'clean', '0', 'claimed', position,
	'crashes', crashes, 'position', position, 'count', count)
return {'OK', position, tostring(count), tostring(crashes), suspect, attempts, tostring(info['entries-added']),
	tostring(info['length'])}
