-- @include group
-- @include count

-- How many entries after the position of the claim were removed before the group read them; how many of them earlier
-- epochs had counted; and up to which id they were. 0 if the log does not tell.
-- `read`: how many entries the owners have read up to `fetched`. If more came, the others are gone. The number is stored
-- as a whole, so that a repeated call counts nothing twice. Until the owner's commits are at the end of the gap, they count
-- only `passed` entries of it as read. The others are `gap_open`. passed = nil: the position is at `fetched`, and counts all.
local function count_removed(log, state, fetched, read, passed)
	local info = redis.pcall('XINFO', 'STREAM', log)
	info = not info.err and named(info)
	local came = info and entries_up_to(info, fetched)
	if not came or came - read <= 0 then
		return '0', '0', fetched
	end
	local stored = redis.call('HMGET', state, 'gap', 'gap_before', 'lost')
	local noted, before = tonumber(stored[1] or '0'), stored[2] or '0'
	-- Less than was noted: the owner is not yet past what earlier ones have counted.
	if came - read < noted then
		return '0', before, fetched
	end
	local gap = came - read
	-- What comes after `fetched` and before the first entry is gone, too.
	local upto = fetched
	if passed and id_less(fetched, info['last-generated-id']) then
		upto = info['first-entry'] and id_before(info['first-entry'][1]) or info['last-generated-id']
	end
	local fields = {'gap', text(gap), 'gap_id', upto, 'gap_open', text(passed and gap - passed or 0)}
	if gap > noted then
		fields[7], fields[8] = 'lost', text((stored[3] or 0) + gap - noted)
	end
	-- One command: a call that failed in between would count again.
	redis.call('HSET', state, unpack(fields))
	return text(gap), before, upto
end
