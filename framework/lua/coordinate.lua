#!lua flags=allow-oom
-- The coordinator: one call is one heartbeat.
-- KEYS: members leases partitions control groups.
-- ARGV: group command member incarnation session_ms capacity partition_count known_generation, then the
-- released partitions, `p epoch` each.
--
-- Allowed without memory: without owners nothing is committed, and nothing trimmed.
local members, leases, partitions, control, groups = unpack(KEYS)
local group, command, me, incarnation = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local session, capacity = tonumber(ARGV[5]), tonumber(ARGV[6])
local count, known = tonumber(ARGV[7]), tonumber(ARGV[8])
local FIRST_RELEASE = 9
local CHUNK = 1000 -- of the words of one command: Lua's stack is bounded
local NOBODY = '-'

if me == NOBODY then
	return redis.error_reply('ERR a member cannot be named "-"; give it another name')
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Of Lua's own making, a number of that size may come out as 1.8e+12.
local function text(number)
	return string.format('%.0f', number)
end

-- The epoch of an owner behind that of the one before.
local function raised(epoch)
	return text(math.max(tonumber(epoch) + 1, now))
end

-- --- the caller --------------------------------------------------------------

local record = redis.call('HGET', members, me)
local registered = record and string.match(record, '^%S+') -- incarnation
local is_member = registered == incarnation
local joins = command == 'join' and not is_member
local leaves = command == 'leave'
local membership_changed = false
local gone = {}
local replaced_lease = 0 -- the end of the lease of the process that has this name until now

if joins then
	replaced_lease = tonumber(redis.call('ZSCORE', leases, me) or '0')
	redis.call('SADD', groups, group)
	is_member = true
end
if is_member and leaves then
	redis.call('HDEL', members, me)
	redis.call('ZREM', leases, me)
	gone[me] = true
	membership_changed = true
elseif is_member then
	local wanted = incarnation .. ' ' .. text(capacity)
	if record ~= wanted then
		redis.call('HSET', members, me, wanted)
		membership_changed = true
	end
	redis.call('ZADD', leases, text(now + session), me)
end

-- --- the dead ----------------------------------------------------------------

-- Not the caller: its lease has just been renewed.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(now))) do
	gone[name] = true
	redis.call('HDEL', members, name)
	redis.call('ZREM', leases, name)
	membership_changed = true
end
-- The leases were lost: whoever does not come back for a new one is dead in a while.
if redis.call('HLEN', members) > redis.call('ZCARD', leases) then
	for _, name in ipairs(redis.call('HKEYS', members)) do
		redis.call('ZADD', leases, 'NX', text(now + session), name)
	end
end

-- --- nothing to do, most of the time -------------------------------------------

local stored = redis.call('HMGET', partitions, 'generation', 'holds_end', '@' .. me)
local generation, holds_end = tonumber(stored[1] or '0'), tonumber(stored[2] or '0')
local share_changed = tonumber(stored[3] or '0')

-- Milliseconds until another member's lease ends, or a hold.
local function next_expiry()
	local first = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
	local least = tonumber((first[1] ~= me and first[2] or first[4]) or '0')
	if holds_end > 0 and (least == 0 or holds_end < least) then
		least = holds_end
	end
	return least > 0 and text(math.max(least - now, 0)) or '-1'
end

local function answer(share)
	if is_member then
		return {'OK', text(now), text(generation), next_expiry(), share}
	end
	return {registered and 'REPLACED' or 'UNKNOWN', text(now), text(generation), '-1', false}
end

local hold_ended = holds_end > 0 and holds_end <= now
local knows_all = command ~= 'join' and known > 0 and share_changed <= known and known <= generation
local quiet = not membership_changed and not hold_ended and not leaves and #ARGV < FIRST_RELEASE
if quiet and (knows_all or not is_member) then
	return answer(false)
end

-- The list of what a member owns holds from the change on that it is stamped with: a writer that does not know of
-- lists leaves one with another stamp than the share's.
local function stamped(stamp, list)
	return text(stamp) .. ' ' .. table.concat(list, ' ')
end

