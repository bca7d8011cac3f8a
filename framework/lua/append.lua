-- Adds a batch of records to a partition, once, and within the partition's bound.
-- KEYS: log producer, and counters with drop-oldest. ARGV: size overflow sequence oldest ttl_ms n. Then follow,
-- if no record has headers, the key and the data of each record; else the number of fields of each record, and
-- their names and values.
--
-- The script has no shebang line, so that Redis without memory refuses single commands, and not the script:
-- the script can trim. After it has trimmed, Redis accepts its commands again.
-- @include memory
local log, producer, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, ttl, n = tonumber(ARGV[1]), ARGV[2], ARGV[5], tonumber(ARGV[6])
local sequence, oldest = tonumber(ARGV[3]), tonumber(ARGV[4])
local FIRST_RECORD = 7
-- The number of arguments tells the two forms apart: records with fields have five or more arguments each.
local plain = #ARGV == 6 + 2 * n

-- @include duplicate
-- The included functions are created here when a batch needs them, and not for every batch.
local function trim(how)
-- @include trim
	return trim_committed(log, how)
end

-- @include room
if n == 0 then
	return {'OK', '0-0', '0'}
end

-- Redis chooses the first id. The other ids follow it in the same millisecond, so that the first one tells
-- them all. These loops are most of what a batch costs, so they do little besides XADD: redis.call raises an error,
-- and no step has to look for one.
local call, first = redis.call
local added = 0

-- Returns the id of the records that follow.
local function add_first(...)
	first = call('XADD', log, '*', ...)
	added = 1
	return string.match(first, '^%d+') .. '-*'
end

local function add_plain()
	local call, log, ARGV, at = call, log, ARGV, FIRST_RECORD
	local id = add_first('partitionKey', ARGV[at], 'data', ARGV[at + 1])
	for next = at + 2, at + 2 * n - 2, 2 do
		call('XADD', log, id, 'partitionKey', ARGV[next], 'data', ARGV[next + 1])
		added = added + 1
	end
end

local function add_fields()
	local at, id = FIRST_RECORD
	for i = 1, n do
		local to = at + 2 * ARGV[at]
		if i == 1 then
			id = add_first(unpack(ARGV, at + 1, to))
		else
			call('XADD', log, id, unpack(ARGV, at + 1, to))
			added = i
		end
		at = to + 1
	end
end

-- Returns Redis's error as a reply, or nil.
local function add()
	local good, failure = pcall(plain and add_plain or add_fields)
	if not good then
		return type(failure) == 'table' and failure or {err = failure}
	end
end

local failure = add()
-- The partition has room, but Redis has no memory: trim committed messages, at least as many as the batch
-- adds.
if failure and out_of_memory(failure) and trim('=') >= n then
	failure = add()
end
-- After the first record, only the end of all ids can stop the batch. The records before that count as added.
if failure and added == 0 then
	return failure
end
if drops > 0 and n > size then
	redis.call('XTRIM', log, 'MAXLEN', '=', size)
end
-- @include remember
return {'OK', first, tostring(added)}
