-- @include memory
-- @include id
-- @include text

-- Adds the `n` records of `value` as one entry, all of them or none, within the bound of `size` records. Returns the id
-- of the first record; nil if the partition is full; or nil and Redis's error. Uses the script's `log`, `counters`,
-- `size`, `overflow`, `n`, `field` and `value`.
--
-- The entry has the id of its last record; the other records have the n-1 sequence numbers before it. The
-- bound counts records. `records` is how many were ever added. `base` is how many of them came before the
-- first entry of the log, when the script last looked.
local function add_packed()
	local kept = redis.call('HMGET', counters, 'records', 'base', 'last')
	local records, base = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')

	-- Tried before the entry is added: else it would be there, and not be counted.
	local tried = redis.pcall('HSET', counters, 'records', text(records))
	if type(tried) == 'table' and not out_of_memory(tried) then
		return nil, tried
	end

	-- The included functions are created here when a batch needs them, and not for every batch.
	local function trim(how)
-- @include trim
		return trim_committed(log, how)
	end

	-- Entries that other programs have added have no field `from`, and count as no records.
	local function look()
		local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
		if not first then
			base = records
			return
		end
		for i = 1, #first[2], 2 do
			if first[2][i] == 'from' then
				base = tonumber(first[2][i + 1]) or base
			end
		end
	end

	local function is_full()
		return records - base + n > size
	end

	for _, how in ipairs({'~', '='}) do
		if is_full() then
			trim(how)
			look()
		end
	end
	if is_full() and overflow == 'drop-oldest' then
		local before = base
		while is_full() and redis.call('XLEN', log) > 0 do
			local second = redis.call('XRANGE', log, '-', '+', 'COUNT', 2)[2]
			if second then
				redis.call('XTRIM', log, 'MINID', '=', second[1])
			else
				redis.call('XTRIM', log, 'MAXLEN', '=', 0)
			end
			look()
		end
		redis.call('HINCRBY', counters, 'dropped', base - before)
	elseif is_full() then
		return nil
	end

	-- The first id of a batch: after the id `last`, and not before the present time.
	local NUMBER_EXACT = 2 ^ 53
	local function first_behind(last)
		local time = redis.call('TIME')
		local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
		local ms, seq = string.match(last or '0-0', '^(%d+)-(%d+)$')
		if number_less(ms, now) then
			return now, 0
		elseif tonumber(seq) + n >= NUMBER_EXACT then
			return one_more(ms), 0
		end
		return ms, tonumber(seq) + 1
	end

	local function add(last)
		local ms, seq = first_behind(last)
		local id = redis.pcall('XADD', log, ms .. '-' .. text(seq + n - 1), field, value, 'from', text(records))
		return id, ms .. '-' .. text(seq)
	end

	-- The newest id of the log. Another program may have added an entry after our newest; our next ids must
	-- follow it.
	local function newest()
		if kept[3] and #redis.call('XRANGE', log, '(' .. kept[3], '+', 'COUNT', 1) == 0 then
			return kept[3]
		end
		local info = redis.call('EXISTS', log) == 1 and redis.call('XINFO', 'STREAM', log) or {}
		for i = 1, #info, 2 do
			if info[i] == 'last-generated-id' then
				return info[i + 1]
			end
		end
	end

	local id, first = add(newest())
	if type(id) == 'table' and out_of_memory(id) and trim('=') > 0 then
		id, first = add(newest())
	end
	if type(id) == 'table' then
		return nil, id
	end
	redis.call('HSET', counters, 'records', text(records + n), 'base', text(base), 'last', id)
	return first
end
