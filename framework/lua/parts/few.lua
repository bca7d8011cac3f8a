-- A change that concerns few members: it reads and writes only the partitions that may change, not the whole
-- assignment. The lists and counts that it needs are right while the field `counted` equals the generation: scripts of
-- earlier releases, which do not keep them, change only the generation.

local owned, coming = {}, {} -- the lists of the members, as text

local function knows_lists(name)
	if not owned[name] then
		owned[name], coming[name] = list_of(name)
		-- A member that never had a partition has no list.
		if not owned[name] and redis.call('HEXISTS', partitions, '@' .. name) == 0 then
			owned[name] = ''
		end
	end
	return owned[name]
end

-- Of how many partitions each member is the target. nil if a partition has no member as its target.
local function read_counts()
	local packed = redis.call('HGET', partitions, 'targets')
	local holding, sum = packed and cmsgpack.unpack(packed) or {}, 0
	for name, n in pairs(holding) do
		if not capacities[name] and not gone[name] then
			return nil
		end
		sum = sum + n
	end
	return sum == count and holding or nil
end

-- Reads the partitions in these lists into the scope. false if they are too many, or one of them is unknown.
local function read_scope(lists)
	local seen = {}
	for _, list in ipairs(lists) do
		for p in string.gmatch(list, '%d+') do
			p = tonumber(p)
			if not seen[p] then
				seen[p], scope[#scope + 1] = true, p
			end
		end
	end
	if #scope > count / 2 + 1 then
		return false
	end
	table.sort(scope)
	local known = true
	each_chunk(scope, function(p, value)
		read(p, value)
		known = known and epoch[p]
	end)
	return known
end

-- Adds all that a member owns, and all that is on its way to it.
local function add_share(lists, name)
	if not knows_lists(name) then
		return false
	end
	lists[#lists + 1] = owned[name]
	lists[#lists + 1] = coming[name]
	return true
end

-- What may change without regard to the shares: what is released, held, or has lost its owner.
local function lists_of_freed()
	local lists = {holds_end > 0 and redis.call('HGET', partitions, 'held') or ''}
	for i = FIRST_RELEASE, #ARGV - 1, 2 do
		lists[#lists + 1] = ARGV[i]
	end
	for name in pairs(gone) do
		if not add_share(lists, name) then
			return nil
		end
	end
	if joins and not add_share(lists, me) then
		return nil
	end
	return lists
end

local function numbers_of(list)
	local numbers = {}
	for p in string.gmatch(list, '%d+') do
		numbers[#numbers + 1] = p
	end
	return numbers
end

-- Adds what this member, the target of `n` partitions, has above `quota`: rather what is on its way to it than what it owns.
-- Only a member that owns partitions which it must release may need all of its partitions read. Returns how many of its
-- partitions the scope must have, and nil if its lists are unknown.
local function add_surplus(lists, name, n, quota)
	if not knows_lists(name) then
		return nil
	end
	local numbers = numbers_of(coming[name])
	if #numbers < n - quota then
		numbers = numbers_of(owned[name] .. ' ' .. coming[name])
		if #numbers > n then
			return add_share(lists, name) and n
		end
	end
	for i = #numbers - (n - quota) + 1, #numbers do
		lists[#lists + 1] = numbers[i]
	end
	return n - quota
end

-- Adds what members have above their shares. Returns how many partitions of these members the scope must have.
local function add_surpluses(lists, holding, quota)
	local giving = {}
	for name, n in pairs(holding) do
		if n > (quota[name] or 0) then
			giving[name] = add_surplus(lists, name, n, quota[name] or 0)
			if not giving[name] then
				return nil
			end
		end
	end
	return giving
end

-- Chooses targets for what members have above their shares. false if the scope does not have all of that.
local function share_out_scope(holding, quota, order, giving)
	local left, inside = {}, {}
	for _, p in ipairs(scope) do
		inside[target[p]] = (inside[target[p]] or 0) + 1
	end
	for name, n in pairs(giving) do
		if (inside[name] or 0) < n then
			return false
		end
	end
	for name, n in pairs(quota) do
		if inside[name] or holding[name] ~= n then
			left[name] = n - (holding[name] or 0) + (inside[name] or 0)
		end
	end
	share_out(scope, left, order, owner, target, set_target)
	return true
end

-- Whether each partition that will be handed over goes to a member.
local function targets_are_members()
	local known = {}
	for _, p in ipairs(scope) do
		local name = target[p]
		if name == NOBODY then
			return false
		end
		if owner[p] == NOBODY and not capacities[name] and known[name] == nil then
			known[name] = redis.call('HEXISTS', members, name) == 1
			if not known[name] then
				return false
			end
		end
	end
	return true
end

-- What the change moves between the lists: which numbers leave each field, and which come.
local function moves_between_lists()
	local out, into = {}, {}
	local function move(p, from, to)
		if from == to then
			return
		end
		if from then
			out[from] = out[from] or {}
			out[from][text(p)] = true
		end
		if to then
			into[to] = into[to] or {}
			table.insert(into[to], p)
		end
	end
	for p in pairs(dirty) do
		move(p, old_owner[p] ~= NOBODY and '#' .. old_owner[p], owner[p] ~= NOBODY and '#' .. owner[p])
		move(p, old_target[p] ~= old_owner[p] and '>' .. old_target[p], target[p] ~= owner[p] and '>' .. target[p])
	end
	return out, into
end

local function list_after(list, out, into)
	if out then
		local kept = {}
		for p in string.gmatch(list, '%d+') do
			if not out[p] then
				kept[#kept + 1] = p
			end
		end
		list = table.concat(kept, ' ')
	end
	if into then
		list = (list == '' and '' or list .. ' ') .. table.concat(into, ' ')
	end
	return list
end

-- Writes the change and what belongs to it. false, and nothing is written, if a list is unknown.
local function write_few(holding)
	local out, into = moves_between_lists()
	local touched = joins and {[me] = true} or {}
	for name in pairs(concerned) do
		touched[name] = true
	end
	for _, fields in ipairs({out, into}) do
		for field in pairs(fields) do
			touched[string.sub(field, 2)] = true
		end
	end
	touched[NOBODY] = nil
	for name in pairs(touched) do
		if not gone[name] and not knows_lists(name) then
			return false
		end
	end
	local writes, empty, lists = changed_partitions({}), {}, {}
	for name in pairs(touched) do
		if not gone[name] then
			local mine, its = '#' .. name, '>' .. name
			if concerned[name] or joins and name == me then
				lists[name] = list_after(owned[name], out[mine], into[mine])
			end
			if out[its] or into[its] then
				local list = list_after(coming[name], out[its], into[its])
				if list == '' then
					empty[#empty + 1] = its
				else
					writes[#writes + 1] = its
					writes[#writes + 1] = list
				end
			end
		end
	end
	if holding then
		for p in pairs(dirty) do
			local before = holding[old_target[p]]
			holding[old_target[p]] = before > 1 and before - 1 or nil
			holding[target[p]] = (holding[target[p]] or 0) + 1
		end
		writes[#writes + 1] = 'targets'
		writes[#writes + 1] = cmsgpack.pack(holding)
	end
	drop(empty)
	for name, list in pairs(lists) do
		owned[name] = list
	end
	if next(dirty) then
		generation = publish(generation, writes, lists, true)
	else
		-- A member came or went that has nothing; it has a list all the same.
		for name, list in pairs(lists) do
			put({'#' .. name, text(share_changed) .. ' ' .. list})
		end
	end
	return true
end

-- Makes the change. false, and nothing was written, if the whole assignment is needed.
local function change_few()
	local lists = lists_of_freed()
	local holding, quota, order, giving
	if lists and membership_changed and not gathers then
		read_members()
		holding = read_counts()
		if not holding then
			return false
		end
		quota, order = quotas(count, names, capacities, limits, holding)
		giving = add_surpluses(lists, holding, quota)
		if not giving then
			return false
		end
	end
	if not lists or not read_scope(lists) then
		return false
	end
	free(function(name) return gone[name] end)
	if holding and not share_out_scope(holding, quota, order, giving) then
		return false
	end
	if not gathers and not targets_are_members() then
		return false
	end
	hand_over()
	return write_few(holding)
end
