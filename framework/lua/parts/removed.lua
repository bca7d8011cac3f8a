-- @include group
-- @include count

-- How many entries between the position of the claim and `position` were removed before the group read them: nil if
-- the log does not tell; and how many of them earlier epochs had counted. `read`: how many entries the owners have
-- read up to there. If more came, the others are gone. The number is stored as a whole, so that a repeated call
-- counts nothing twice.
local function count_removed(log, state, position, read)
	local stored = redis.call('HMGET', state, 'gap', 'gap_before')
	local noted, before = tonumber(stored[1] or '0'), stored[2] or '0'
	local came = redis.call('EXISTS', log) == 1 and entries_up_to(named(redis.call('XINFO', 'STREAM', log)), position)
	if not came then
		return nil, before
	end
	local gap = math.max(came - read, 0)
	if gap > noted then
		redis.call('HINCRBY', state, 'lost', gap - noted)
		redis.call('HSET', state, 'gap', text(gap), 'gap_id', position, 'gap_came', came)
	end
	return gap, before
end
