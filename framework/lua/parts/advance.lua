-- @include id

-- Moves the group's position on from `known`; a group or a log that has vanished is made again there. Returns
-- nil, or Redis's error.
local function advance(log, state, group, position, count, known)
	-- A call that was sent again, after a later one: there is nothing to do.
	if known and id_less(position, known) then
		return nil
	end
	-- r<n>: records of packed entries, which are not what Redis counts.
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
