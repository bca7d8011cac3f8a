-- Leases and holds end at times of Redis's clock. If it was put back, they keep what was left of them.
local clock = tonumber(stored[4] or '0')
local GRAIN_MS = math.min(session / 4, 1000)
local back = math.max(clock - now, 0)

local function hold_of(value)
	local head, until_ms, by = string.match(value, '^(%S+ %S+ %S+) (%d+) (%S+)$')
	return head, tonumber(until_ms), by
end

local function put_holds_back()
	local fields = redis.call('HGETALL', partitions)
	for i = 1, #fields, 2 do
		local head, until_ms, by = hold_of(fields[i + 1])
		if tonumber(fields[i]) and head then
			redis.call('HSET', partitions, fields[i], head .. ' ' .. text(until_ms - back) .. ' ' .. by)
		end
	end
	holds_end = holds_end - back
	redis.call('HSET', partitions, 'holds_end', text(holds_end))
end

if back > 0 then
	for _, name in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
		redis.call('ZINCRBY', leases, text(-back), name)
	end
	if holds_end > 0 then
		put_holds_back()
	end
end
local looks = back > 0 or now - clock >= GRAIN_MS
if looks then
	redis.call('HSET', partitions, 'clock', text(now))
end
