-- @include id

-- XINFO answers with names and values in turn.
local function named(fields)
	local map = {}
	for i = 1, #fields, 2 do
		map[fields[i]] = fields[i + 1]
	end
	return map
end

local function groups_of(log)
	if redis.call('EXISTS', log) == 0 then
		return {}
	end
	return redis.call('XINFO', 'GROUPS', log)
end

local function find_group(log, group)
	for _, fields in ipairs(groups_of(log)) do
		local found = named(fields)
		if found.name == group then
			return found
		end
	end
end

-- The oldest entry that somebody who reads with XREADGROUP has not acknowledged, or nil.
local function oldest_pending(log, found)
	if found.pending == 0 then
		return nil
	end
	return redis.call('XPENDING', log, found.name)[2]
end

-- Redis's record of the group, made at `start`, or where it was known to be, if there is none.
local function open_group(log, state, group, start)
	local found = find_group(log, group)
	if found then
		return 'OK', found
	end
	local position = redis.call('HGET', state, 'position')
	redis.call('XGROUP', 'CREATE', log, group, position or start, 'MKSTREAM')
	return position and 'REMADE' or 'MADE', find_group(log, group)
end
