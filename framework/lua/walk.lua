#!lua flags=no-writes
-- Steps over entries of a log, and tells how many there were and where it has come to; the messages stay in
-- Redis.
-- KEYS: log. ARGV: id direction steps. direction `+`: to those behind id; `-`: to those before it.
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
