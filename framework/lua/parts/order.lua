-- An id is the text of two 64-bit numbers. A Lua number has 53 bits only, so ids are compared, raised and
-- lowered as text. Redis writes no leading zeros, so the longer number is the larger one.
local function number_less(a, b)
	if #a ~= #b then
		return #a < #b
	end
	return a < b
end

local function id_less(a, b)
	-- Most ids have 13 digits, a dash, and as many digits as the other: taking them apart would cost a quarter of a commit.
	if #a == #b and string.byte(a, 14) == 45 and string.byte(b, 14) == 45 then
		return a < b
	end
	local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
	local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
	if a_ms ~= b_ms then
		return number_less(a_ms, b_ms)
	end
	return number_less(a_seq, b_seq)
end
