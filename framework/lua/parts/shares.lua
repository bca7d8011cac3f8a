-- How many of `count` partitions each member shall have, and the members in the order in which they are
-- served: by largest remainder, then by how many more they hold than they shall, then by name.
local function quotas_by_capacity(count, capacities, holding)
	local order, quota = {}, {}
	local total, left = 0, count
	for name, capacity in pairs(capacities) do
		if capacity > 0 then
			order[#order + 1] = name
			total = total + capacity
		end
	end
	local remainder, surplus = {}, {}
	for _, name in ipairs(order) do
		remainder[name] = count * capacities[name] % total
		quota[name] = (count * capacities[name] - remainder[name]) / total
		surplus[name] = (holding[name] or 0) - quota[name]
		left = left - quota[name]
	end
	table.sort(order, function(a, b)
		if remainder[a] ~= remainder[b] then
			return remainder[a] > remainder[b]
		end
		if surplus[a] ~= surplus[b] then
			return surplus[a] > surplus[b]
		end
		return a < b
	end)
	for i = 1, math.min(left, #order) do
		quota[order[i]] = quota[order[i]] + 1
	end
	return quota, order
end

-- The same, where no member gets more than its limit: what it cannot serve goes to others, or to nobody.
local function quotas(count, capacities, limits, target)
	local holding = {}
	for p = 0, count - 1 do
		holding[target[p]] = (holding[target[p]] or 0) + 1
	end
	local quota, order = quotas_by_capacity(count, capacities, holding)
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
		current = quotas_by_capacity(count, free, holding)
	end
	for _, name in ipairs(order) do
		quota[name] = limited[name] or current[name]
	end
	return quota, order
end

-- Chooses the target of each of `count` partitions, and calls set_target(p, name) for each that changes.
-- First, a partition stays where its owner is its target; then, where it is on its way to its target. The
-- others stay with their owner if it shall have more, and else go to the members in order.
local function share_out(count, capacities, limits, owner, target, set_target)
	local left, order = quotas(count, capacities, limits, target)
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
	for p = 0, count - 1 do
		if owner[p] == target[p] and wants(target[p]) then
			give(p, target[p])
		end
	end
	for p = 0, count - 1 do
		if not settled[p] and wants(target[p]) then
			give(p, target[p])
		end
	end
	local at = 1
	for p = 0, count - 1 do
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
