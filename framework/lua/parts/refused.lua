-- @include memory

-- Tries a write before the others of a call: a script that fails in its midst keeps what it has written, and a caller that tries again
-- writes that again. Returns Redis's error; nil if the write is done, or if only memory is missing, for which the caller makes room.
-- Redis looks at rights first.
local function refused(...)
	local answer = redis.pcall(...)
	if type(answer) == 'table' and answer.err and not out_of_memory(answer) then
		return answer
	end
end
