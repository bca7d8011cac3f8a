-- Adds a batch of records to a partition: at once, within the bound, and not twice. KEYS: log producer counters.
-- ARGV: size overflow sequence ttl_ms n, then for each record its number of fields and their names and values.
-- @include group
local log, producer, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, sequence, ttl, n = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

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

-- The newest id that every group has committed, or nil: without a group, nobody has.
local function committed_by_all()
	local least
	for _, fields in ipairs(groups_of(log)) do
		local found = named(fields)
		local position = found['last-delivered-id']
		local pending = oldest_pending(log, found)
		if pending and id_less(id_before(pending), position) then
			position = id_before(pending)
		end
		if not least or id_less(position, least) then
			least = position
		end
	end
	return least
end

local room = size - redis.call('XLEN', log)
if room < n then
	local committed = committed_by_all()
	if committed and committed ~= '0-0' then
		-- Whole nodes go for almost nothing; single entries only if that is not enough.
		redis.call('XTRIM', log, 'MINID', '~', id_after(committed))
		room = size - redis.call('XLEN', log)
		if room < n then
			redis.call('XTRIM', log, 'MINID', '=', id_after(committed))
			room = size - redis.call('XLEN', log)
		end
	end
	if room < n and overflow == 'drop-oldest' then
		local dropped = redis.call('XTRIM', log, 'MAXLEN', '=', math.max(size - n, 0))
		redis.call('HINCRBY', counters, 'dropped', dropped)
		room = size - redis.call('XLEN', log)
	end
end
if room < n then
	n = math.max(room, 0)
end
if n == 0 then
	return {'OK', '0-0', '0'}
end

-- The first id is Redis's; the others follow it in the same millisecond, so one answer tells all.
local first
local id = '*'
local at = 6
for _ = 1, n do
	local fields = tonumber(ARGV[at])
	local added
	if fields == 2 then
		added = redis.call('XADD', log, id, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
	else
		added = redis.call('XADD', log, id, unpack(ARGV, at + 1, at + 2 * fields))
	end
	if not first then
		first = added
		id = string.match(first, '^%d+') .. '-*'
	end
	at = at + 1 + 2 * fields
end
if sequence ~= '0' then
	redis.call('SET', producer, sequence .. ' ' .. first .. ' ' .. n, 'PX', ttl)
end
return {'OK', first, tostring(n)}
