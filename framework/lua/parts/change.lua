-- A change of an assignment, in memory. `scope` are the numbers of the partitions that this call has read, in order; the
-- other tables have their state.
local scope = {}
local epoch, owner, target = {}, {}, {}
local held_until, held_by = {}, {}
local old_owner, old_target = {}, {} -- as they were read
local dirty, concerned = {}, {} -- partitions to be written; members whose share has changed

local function read(p, value)
	local its_epoch, its_owner, its_target = string.match(value, '^(%S+) (%S+) (%S+)')
	epoch[p], owner[p], target[p] = its_epoch, its_owner, its_target
	old_owner[p], old_target[p] = its_owner, its_target
	if its_owner == NOBODY then
		local until_ms, by = string.match(value, '^%S+ %S+ %S+ (%S+) (%S+)')
		held_until[p], held_by[p] = until_ms and tonumber(until_ms), by
	end
end

local function forget_all()
	scope, epoch, owner, target, held_until, held_by = {}, {}, {}, {}, {}, {}
	old_owner, old_target, dirty, concerned = {}, {}, {}, {}
end

local function touch(p)
	dirty[p] = true
	concerned[owner[p]] = true
end

local function set_owner(p, name)
	touch(p)
	owner[p] = name
	concerned[name] = true
end

local function set_target(p, name)
	touch(p)
	target[p] = name
end

local function end_hold(p)
	touch(p)
	held_until[p], held_by[p] = nil, nil
end

-- Takes back the partitions that the caller releases. The epoch says which ownership ends: the member's, or, if another
-- process has replaced the caller, the caller's own, whose partitions are held.
local function take_back()
	for i = FIRST_RELEASE, #ARGV - 1, 2 do
		local p = tonumber(ARGV[i])
		if epoch[p] == ARGV[i + 1] then
			if held_by[p] == incarnation then
				end_hold(p)
			elseif is_member and not joins and owner[p] == me then
				set_owner(p, NOBODY)
			end
		end
	end
end

-- Frees what the caller releases, what members that are gone owned, and what a process owned that the caller replaces.
local function free(is_gone)
	take_back()
	for _, p in ipairs(scope) do
		if held_until[p] then
			if held_until[p] <= now or leaves and held_by[p] == incarnation then
				end_hold(p)
			end
		elseif joins and owner[p] == me then
			set_owner(p, NOBODY)
			if replaced_lease > now then
				held_until[p], held_by[p] = replaced_lease, registered or '?'
			end
		elseif owner[p] ~= NOBODY and is_gone(owner[p]) then
			set_owner(p, NOBODY)
		end
	end
end

-- Gives each partition that nobody owns to its target. The scope has all partitions that are held.
local function hand_over()
	holds_end = 0
	for _, p in ipairs(scope) do
		local name = target[p]
		if held_until[p] then
			holds_end = holds_end == 0 and held_until[p] or math.min(holds_end, held_until[p])
		elseif owner[p] == NOBODY and name ~= NOBODY and not gathers then
			owner[p], epoch[p] = name, raised(epoch[p], seen_epoch)
			dirty[p], concerned[name] = true, true
		end
	end
end

local function held_list()
	local held = {}
	for _, p in ipairs(scope) do
		if held_until[p] then
			held[#held + 1] = p
		end
	end
	return table.concat(held, ' ')
end

-- Adds the fields and values of the partitions that have changed to `writes`, which it returns.
local function changed_partitions(writes)
	if not counted or holds_end > 0 or stored[2] and stored[2] ~= '0' then
		for _, word in ipairs({'holds_end', text(holds_end), 'held', held_list()}) do
			writes[#writes + 1] = word
		end
	end
	for p in pairs(dirty) do
		local value = epoch[p] .. ' ' .. owner[p] .. ' ' .. target[p]
		if held_until[p] then
			value = value .. ' ' .. text(held_until[p]) .. ' ' .. held_by[p]
		end
		writes[#writes + 1] = p
		writes[#writes + 1] = value
	end
	return writes
end

-- --- the members ---------------------------------------------------------------

local names, capacities, limits = {}, {}, {}
local function read_members()
	local fields = redis.call('HGETALL', members)
	local last, capacity, limit -- most members have the same share
	for i = 1, #fields, 2 do
		local name, share = fields[i], string.match(fields[i + 1], ' (.*)$') or ''
		if share ~= last then
			last, capacity = share, tonumber(string.match(share, '%d+$'))
			limit = tonumber(string.match(share, '^(%d+):'))
		end
		names[#names + 1], capacities[name] = name, capacity
		if limit then -- Lua would make room for a nil
			limits[name] = limit
		end
	end
end

-- Forgets the members that are gone, and other fields.
local function drop(fields)
	for name, is in pairs(gone) do
		if is then
			fields[#fields + 1] = '@' .. name
			fields[#fields + 1] = '#' .. name
			fields[#fields + 1] = '>' .. name
		end
	end
	for i = 1, #fields, CHUNK do
		redis.call('HDEL', partitions, unpack(fields, i, math.min(i + CHUNK - 1, #fields)))
	end
end
