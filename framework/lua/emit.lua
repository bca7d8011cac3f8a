-- Adds records that the handler of another stream has emitted: each once, in their order, within the partition's bound.
-- KEYS: log from, and counters with drop-oldest. ARGV: size overflow source run epoch floor n. Then follow for each
-- record its mark (parts/source.lua), and, if no record has headers, its key and its data; else the number of its fields,
-- and their names and values.
--
-- No shebang line, for the reason that append.lua gives.
-- @include memory
local log, from, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, source, given = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[7])
local FIRST_RECORD = 8
-- As in append.lua: records with fields have six or more arguments each.
local plain = #ARGV == 7 + 3 * given
-- @include source

local later = read_source()
if later then
	return {'STALE', later}
end

-- The records that were not added before: where in ARGV each begins, and which of the call's records each is. If they
-- are in order, all are new from the first new one on.
local starts, places = {}, {}
local in_order = not has_slots and string.sub(ARGV[FIRST_RECORD], 1, 1) == '-'
local at = FIRST_RECORD
for i = 1, given do
	if in_order and #starts > 0 or is_new(ARGV[at]) then
		starts[#starts + 1], places[#starts + 1] = at, i
	end
	at = plain and at + 3 or at + 2 + 2 * ARGV[at + 1]
end
if #starts == 0 then
	write_source(true)
	return {'OK', tostring(given), '0'}
end
-- @include trial

-- The included functions are created here when a batch needs them, and not for every batch.
local function trim(how)
-- @include trim
	return trim_committed(log, how)
end

local n = #starts
-- @include room
if n == 0 then
	if places[1] > 1 then
		write_source(true)
	end
	return {'OK', tostring(places[1] - 1), '0'}
end

-- Returns how many are added, and Redis's error if these are not all.
local function add()
	local call = redis.pcall
	for i = 1, n do
		local start, last = starts[i]
		if plain then
			last = call('XADD', log, '*', 'partitionKey', ARGV[start + 1], 'data', ARGV[start + 2])
		else
			last = call('XADD', log, '*', unpack(ARGV, start + 2, start + 1 + 2 * ARGV[start + 1]))
		end
		if type(last) == 'table' then
			return i - 1, last
		end
	end
	return n
end

local added, failure = add()
if failure and out_of_memory(failure) and trim('=') >= n then
	added, failure = add()
end
-- After the first record, only the end of all ids can stop the batch.
if failure and added == 0 then
	return failure
end
if drops > 0 and n > size then
	redis.call('XTRIM', log, 'MAXLEN', '=', size)
end
for i = in_order and added or 1, added do
	note(ARGV[starts[i]])
end
write_source()
return {'OK', tostring(added < #starts and places[added + 1] - 1 or given), tostring(added)}
