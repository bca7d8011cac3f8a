-- @include forget
-- @include remade
-- @include run

-- Sets the group to the beginning of its log. What the state says of messages was said of another log. `count`:
-- how many entries the group has read, 0 or -1.
local function begin_anew(log, state, group, count)
	redis.call('XGROUP', 'SETID', log, group, '0-0', 'ENTRIESREAD', count)
	redis.call('HSET', state, 'position', '0-0', 'count', count)
	redis.call('HDEL', state, 'claimed', 'lost_upto')
	forget_messages(state)
	begin_run(state)
end

-- Where a group goes that Redis does not have: a status, and the position if there is one.
local function place_of(log, state, start, hint, sure)
	local stored = redis.call('HMGET', state, 'position', 'count')
	if stored[1] then
		return is_remade(log, stored[1], stored[2]) and 'RENEWED' or 'REMADE', stored[1]
	elseif hint == '' then
		return 'MADE', start == '0' and '0-0' or start
	elseif sure ~= '1' and redis.call('EXISTS', log) == 1 and redis.call('XLEN', log) > 0 then
		return 'UNSURE'
	elseif hint == '?' then
		return 'FORGOTTEN'
	end
	return is_remade(log, hint) and 'RENEWED' or 'REMADE', hint
end

-- Returns a status, Redis's record of the group, and with RENEWED the position where the group was.
--   OK         it is there
--   MADE       nobody has known it: it begins at `start`
--   REMADE     it had vanished: it goes on where it was
--   RENEWED    it had vanished with its log: it begins with the first message of the present log
--   FORGOTTEN  it had vanished, and nobody knows its position: it begins with the first message that is there
--   UNSURE     another member may know the position better; nothing is done, and the record is nil
-- The state says where the group was. Without it, the caller's `hint` counts: the position that it remembers,
-- `?` if it remembers only that the group was there, '' if it does not know the group. `sure` is 1 if nobody
-- knows better. The position is stored at once, so that a group that vanishes before its first commit begins at
-- the same place again.
local function open_group(log, state, group, start, hint, sure)
	local found = find_group(log, group)
	if found then
		return 'OK', found
	end
	local status, position = place_of(log, state, start, hint or '', sure)
	if status == 'UNSURE' then
		return status
	end
	local anew = status == 'RENEWED' or status == 'FORGOTTEN'
	local made = {name = group, pending = 0, ['entries-read'] = false, ['last-delivered-id'] = '0-0'}
	if anew or position == '0-0' then
		redis.call('XGROUP', 'CREATE', log, group, '0-0', 'MKSTREAM')
	else
		redis.call('XGROUP', 'CREATE', log, group, '$', 'MKSTREAM')
		made = find_group(log, group)
		-- A position beyond the log's end would skip messages that come later.
		if position ~= '$' and id_less(position, made['last-delivered-id']) then
			redis.call('XGROUP', 'SETID', log, group, position)
			made['last-delivered-id'], made['entries-read'] = position, false
		end
	end
	if anew then
		begin_anew(log, state, group, status == 'RENEWED' and '0' or '-1')
		made['entries-read'] = status == 'RENEWED' and 0
	elseif status == 'MADE' or redis.call('HEXISTS', state, 'position') == 0 then
		redis.call('HSET', state, 'position', made['last-delivered-id'], 'count', '-1')
	end
	return status, made, status == 'RENEWED' and position or nil
end
