-- Adds a batch of records to a partition: at once, within the bound, and not twice.
-- KEYS: log producer counters. ARGV: size overflow sequence ttl_ms n, then for each record its number of
-- fields and their names and values.
--
-- Without a shebang line, so that Redis refuses single commands when it is out of memory, not the script:
-- this is the one that can trim. Once it has, Redis lets it go on.
-- @include memory
local log, producer, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, sequence, ttl, n = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FIRST_RECORD = 6

if sequence ~= '0' then
	local newest = redis.call('GET', producer)
	if newest then
		local number, first, added = string.match(newest, '^(%d+) (%S+) (%d+)$')
		if number == sequence then
			return {'DUP', first, added}
		end
		if tonumber(number) > tonumber(sequence) then
			return {'OLD'}
		end
	end
end

-- Its functions are made only where they are needed, not for every batch.
local function trim(how)
-- @include trim
	return trim_committed(log, how)
end

local room = size - redis.call('XLEN', log)
if room < n then
	room = room + trim('~')
	if room < n then
		room = room + trim('=')
	end
end
local drops = overflow == 'drop-oldest' and n - room or 0
if drops > 0 then
	redis.call('XTRIM', log, 'MAXLEN', '=', math.max(size - n, 0))
	redis.call('HINCRBY', counters, 'dropped', drops)
elseif room < n then
	n = math.max(room, 0)
end
if n == 0 then
	return {'OK', '0-0', '0'}
end

-- The first id is Redis's; the others follow it in the same millisecond, so one answer tells all. Returns it,
-- or the error for which nothing was added.
local function add()
	local call, id, at, first = redis.pcall, '*', FIRST_RECORD, nil
	for _ = 1, n do
		local fields, added = ARGV[at], nil
		if fields == '2' then
			added = call('XADD', log, id, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
			at = at + 5
		else
			local last = at + 2 * fields
			added = call('XADD', log, id, unpack(ARGV, at + 1, last))
			at = last + 1
		end
		if not first then
			if type(added) == 'table' then
				return added
			end
			first = added
			id = string.match(first, '^%d+') .. '-*'
			call = redis.call
		end
	end
	return first
end

local first = add()
-- No memory, though there is room: what is committed goes, and makes up for what comes.
if out_of_memory(first) and trim('=') >= n then
	first = add()
end
if type(first) == 'table' then
	return first
end
if drops > 0 and n > size then
	redis.call('XTRIM', log, 'MAXLEN', '=', size)
end
if sequence ~= '0' then
	redis.call('SET', producer, sequence .. ' ' .. first .. ' ' .. n, 'PX', ttl)
end
return {'OK', first, tostring(n)}
