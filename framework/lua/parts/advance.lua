-- @include id

-- Moves the group's position forward from `known`. Creates the group or the log again if it has vanished.
-- Returns nil, or Redis's error.
local function advance(log, state, group, position, count, known)
	-- A call that is sent again, after a later one has succeeded.
	if known and id_less(position, known) then
		redis.call('HSET', state, 'position', known) -- lets a WAIT after the call cover the later one
		return nil
	end
	-- r<n> counts records of packed entries; Redis counts entries.
	local entries = string.sub(count, 1, 1) == 'r' and '-1' or count
	local moved = redis.pcall('XGROUP', 'SETID', log, group, position, 'ENTRIESREAD', entries)
	if moved.err then
		local made = redis.pcall('XGROUP', 'CREATE', log, group, position, 'MKSTREAM')
		if made.err then
			return moved
		end
	end
	redis.call('HSET', state, 'position', position, 'count', count)
	return nil
end
