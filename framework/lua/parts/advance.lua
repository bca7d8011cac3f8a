-- @include id

-- Moves the group's position. A group or a log that has vanished is made again there.
local function advance(log, state, group, position, count)
	local known = redis.call('HGET', state, 'position')
	-- A call that was sent again, after a later one: there is nothing to do.
	if known and id_less(position, known) then
		return nil
	end
	local arguments = {'XGROUP', 'SETID', log, group, position}
	if count ~= '-1' then
		arguments[6] = 'ENTRIESREAD'
		arguments[7] = count
	end
	local moved = redis.pcall(unpack(arguments))
	if moved.err then
		moved = redis.pcall('XGROUP', 'CREATE', log, group, position, 'MKSTREAM')
		if moved.err then
			return moved
		end
	end
	redis.call('HSET', state, 'position', position, 'count', count)
	return nil
end
