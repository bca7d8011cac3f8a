#!lua flags=allow-oom
-- The coordinator: one call is one heartbeat. KEYS: members leases partitions control groups.
-- ARGV: group command member incarnation session_ms capacity partition_count known_generation, then released `p epoch` pairs.
-- Allowed without memory: without owners nothing is committed, and nothing trimmed.
--
-- An owner is a member's name, `-` for none, or `!<until>!<name>`: a former process of that name, whose lease ends then.
local members, leases, partitions, control, groups = unpack(KEYS)
local group, command, me, incarnation = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local session, capacity = tonumber(ARGV[5]), tonumber(ARGV[6])
local count, known = tonumber(ARGV[7]), tonumber(ARGV[8])
local FIRST_RELEASE = 9
local CHUNK = 1000

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number)
	return string.format('%.0f', number)
end

-- --- the caller --------------------------------------------------------------

local record = redis.call('HGET', members, me)
local current = record and string.match(record, '^%S+') == incarnation
local replaced = record and not current and command ~= 'join'
if not record and command ~= 'join' then
	return {'UNKNOWN', text(now), '0', '-1', false}
end

local membership_changed = false
local held_until -- a former process of this name may be at work until then
if command == 'join' and not current then
	if record then
		local lease = tonumber(redis.call('ZSCORE', leases, me) or '0')
		held_until = lease > now and lease or now
	end
	redis.call('SADD', groups, group)
	membership_changed = true
end
if not replaced and command ~= 'leave' then
	local wanted = incarnation .. ' ' .. text(capacity)
	if record ~= wanted then
		redis.call('HSET', members, me, wanted)
		membership_changed = true
	end
	redis.call('ZADD', leases, text(now + session), me)
end
local leaves = command == 'leave' and not replaced
if leaves then
	redis.call('HDEL', members, me)
	redis.call('ZREM', leases, me)
	membership_changed = true
end

-- --- the dead -----------------------------------------------------------------

local dead = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(now))) do
	if name ~= me then
		dead[name] = true
		redis.call('HDEL', members, name)
		redis.call('ZREM', leases, name)
		membership_changed = true
	end
end

-- --- what to tell ---------------------------------------------------------------

local generation = tonumber(redis.call('HGET', partitions, 'generation') or '0')
local holds_end = tonumber(redis.call('HGET', partitions, 'holds_end') or '0')

local function next_expiry()
	local first = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
	local least = first[1] ~= me and first[2] or first[4]
	least = least and tonumber(least)
	if holds_end > 0 and (not least or holds_end < least) then
		least = holds_end
	end
	return least and text(math.max(least - now, 0)) or '-1'
end

local releases = #ARGV >= FIRST_RELEASE
local hold_over = holds_end > 0 and holds_end <= now
if not membership_changed and not releases and not hold_over and not (replaced and command == 'leave') then
	if replaced then
		return {'REPLACED', text(now), text(generation), '-1', false}
	end
	local touched = tonumber(redis.call('HGET', partitions, '@' .. me) or '0')
	if command ~= 'join' and known >= touched and known > 0 then
		return {'OK', text(now), text(generation), next_expiry(), false}
	end
end

-- --- the assignment as it is ------------------------------------------------------

local epoch, owner, target = {}, {}, {}
for p = 0, count - 1 do
	epoch[p], owner[p], target[p] = '0', '-', '-'
end
local stored = redis.call('HGETALL', partitions)
for i = 1, #stored, 2 do
	local p = tonumber(stored[i])
	if p and p < count then
		epoch[p], owner[p], target[p] = string.match(stored[i + 1], '^(%S+) (%S+) (%S+)$')
	end
end

local dirty, concerned = {}, {}
local changed = false
local function touch(p)
	dirty[p] = true
	changed = true
	concerned[owner[p]] = true
	concerned[target[p]] = true
end
local function set_owner(p, name)
	touch(p)
	owner[p] = name
	concerned[name] = true
end

-- Released: the epoch says which ownership it was; it may have been one of the former process of this name.
for i = FIRST_RELEASE, #ARGV - 1, 2 do
	local p = tonumber(ARGV[i])
	if p and owner[p] and epoch[p] == ARGV[i + 1] and
	   ((owner[p] == me and not replaced) or string.match(owner[p], '^!%d+!(.*)$') == me) then
		set_owner(p, '-')
	end
end

