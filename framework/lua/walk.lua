#!lua flags=no-writes
-- Steps over entries of a log, and returns how many it found and the id of the last. The messages stay in
-- Redis.
-- KEYS: log. ARGV: id direction steps. direction: `+` steps to entries after id, `-` to entries before it.
local log, id, direction, steps = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local CHUNK = 500

local done = 0
while done < steps do
	local count = math.min(steps - done, CHUNK)
	local entries
	if direction == '+' then
		entries = redis.call('XRANGE', log, '(' .. id, '+', 'COUNT', count)
	else
		entries = redis.call('XREVRANGE', log, '(' .. id, '-', 'COUNT', count)
	end
	if #entries == 0 then
		break
	end
	id = entries[#entries][1]
	done = done + #entries
end
return {'OK', tostring(done), id}
