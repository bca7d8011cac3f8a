-- @include id

-- The sum of two texts of digits.
local function sum(a, b)
	local x, y = tonumber(a), tonumber(b)
	if x + y < 2 ^ 53 then
		return string.format('%.0f', x + y)
	end
	local width, digits, carry = math.max(#a, #b), {}, 0
	a, b = string.rep('0', width - #a) .. a, string.rep('0', width - #b) .. b
	for i = width, 1, -1 do
		local digit = string.byte(a, i) + string.byte(b, i) - 2 * string.byte('0') + carry
		digits[i], carry = digit % 10, digit >= 10 and 1 or 0
	end
	return (carry == 1 and '1' or '') .. table.concat(digits)
end

-- The id that comes so far after `from`: `<seq more>`, or `<ms more>-<seq>`. nil if that is no distance.
local function id_at(from, distance)
	local ms, seq = string.match(from, '^(%d+)-(%d+)$')
	local more, its_seq = string.match(distance, '^(%d+)-(%d+)$')
	if more then
		return sum(ms, more) .. '-' .. its_seq
	elseif string.match(distance, '^%d+$') then
		return ms .. '-' .. sum(seq, distance)
	end
end

-- Whether a message after the position is done, by a set as partition/beyond.h writes it.
local function is_in_set(set, position, id)
	local holes, frontier = string.match(set, '^(%S+) (%d+%-%d+) %d+$')
	if not frontier or id_less(frontier, id) then
		return false
	end
	local last = position
	for hole in string.gmatch(holes == '-' and '' or holes, '[^,]+') do
		local begins, ends = string.match(hole, '^([^:]+):?(.*)$')
		local first = begins and id_at(last, begins)
		last = first and (ends == '' and first or id_at(first, ends))
		if not last then
			return false
		elseif id_less(id, first) then
			return true
		elseif not id_less(last, id) then
			return false
		end
	end
	return true
end

-- Whether it is among dead letters: ids, and `<first>:<last>`, with blanks between.
local function is_among(letters, id)
	for first, last in string.gmatch(letters, '(%d+%-%d+):?([%d-]*)') do
		if id == first or last ~= '' and not id_less(id, first) and not id_less(last, id) then
			return true
		end
	end
	return false
end