for p = 0, count - 1 do
	local name = owner[p]
	local hold, former = string.match(name, '^!(%d+)!(.*)$')
	if name == '-' then
		-- nobody's already
	elseif hold then
		if tonumber(hold) <= now or (former == me and replaced and command == 'leave') then
			set_owner(p, '-')
		end
	elseif dead[name] or (leaves and name == me) then
		set_owner(p, '-')
	elseif held_until and name == me then
		set_owner(p, held_until > now and '!' .. text(held_until) .. '!' .. me or '-')
	end
end

-- --- who shall have what ------------------------------------------------------------

local function share_out()
	local names, capacities, total = {}, {}, 0
	local list = redis.call('HGETALL', members)
	for i = 1, #list, 2 do
		local c = tonumber(string.match(list[i + 1], '%S+$'))
		if c > 0 then
			names[#names + 1] = list[i]
			capacities[list[i]] = c
			total = total + c
		end
	end
	local holding, quota, fraction = {}, {}, {}
	local left = count
	for p = 0, count - 1 do
		holding[target[p]] = (holding[target[p]] or 0) + 1
	end
	for _, name in ipairs(names) do
		local exact = count * capacities[name] / total
		quota[name] = math.floor(exact)
		fraction[name] = exact - quota[name]
		left = left - quota[name]
	end
	table.sort(names, function(a, b)
		if fraction[a] ~= fraction[b] then
			return fraction[a] > fraction[b]
		end
		local x, y = holding[a] or 0, holding[b] or 0
		if x ~= y then
			return x > y
		end
		return a < b
	end)
	for i = 1, left do
		if names[i] then
			quota[names[i]] = quota[names[i]] + 1
		end
	end

	-- First those stay that are where they shall be, then those that are on their way; what is over goes round.
	local taken, settled = {}, {}
	local function give(p, name)
		taken[name] = (taken[name] or 0) + 1
		settled[p] = true
		if target[p] ~= name then
			touch(p)
			target[p] = name
			concerned[name] = true
		end
	end
	local function free(name)
		return quota[name] and (taken[name] or 0) < quota[name]
	end
	for p = 0, count - 1 do
		if owner[p] == target[p] and free(target[p]) then
			give(p, target[p])
		end
	end
	for p = 0, count - 1 do
		if not settled[p] and free(target[p]) then
			give(p, target[p])
		end
	end
	local at = 1
	for p = 0, count - 1 do
		if not settled[p] then
			while names[at] and not free(names[at]) do
				at = at + 1
			end
			if free(owner[p]) then
				give(p, owner[p])
			elseif names[at] then
				give(p, names[at])
			elseif target[p] ~= '-' then
				touch(p)
				target[p] = '-'
			end
		end
	end
end
if membership_changed then
	share_out()
end

holds_end = 0
for p = 0, count - 1 do
	if owner[p] == '-' and target[p] ~= '-' then
		set_owner(p, target[p])
		epoch[p] = text(math.max(tonumber(epoch[p]) + 1, now))
	end
	local hold = string.match(owner[p], '^!(%d+)!')
	if hold and (holds_end == 0 or tonumber(hold) < holds_end) then
		holds_end = tonumber(hold)
	end
end

-- --- writing it down ------------------------------------------------------------------

if changed or membership_changed then
	generation = generation + 1
	local writes = {'generation', text(generation), 'holds_end', text(holds_end)}
	for p in pairs(dirty) do
		writes[#writes + 1] = p
		writes[#writes + 1] = epoch[p] .. ' ' .. owner[p] .. ' ' .. target[p]
	end
	for name in pairs(concerned) do
		if name ~= '-' and not string.find(name, '!', 1, true) and not dead[name] then
			writes[#writes + 1] = '@' .. name
			writes[#writes + 1] = text(generation)
		end
	end
	for i = 1, #writes, CHUNK do
		redis.call('HSET', partitions, unpack(writes, i, math.min(i + CHUNK - 1, #writes)))
	end
	for name in pairs(dead) do
		redis.call('HDEL', partitions, '@' .. name)
	end
	if leaves then
		redis.call('HDEL', partitions, '@' .. me)
	end
	redis.call('XADD', control, 'MAXLEN', '64', '*', 'generation', text(generation))
end

if replaced then
	return {'REPLACED', text(now), text(generation), '-1', false}
end
local share = {}
for p = 0, count - 1 do
	if owner[p] == me then
		share[#share + 1] = text(p)
		share[#share + 1] = epoch[p]
		share[#share + 1] = target[p] == me and '0' or '1'
	end
end
return {'OK', text(now), text(generation), next_expiry(), share}
