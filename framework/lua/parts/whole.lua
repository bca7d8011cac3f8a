-- A change for which the whole assignment is read.

local had = {} -- the fields of `partitions` that are not partitions

local function read_whole()
	forget_all()
	names, capacities, limits = {}, {}, {}
	read_members()
	local fields = redis.call('HGETALL', partitions)
	for i = 1, #fields, 2 do
		local p = tonumber(fields[i])
		if not p then
			had[fields[i]] = fields[i + 1]
		elseif p < count then
			read(p, fields[i + 1])
		end
	end
	for p = 0, count - 1 do
		scope[#scope + 1] = p
		if not epoch[p] then
			epoch[p], owner[p], target[p] = '0', NOBODY, NOBODY
		end
	end
end

-- A member that has a lease, but is in no list of members, is not gone: Redis has lost that list.
local function is_gone(name)
	if gone[name] == nil then
		gone[name] = not capacities[name] and not redis.call('ZSCORE', leases, name)
	end
	return gone[name]
end

local function targets_lack()
	for _, p in ipairs(scope) do
		if not capacities[target[p]] then
			return true
		end
	end
	return false
end

local function counts_of_targets()
	local holding = {}
	for _, p in ipairs(scope) do
		if target[p] ~= NOBODY then
			holding[target[p]] = (holding[target[p]] or 0) + 1
		end
	end
	return holding
end

-- What each member owns, and what is on its way to it, as texts.
local function lists_of_all()
	local own, on_the_way = {}, {}
	for _, name in ipairs(names) do
		own[name], on_the_way[name] = {}, {}
	end
	for _, p in ipairs(scope) do
		if own[owner[p]] then
			table.insert(own[owner[p]], p)
		end
		if on_the_way[target[p]] and owner[p] ~= target[p] then
			table.insert(on_the_way[target[p]], p)
		end
	end
	for _, name in ipairs(names) do
		own[name], on_the_way[name] = table.concat(own[name], ' '), table.concat(on_the_way[name], ' ')
	end
	return own, on_the_way
end

-- Which fields ><member> and #<member> are not what they should be: those to be written, with their values, and those to be dropped.
local function repairs(own, on_the_way, lists)
	local writes, drops = {}, {}
	for _, name in ipairs(names) do
		local list = text(tonumber(had['@' .. name] or '0')) .. ' ' .. own[name]
		if not lists[name] and had['#' .. name] ~= list then
			writes[#writes + 1] = '#' .. name
			writes[#writes + 1] = list
		end
		if on_the_way[name] ~= '' and on_the_way[name] ~= had['>' .. name] then
			writes[#writes + 1] = '>' .. name
			writes[#writes + 1] = on_the_way[name]
		end
	end
	for field in pairs(had) do
		if string.sub(field, 1, 1) == '>' and (on_the_way[string.sub(field, 2)] or '') == '' then
			drops[#drops + 1] = field
		end
	end
	return writes, drops
end

local function write_whole()
	local own, on_the_way = lists_of_all()
	local changed, lists = generation == 0 or next(dirty), {}
	for _, name in ipairs(names) do
		-- Every member must see a first assignment.
		if generation == 0 or concerned[name] then
			lists[name] = own[name]
		end
	end
	local writes, drops = repairs(own, on_the_way, lists)
	if gathered then
		drops[#drops + 1] = 'gather_end'
		drops[#drops + 1] = 'gather_by'
	end
	drop(drops)
	if changed or membership_changed or not counted or gathered then
		writes[#writes + 1] = 'targets'
		writes[#writes + 1] = cmsgpack.pack(counts_of_targets())
		writes[#writes + 1] = 'counted'
		writes[#writes + 1] = text(generation)
		changed_partitions(writes)
	end
	if changed then
		generation = publish(generation, writes, lists, true)
	else
		put(writes)
	end
end

local function change_whole()
	read_whole()
	free(is_gone)
	if not gathers and (membership_changed or gathered or targets_lack()) then
		local quota, order = quotas(count, names, capacities, limits, counts_of_targets())
		share_out(scope, quota, order, owner, target, set_target)
	end
	hand_over()
	write_whole()
end
