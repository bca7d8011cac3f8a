-- A number as Redis takes it. Lua itself may write a large one as 1.8e+12.
local function text(number)
	return string.format('%.0f', number)
end
