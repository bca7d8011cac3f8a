-- @include group
-- @include count

-- How many entries up to `position` were removed under this epoch before the group read them, as text: what the
-- log tells now, or else what was counted before. `read`: how many entries the owners have read up to there. If
-- more came, the others are gone. The number is stored as a whole, so that a repeated call counts nothing twice.
local function count_removed(log, state, position, read)
	local noted = redis.call('HGET', state, 'gap') or '0'
	local came = redis.call('EXISTS', log) == 1 and entries_up_to(named(redis.call('XINFO', 'STREAM', log)), position)
	if not came or came - read <= tonumber(noted) then
		return noted
	end
	redis.call('HINCRBY', state, 'lost', came - read - noted)
	redis.call('HSET', state, 'gap', text(came - read), 'gap_id', position)
	return text(came - read)
end
