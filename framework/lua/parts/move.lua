local function note_position(state, position, count)
	redis.call('HSET', state, 'position', position, 'count', count)
end

-- Moves the group's position, if the group is there. Returns Redis's answer, which may be an error.
local function move(log, state, group, position, count)
	-- r<n> counts records of packed entries; Redis counts entries.
	local entries = string.sub(count, 1, 1) == 'r' and '-1' or count
	local moved = redis.pcall('XGROUP', 'SETID', log, group, position, 'ENTRIESREAD', entries)
	if not moved.err then
		note_position(state, position, count)
	end
	return moved
end
