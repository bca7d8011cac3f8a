-- A table of what XINFO returns as names and values in turn.
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
		for i = 1, #fields, 2 do
			if fields[i] == 'name' then
				if fields[i + 1] == group then
					return named(fields)
				end
				break
			end
		end
	end
end

-- The oldest entry that a reader with XREADGROUP has not acknowledged, or nil.
local function oldest_pending(log, found)
	if found.pending == 0 then
		return nil
	end
	return redis.call('XPENDING', log, found.name)[2]
end
