-- @include group

local function find_group(log, group)
	for _, fields in ipairs(groups_of(log)) do
		local found = named(fields)
		if found.name == group then
			return found
		end
	end
end

-- Returns OK, MADE or REMADE, and Redis's record of the group. A group that Redis does not have is
-- created at its stored position, or else at `start`. `start` is stored at once, so that a group that
-- vanishes before its first commit begins at the same place again.
local function open_group(log, state, group, start)
	local found = find_group(log, group)
	if found then
		return 'OK', found
	end
	local position = redis.call('HGET', state, 'position')
	redis.call('XGROUP', 'CREATE', log, group, position or start, 'MKSTREAM')
	found = find_group(log, group)
	if not position then
		redis.call('HSET', state, 'position', found['last-delivered-id'], 'count', '-1')
	end
	return position and 'REMADE' or 'MADE', found
end
