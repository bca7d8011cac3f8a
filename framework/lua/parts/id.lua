-- @include order
local NUMBER_MAX = '18446744073709551615'

-- The decimal number `digits`, which is above 0, minus one.
local function one_less(digits)
	local head, zeros = string.match(digits, '^(.-)(0*)$')
	local last = string.char(string.byte(head, -1) - 1)
	local text = string.sub(head, 1, -2) .. last .. string.rep('9', #zeros)
	return (string.gsub(text, '^0+(%d)', '%1'))
end

local function one_more(digits)
	local head, nines = string.match('0' .. digits, '^(.-)(9*)$')
	local last = string.char(string.byte(head, -1) + 1)
	local text = string.sub(head, 1, -2) .. last .. string.rep('0', #nines)
	return (string.gsub(text, '^0+(%d)', '%1'))
end

-- The largest id below `id`, and the smallest above it. The first possible id has itself before it, the last
-- one itself after it.
local function id_before(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	if seq ~= '0' then
		return ms .. '-' .. one_less(seq)
	end
	return ms == '0' and '0-0' or one_less(ms) .. '-' .. NUMBER_MAX
end

local function id_after(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	if seq ~= NUMBER_MAX then
		return ms .. '-' .. one_more(seq)
	end
	return ms == NUMBER_MAX and id or one_more(ms) .. '-0'
end
