-- @include group
-- @include id

-- Whether the log, whose group is missing, is another one than that in which `position` was reached with
-- `count`: it was deleted, or Redis has lost it. A deleted group alone leaves its log as it is. `count` may be
-- nil.
local function is_remade(log, position, count)
	if position == '0-0' then
		return false
	end
	local info = redis.call('EXISTS', log) == 1 and named(redis.call('XINFO', 'STREAM', log))
	-- Neither trimming nor deleting entries lowers the newest id of a log.
	if not info or id_less(info['last-generated-id'], position) then
		return true
	end
	-- More were read than were ever added. If all that is there comes after the position, nothing would be skipped,
	-- but the owner's count would stay that of the old log.
	if (tonumber(count or '-1') or -1) > info['entries-added'] then
		return true
	end
	local first = info['first-entry']
	if not first or id_less(position, first[1]) then
		return false -- or it does not matter: all that is there comes after the position
	end
	-- A packed entry says how many records came before it, and the count goes on in a log made anew.
	local function from(entry)
		for i = 1, #entry[2], 2 do
			if entry[2][i] == 'from' then
				return tonumber(entry[2][i + 1])
			end
		end
	end
	local records = tonumber(string.match(count or '', '^r(%d+)$') or '')
	local before = from(redis.call('XREVRANGE', log, position, '-', 'COUNT', 1)[1])
	if records and before then
		return before >= records
	end
	-- The message at the position is there, perhaps within a packed entry, or it was deleted.
	local at = redis.call('XRANGE', log, position, '+', 'COUNT', 1)[1]
	if at and (at[1] == position or from(at)
		and string.match(at[1], '^%d+') == string.match(position, '^%d+')) then
		return false
	end
	return id_less(info['max-deleted-entry-id'], position)
end
