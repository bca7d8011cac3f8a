-- Adds a batch of records to a partition: at once, within the bound, and not twice.
-- KEYS: log producer counters. ARGV: size overflow sequence ttl_ms n, then for each record its key and data, where
-- none has headers; else its number of fields and their names and values.
--
-- Without a shebang line, so that Redis refuses single commands when it is out of memory, not the script:
-- this is the one that can trim. Once it has, Redis lets it go on.
-- @include memory
local log, producer, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, sequence, ttl, n = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FIRST_RECORD = 6
-- Told by the number of arguments: with fields they are five or more a record.
local plain = #ARGV == 5 + 2 * n

-- @include duplicate
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

-- The first id is Redis's; the others follow it in the same millisecond, so one answer tells all. Returns
-- Redis's error, if there is one.
local first
local added = 0
local function add()
	local call, id, at = redis.pcall, '*', FIRST_RECORD
	for i = 1, n do
		local last
		if plain then
			last = call('XADD', log, id, 'partitionKey', ARGV[at], 'data', ARGV[at + 1])
			at = at + 2
		else
			local to = at + 2 * ARGV[at]
			last = call('XADD', log, id, unpack(ARGV, at + 1, to))
			at = to + 1
		end
		if type(last) == 'table' then
			return last
		end
		if i == 1 then
			first = last
			id = string.match(first, '^%d+') .. '-*'
		end
		added = i
	end
end

local failure = add()
-- No memory, though there is room: what is committed goes, and makes up for what comes.
if failure and out_of_memory(failure) and trim('=') >= n then
	failure = add()
end
-- Behind the first record only the last id that there is can end it; the records before it count as added.
if failure and added == 0 then
	return failure
end
if drops > 0 and n > size then
	redis.call('XTRIM', log, 'MAXLEN', '=', size)
end
if sequence ~= '0' then
	redis.call('SET', producer, sequence .. ' ' .. first .. ' ' .. added, 'PX', ttl)
end
return {'OK', first, tostring(added)}
