-- @include move
-- @include remade

-- Whether the group has vanished with its log, so that a position of the old log says nothing of the one that is
-- there now. `known`: the stored position.
local function is_gone(log, state, group, position, known)
	return not find_group(log, group)
		and (is_remade(log, position) or known and is_remade(log, known, redis.call('HGET', state, 'count')))
end

-- Moves the group's position forward from `known`. Creates the group again if it has vanished, and only it.
-- Returns nil, or Redis's error, or {'GONE'}: the log has vanished, too.
local function advance(log, state, group, position, count, known)
	-- A call that is sent again, after a later one has succeeded.
	if known and id_less(position, known) then
		redis.call('HSET', state, 'position', known) -- lets a WAIT after the call cover the later one
		return nil
	end
	local moved = move(log, state, group, position, count)
	if moved.err then
		if find_group(log, group) then
			return moved
		elseif is_gone(log, state, group, position, known) then
			return {'GONE'}
		end
		local made = redis.pcall('XGROUP', 'CREATE', log, group, position, 'MKSTREAM')
		if made.err then
			return moved
		end
		note_position(state, position, count)
	end
	return nil
end
