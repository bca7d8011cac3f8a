#!lua flags=no-writes
-- The newest dead letters of a partition, newest first: why, and when. The messages stay in Redis, and are
-- read one at a time, until some bytes have been read, for they may be large. Another program's letter may have
-- any reason, and any number of fields.
-- KEYS: dead. ARGV: most most_bytes most_reason.
local dead, most, left, most_reason = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local FIELD = 16 -- bytes that a field takes besides its name and value

-- So many bytes, and no part of a character of UTF-8.
local function cut(value, bytes)
	if #value <= bytes then
		return value
	end
	for kept = bytes, bytes - 3, -1 do
		local after = string.byte(value, kept + 1)
		if after < 128 or after > 191 then
			return string.sub(value, 1, kept)
		end
	end
	return string.sub(value, 1, bytes)
end

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
			letter[2] = cut(fields[i + 1], most_reason)
		elseif i <= 12 and fields[i] == 'time_ms' then
			letter[3] = string.sub(fields[i + 1], 1, 20)
		end
		left = left - #fields[i] - #fields[i + 1] - FIELD
	end
	letters[#letters + 1] = letter
	before = '(' .. entry[1]
end
return {'OK', letters}
