-- The numbers that are keys of a table, the highest first.
local function highest_first(of)
	local numbers = {}
	for number in pairs(of) do
		numbers[#numbers + 1] = number
	end
	table.sort(numbers, function(a, b) return a > b end)
	return numbers
end

-- The members with a capacity, by the remainder of their share, and by how many more they hold than the share's whole part. Also
-- the whole parts, and the sum of them.
local function ranks(count, total, names, capacities, holding)
	local ranked, quota, sum = {}, {}, 0
	local last, whole, alike -- most members have the same capacity
	for _, name in ipairs(names) do
		local capacity = capacities[name] or 0
		if capacity > 0 then
			if capacity ~= last then
				local rest = count * capacity % total
				last, whole, alike = capacity, (count * capacity - rest) / total, ranked[rest] or {}
				ranked[rest] = alike
			end
			local surplus = (holding[name] or 0) - whole
			local group = alike[surplus]
			if not group then
				group = {}
				alike[surplus] = group
			end
			group[#group + 1] = name
			quota[name] = whole
			sum = sum + whole
		end
	end
	return ranked, quota, sum
end

-- How many of `count` partitions each member shall have, and the members in the order in which they are
-- served: by largest remainder, then by how many more they hold than they shall. Nothing here sorts names: of many
-- members, that would take longer than all the rest.
local function quotas_by_capacity(count, names, capacities, holding)
	local total, order = 0, {}
	for _, name in ipairs(names) do
		total = total + (capacities[name] or 0)
	end
	local ranked, quota, sum = ranks(count, total, names, capacities, holding)
	for _, rest in ipairs(highest_first(ranked)) do
		for _, surplus in ipairs(highest_first(ranked[rest])) do
			for _, name in ipairs(ranked[rest][surplus]) do
				order[#order + 1] = name
			end
		end
	end
	for i = 1, math.min(count - sum, #order) do
		quota[order[i]] = quota[order[i]] + 1
	end
	return quota, order
end

-- The same, where no member gets more than its limit: what it cannot serve goes to others, or to nobody. `holding`: of
-- how many partitions each member is the target.
local function quotas(count, names, capacities, limits, holding)
	local quota, order = quotas_by_capacity(count, names, capacities, holding)
	if not next(limits) then
		return quota, order
	end
	local free, limited, exceeded = {}, {}, true
	for name, capacity in pairs(capacities) do
		free[name] = capacity
	end
	local current = quota
	while exceeded do
		exceeded = false
		for name in pairs(current) do
			if limits[name] and current[name] > limits[name] then
				limited[name], free[name], exceeded = limits[name], nil, true
				count = count - limits[name]
			end
		end
		current = quotas_by_capacity(count, names, free, holding)
	end
	for _, name in ipairs(order) do
		quota[name] = limited[name] or current[name]
	end
	return quota, order
end

-- Chooses the target of each partition of `scope`, and calls set_target(p, name) for each that changes. `left`: how many
-- of them each member shall have; the function uses it up.
-- First, a partition stays where its owner is its target; then, where it is on its way to its target. The
-- others stay with their owner if it shall have more, and else go to the members in order.
local function share_out(scope, left, order, owner, target, set_target)
	local settled = {}
	local function give(p, name)
		settled[p] = true
		left[name] = left[name] - 1
		if target[p] ~= name then
			set_target(p, name)
		end
	end
	local function wants(name)
		return (left[name] or 0) > 0
	end
	for _, p in ipairs(scope) do
		if owner[p] == target[p] and wants(target[p]) then
			give(p, target[p])
		end
	end
	for _, p in ipairs(scope) do
		if not settled[p] and wants(target[p]) then
			give(p, target[p])
		end
	end
	local at = 1
	for _, p in ipairs(scope) do
		if not settled[p] then
			while order[at] and not wants(order[at]) do
				at = at + 1
			end
			if wants(owner[p]) then
				give(p, owner[p])
			elseif order[at] then
				give(p, order[at])
			elseif target[p] ~= NOBODY then
				set_target(p, NOBODY)
			end
		end
	end
end
