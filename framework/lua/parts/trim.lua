-- @include group
-- @include id

-- The newest id that every group has committed; nil if the log has no group.
local function committed_by_all(log)
	local least
	for _, fields in ipairs(groups_of(log)) do
		local found = named(fields)
		local position = found['last-delivered-id']
		local pending = oldest_pending(log, found)
		if pending and not id_less(position, pending) then
			position = id_before(pending)
		end
		if not least or id_less(position, least) then
			least = position
		end
	end
	return least
end

-- Removes entries that every group has committed, and returns how many it removed. how: '~' removes only
-- whole nodes of the stream, which costs almost nothing; '=' removes all of them.
local function trim_committed(log, how)
	local committed = committed_by_all(log)
	if not committed or committed == '0-0' then
		return 0
	end
	return redis.call('XTRIM', log, 'MINID', how, id_after(committed))
end