-- Writes a change down, and what the members own by now whose share it changes, and lets everybody know of it.
local function publish(writes, lists)
	-- Of the time, so that no generation comes again when Redis has lost its newest writes.
	generation = math.max(generation + 1, time[1] * 1000000 + time[2])
	writes[#writes + 1] = 'generation'
	writes[#writes + 1] = text(generation)
	for name, list in pairs(lists) do
		writes[#writes + 1] = '@' .. name
		writes[#writes + 1] = text(generation)
		writes[#writes + 1] = '#' .. name
		writes[#writes + 1] = stamped(generation, list)
	end
	for i = 1, #writes, CHUNK do
		redis.call('HSET', partitions, unpack(writes, i, math.min(i + CHUNK - 1, #writes)))
	end
	redis.call('XADD', control, 'MAXLEN', '64', '*', 'generation', text(generation))
end

-- --- a share told, partitions handed over: only what is concerned is read ---------

-- The fields of the partitions that a member owns, by the list that is kept of them. nil where there is none, one that
-- is not of the newest change of its share, or too many.
local function listed(name)
	local fields = redis.call('HMGET', partitions, '@' .. name, '#' .. name)
	local stamp, list = string.match(fields[2] or '', '^(%d+) (.*)$')
	local numbers = {}
	for p in string.gmatch(list or '', '%d+') do
		numbers[#numbers + 1] = p
	end
	return stamp == (fields[1] or '0') and #numbers <= CHUNK and numbers or nil
end

local function values_of(numbers)
	return #numbers > 0 and redis.call('HMGET', partitions, unpack(numbers)) or {}
end

local function listed_share()
	local numbers = listed(me)
	if not numbers then
		return nil
	end
	local share = {}
	for i, value in ipairs(values_of(numbers)) do
		local epoch, owner, target = string.match(value or '', '^(%S+) (%S+) (%S+)$')
		if owner ~= me then
			return nil
		end
		share[#share + 1] = numbers[i]
		share[#share + 1] = epoch
		share[#share + 1] = target == me and '0' or '1'
	end
	return share
end

-- What the caller releases goes to its targets. False, and nothing done, where that is not the whole story: what is
-- held, has no target, or has one that is no member.
local function hand_over()
	local numbers, seen, moved = {}, {}, {}
	for i = FIRST_RELEASE, #ARGV - 1, 2 do
		numbers[#numbers + 1] = ARGV[i]
	end
	if #numbers > CHUNK then
		return false
	end
	local lists = {[me] = listed(me)}
	local writes = {}
	for i, value in ipairs(values_of(numbers)) do
		local p = numbers[i]
		local epoch, owner, target = string.match(value or '', '^(%S+) (%S+) (%S+)$')
		if not epoch then
			return false
		end
		if epoch == ARGV[FIRST_RELEASE + 2 * i - 1] and owner == me and not seen[p] then
			seen[p] = true
			if not lists[target] then
				lists[target] = redis.call('HEXISTS', members, target) == 1 and listed(target)
			end
			if not lists[me] or not lists[target] then
				return false
			end
			if target ~= me then
				table.insert(lists[target], p)
				moved[p] = true
			end
			writes[#writes + 1] = p
			writes[#writes + 1] = raised(epoch) .. ' ' .. target .. ' ' .. target
		end
	end
	if #writes == 0 then
		return true
	end
	local kept = {}
	for _, p in ipairs(lists[me]) do
		if not moved[p] then
			kept[#kept + 1] = p
		end
	end
	lists[me] = kept
	publish(writes, lists)
	return true
end

local steady = not membership_changed and not hold_ended and not leaves and not joins and is_member
if steady and generation > 0 and known <= generation and hand_over() then
	local share = listed_share()
	if share then
		return answer(share)
	end
end

-- --- the assignment as it is ---------------------------------------------------

local epoch, owner, target = {}, {}, {}
local held_until, held_by = {}, {}
local fields = redis.call('HGETALL', partitions)
for i = 1, #fields, 2 do
	local p = tonumber(fields[i])
	if p and p < count then
		epoch[p], owner[p], target[p] = string.match(fields[i + 1], '^(%S+) (%S+) (%S+)')
		if owner[p] == NOBODY then
			local until_ms, by = string.match(fields[i + 1], '^%S+ %S+ %S+ (%S+) (%S+)')
			held_until[p], held_by[p] = until_ms and tonumber(until_ms), by
		end
	end
end
for p = 0, count - 1 do
	if not epoch[p] then
		epoch[p], owner[p], target[p] = '0', NOBODY, NOBODY
	end
end

local capacities = {}
local names = redis.call('HGETALL', members)
for i = 1, #names, 2 do
	capacities[names[i]] = tonumber(string.match(names[i + 1], '%S+$'))
end

local dirty, concerned = {}, {} -- partitions to be written, members whose share has changed
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

-- --- what comes free -----------------------------------------------------------

-- The epoch says which ownership was released: this process's own, or one from before it was replaced.
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

-- Whoever is no member, and has no lease from before the list of members was lost.
local function is_gone(name)
	if gone[name] == nil then
		gone[name] = not capacities[name] and not redis.call('ZSCORE', leases, name)
	end
	return gone[name]
end

local targets_lack = false
for p = 0, count - 1 do
	if held_until[p] then
		if held_until[p] <= now or (leaves and held_by[p] == incarnation) then
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
	targets_lack = targets_lack or not capacities[target[p]]
end

-- --- who shall have what -------------------------------------------------------

-- How many each member shall have, and the members' names, in the order in which they are served.
local function quotas()
	local order, quota, holding = {}, {}, {}
	local total, left = 0, count
	for name, share in pairs(capacities) do
		if share > 0 then
			order[#order + 1] = name
			total = total + share
		end
	end
	for p = 0, count - 1 do
		holding[target[p]] = (holding[target[p]] or 0) + 1
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

-- First those stay that are where they shall be, then those that are on their way there. What is over stays
-- with its owner if it can, and goes round.
local function share_out()
	local left, order = quotas()
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

if membership_changed or targets_lack then
	share_out()
end

-- What is nobody's goes to its target, under a new epoch.
holds_end = 0
for p = 0, count - 1 do
	if held_until[p] then
		holds_end = holds_end == 0 and held_until[p] or math.min(holds_end, held_until[p])
	elseif owner[p] == NOBODY and target[p] ~= NOBODY then
		set_owner(p, target[p])
		epoch[p] = raised(epoch[p])
	end
end

-- --- writing it down -----------------------------------------------------------

local function write_down()
	local writes = {'holds_end', text(holds_end)}
	local function write(field, value)
		writes[#writes + 1] = field
		writes[#writes + 1] = value
	end
	for p in pairs(dirty) do
		local value = epoch[p] .. ' ' .. owner[p] .. ' ' .. target[p]
		if held_until[p] then
			value = value .. ' ' .. text(held_until[p]) .. ' ' .. held_by[p]
		end
		write(text(p), value)
	end
	local owned = {}
	for name in pairs(capacities) do
		-- Of an assignment that is made anew, everybody must hear; and who is new has an empty list.
		if generation == 0 or concerned[name] or joins and name == me then
			owned[name] = {}
		end
	end
	for p = 0, count - 1 do
		if owned[owner[p]] then
			table.insert(owned[owner[p]], p)
		end
	end
	publish(writes, owned)
end

for name, is in pairs(gone) do
	if is then
		redis.call('HDEL', partitions, '@' .. name, '#' .. name)
	end
end
local changed = generation == 0 or next(dirty)
if changed then
	write_down()
end

local share, numbers = {}, {}
for p = 0, count - 1 do
	if owner[p] == me then
		numbers[#numbers + 1] = p
		share[#share + 1] = text(p)
		share[#share + 1] = epoch[p]
		share[#share + 1] = target[p] == me and '0' or '1'
	end
end
-- So that the next time it can be told from its list.
if not changed and is_member and not leaves and #numbers <= CHUNK and not listed(me) then
	redis.call('HSET', partitions, '#' .. me, stamped(share_changed, numbers))
end
return answer(share)
