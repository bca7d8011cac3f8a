#!lua flags=no-writes
-- The newest dead letters of a partition, newest first: why, and when. The messages stay in Redis, and are
-- read one at a time, until some bytes have been read, for they may be large.
-- KEYS: dead. ARGV: most most_bytes.
local dead, most, left = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])

local letters, before = {}, '+'
while #letters < most and left > 0 do
	local entry = redis.call('XREVRANGE', dead, before, '-', 'COUNT', 1)[1]
	if not entry then
		break
	end
	local letter, fields = {entry[1], '', ''}, entry[2]
	for i = 1, #fields, 2 do
		-- A message may have fields of the same names: the letter's own come first.
		if i <= 12 and fields[i] == 'reason' then
			letter[2] = fields[i + 1]
		elseif i <= 12 and fields[i] == 'time_ms' then
			letter[3] = fields[i + 1]
		end
		left = left - #fields[i] - #fields[i + 1]
	end
	letters[#letters + 1] = letter
	before = '(' .. entry[1]
end
return {'OK', letters}
