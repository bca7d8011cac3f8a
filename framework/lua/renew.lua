#!lua flags=allow-oom
-- Gives partitions new epochs under the owners that they have, and tells these: they claim them anew.
-- KEYS: partitions control. ARGV: p ...
local partitions, control = KEYS[1], KEYS[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Of Lua's own making, a number of that size may come out as 1.8e+12.
local function text(number)
	return string.format('%.0f', number)
end

local generation = tonumber(redis.call('HGET', partitions, 'generation') or '0')
generation = math.max(generation + 1, time[1] * 1000000 + time[2])
local renewed, owners = 0, {}
for _, p in ipairs(ARGV) do
	local stored = redis.call('HGET', partitions, p) or ''
	local epoch, owner, target = string.match(stored, '^(%S+) (%S+) (%S+)$')
	if owner and owner ~= '-' then
		local later = text(math.max(tonumber(epoch) + 1, now))
		redis.call('HSET', partitions, p, later .. ' ' .. owner .. ' ' .. target)
		owners[owner] = true
		renewed = renewed + 1
	end
end
-- The share has changed, and is the same partitions: their list holds on, if it did.
for owner in pairs(owners) do
	local stored = redis.call('HMGET', partitions, '@' .. owner, '#' .. owner)
	local stamp, list = string.match(stored[2] or '', '^(%d+)( .*)$')
	redis.call('HSET', partitions, '@' .. owner, text(generation))
	if stamp and stamp == stored[1] then
		redis.call('HSET', partitions, '#' .. owner, text(generation) .. list)
	end
end
if renewed > 0 then
	redis.call('HSET', partitions, 'generation', text(generation))
	redis.call('XADD', control, 'MAXLEN', '64', '*', 'generation', text(generation))
end
return {'OK', tostring(renewed)}
