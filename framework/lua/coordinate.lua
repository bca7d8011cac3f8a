#!lua flags=allow-oom
-- The coordinator of a group: one call is one heartbeat of one member. README.md has the rules.
-- KEYS: members leases partitions control groups info.
-- ARGV: group command member incarnation session_ms share partition_count known_generation seen_epoch, the
-- stream's shape (partition_size overflow version packing), then the partitions that the member releases: a pair
-- `p epoch` each. share: `[limit:why] [page=url] capacity`.
--
-- Allowed without memory: partitions without owners commit nothing, and so Redis can trim nothing.
-- @include clock
-- @include text
local members, leases, partitions, control, groups, info = unpack(KEYS)
local group, command, me, incarnation = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local session, share_wanted = tonumber(ARGV[5]), ARGV[6]
local count, known = tonumber(ARGV[7]), tonumber(ARGV[8])
local seen_epoch = tonumber(ARGV[9])
local FIRST_RELEASE = 14
local GATHER_FROM = 256 -- partitions
local GATHER, GATHER_MOST = 300, 3000 -- ms

if me == '-' then
	return redis.error_reply('ERR a member cannot be named "-"; give it another name')
end

local stored = redis.call('HMGET', partitions, 'generation', 'holds_end', '@' .. me, 'clock', 'gather_end', 'gather_by')
local generation, holds_end = tonumber(stored[1] or '0'), tonumber(stored[2] or '0')
local share_changed = tonumber(stored[3] or '0')

-- --- the stream ----------------------------------------------------------------

-- @include registration

-- --- the clock -----------------------------------------------------------------

-- @include clock_back

-- --- the caller --------------------------------------------------------------

local record = redis.call('HGET', members, me)
local registered = record and string.match(record, '^%S+') -- an incarnation
local is_member = registered == incarnation
local waits_for_others = command == 'arrive' and count > GATHER_FROM
if command == 'arrive' then
	local left = tonumber(redis.call('ZSCORE', leases, me) or '0') - now
	if registered and not is_member and left > 0 then
		return {'TAKEN', text(now), '0', text(left), false}
	end
	command = 'join'
end
local joins = command == 'join' and not is_member
local leaves = command == 'leave'
local membership_changed = false
local gone = {}
local replaced_lease = 0 -- when the lease ends of the process that has had this name until now

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
	local wanted = incarnation .. ' ' .. share_wanted
	if record ~= wanted then
		redis.call('HSET', members, me, wanted)
		membership_changed = true
	end
	redis.call('ZADD', leases, text(now + session), me)
end

-- --- the dead ----------------------------------------------------------------

-- The caller is never among them: its lease has just been renewed.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(now))) do
	gone[name] = true
	redis.call('HDEL', members, name)
	redis.call('ZREM', leases, name)
	membership_changed = true
end
-- Redis has lost leases. Each member without one gets a new one; a dead member does not renew it.
if redis.call('HLEN', members) > redis.call('ZCARD', leases) then
	for _, name in ipairs(redis.call('HKEYS', members)) do
		redis.call('ZADD', leases, 'NX', text(now + session), name)
	end
end

-- --- members that start together -----------------------------------------------

-- Where many members start at once, the first ones would get partitions that move on at each further join. A
-- partition that moves on costs a claim, a worker and a release: for few partitions, less than the wait. So of
-- many partitions, nobody gets one of an empty group until no member has come for a while.
local gather_end, gather_by = tonumber(stored[5] or '0'), tonumber(stored[6] or '0')
local function is_gathering()
	-- Else the clock has gone back.
	return now < gather_end and gather_end - now <= GATHER_MOST
end
if waits_for_others and joins then
	if redis.call('ZCARD', leases) == 1 and redis.call('HLEN', members) == 1 then
		gather_end, gather_by = now + GATHER, now + GATHER_MOST
		redis.call('HSET', partitions, 'gather_end', text(gather_end), 'gather_by', text(gather_by))
	elseif is_gathering() then
		gather_end = math.min(now + GATHER, gather_by)
		redis.call('HSET', partitions, 'gather_end', text(gather_end))
	end
end
local gathers = is_gathering()
local gathered = gather_end > 0 and not gathers

-- --- most heartbeats end here: there is nothing to do ----------------------------

-- Milliseconds until the first lease of another member, the first hold, or the gathering ends.
local function next_expiry()
	local first = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
	local least = tonumber((first[1] ~= me and first[2] or first[4]) or '0')
	if holds_end > 0 and (least == 0 or holds_end < least) then
		least = holds_end
	end
	if gathers and (least == 0 or gather_end < least) then
		least = gather_end
	end
	return least > 0 and text(math.max(least - now, 0)) or '-1'
end

local function answer(share)
	if is_member then
		return {'OK', text(now), text(generation), next_expiry(), share,
			replaced_lease > now and text(replaced_lease - now) or nil}
	end
	return {registered and 'REPLACED' or 'UNKNOWN', text(now), text(generation), '-1', false}
end

local hold_ended = holds_end > 0 and holds_end <= now
local knows_all = command ~= 'join' and known > 0 and share_changed <= known and known <= generation
local members_stay = not membership_changed and not hold_ended and not leaves and not gathered
if gathers and generation == 0 and not leaves then
	return answer({}) -- nobody has had a partition yet
end
if members_stay and #ARGV < FIRST_RELEASE and (knows_all or not is_member) then
	return answer(false)
end

-- --- the assignment, or the part of it that this call has read ---------------------

-- @include assignment

local epoch, owner, target = {}, {}, {}
local held_until, held_by = {}, {}
local dirty, concerned = {}, {} -- partitions to be written; members whose share has changed

local match = string.match
local function read(p, value)
	local its_epoch, its_owner, its_target = match(value, '^(%S+) (%S+) (%S+)')
	epoch[p], owner[p], target[p] = its_epoch, its_owner, its_target
	if its_owner == NOBODY then
		local until_ms, by = match(value, '^%S+ %S+ %S+ (%S+) (%S+)')
		held_until[p], held_by[p] = until_ms and tonumber(until_ms), by
	end
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

-- Takes back the partitions that the caller releases, and returns those that have no owner now. The epoch
-- says which ownership ends: the member's, or, if another process has replaced the caller, the caller's own,
-- whose partitions are held. `key` is tostring or tonumber: how `epoch` and the other tables are keyed.
local function take_back(key)
	local released = {}
	for i = FIRST_RELEASE, #ARGV - 1, 2 do
		local p = key(ARGV[i])
		if epoch[p] == ARGV[i + 1] then
			if held_by[p] == incarnation then
				end_hold(p)
			elseif is_member and not joins and owner[p] == me then
				set_owner(p, NOBODY)
				released[#released + 1] = p
			end
		end
	end
	return released
end

-- Gives a partition that nobody owns to its target.
local function hand_over(p)
	local name = target[p]
	owner[p], epoch[p] = name, raised(epoch[p], seen_epoch)
	dirty[p], concerned[name] = true, true
end

-- Writes the partitions that have changed, and the lists of the members whose share has changed.
local function write_down(lists)
	local writes = {'holds_end', text(holds_end)}
	for p in pairs(dirty) do
		local value = epoch[p] .. ' ' .. owner[p] .. ' ' .. target[p]
		if held_until[p] then
			value = value .. ' ' .. text(held_until[p]) .. ' ' .. held_by[p]
		end
		writes[#writes + 1] = p
		writes[#writes + 1] = value
	end
	generation = publish(generation, writes, lists)
end

-- --- the members stay: read only the caller's share and what it releases -------------

local function values_of(numbers)
	return #numbers > 0 and redis.call('HMGET', partitions, unpack(numbers)) or {}
end

-- The partitions in a list; nil if they are too many for one command.
local function numbers_in(list)
	local numbers = {}
	for p in string.gmatch(list or '', '%d+') do
		numbers[#numbers + 1] = p
	end
	return list and #numbers <= CHUNK and numbers or nil
end

-- Reads what the caller releases. false if some of it is unknown or held, or if it is too much.
local function read_released()
	local numbers = {}
	for i = FIRST_RELEASE, #ARGV - 1, 2 do
		numbers[#numbers + 1] = ARGV[i]
	end
	if #numbers > CHUNK then
		return false
	end
	for i, value in ipairs(values_of(numbers)) do
		local p = numbers[i]
		read(p, value or '')
		if not epoch[p] or held_until[p] then
			return false
		end
	end
	return true
end

-- Hands the released partitions over to their targets, and returns what the caller owns now. Returns nil, and
-- writes nothing, if it needs the whole assignment: if a target is no member, for example, or has no list.
local function hand_over_released()
	local numbers = read_released() and numbers_in(list_of(me))
	if not numbers then
		return nil
	end
	local released = take_back(tostring)
	if #released == 0 then
		return numbers
	end
	local lists, moved = {}, {}
	for _, p in ipairs(released) do
		local name = target[p]
		if name ~= me then
			local list = lists[name] or redis.call('HEXISTS', members, name) == 1 and list_of(name)
			if not list then
				return nil
			end
			lists[name] = list == '' and p or list .. ' ' .. p
			moved[p] = true
		end
		hand_over(p)
	end
	local kept = {}
	for _, p in ipairs(numbers) do
		if not moved[p] then
			kept[#kept + 1] = p
		end
	end
	lists[me] = table.concat(kept, ' ')
	write_down(lists)
	return kept
end

-- The answer's form of what the caller owns. nil if it does not own all of that: then its list was wrong.
local function share_of(numbers)
	local share = {}
	for i, value in ipairs(values_of(numbers)) do
		local its_epoch, its_owner, its_target = match(value or '', '^(%S+) (%S+) (%S+)$')
		if its_owner ~= me then
			return nil
		end
		share[#share + 1] = numbers[i]
		share[#share + 1] = its_epoch
		share[#share + 1] = its_target == me and '0' or '1'
	end
	return share
end

if members_stay and not joins and is_member and generation > 0 and known <= generation then
	local numbers = hand_over_released()
	local share = numbers and share_of(numbers)
	if share then
		return answer(share)
	end
end

-- --- else: the whole assignment ------------------------------------------------

epoch, owner, target, held_until, held_by, dirty, concerned = {}, {}, {}, {}, {}, {}, {}
local fields = redis.call('HGETALL', partitions)
for i = 1, #fields, 2 do
	local p = tonumber(fields[i])
	if p and p < count then
		read(p, fields[i + 1])
	end
end
for p = 0, count - 1 do
	if not epoch[p] then
		epoch[p], owner[p], target[p] = '0', NOBODY, NOBODY
	end
end

local capacities, limits = {}, {}
local names = redis.call('HGETALL', members)
for i = 1, #names, 2 do
	capacities[names[i]] = tonumber(string.match(names[i + 1], '%S+$'))
	limits[names[i]] = tonumber(string.match(names[i + 1], '^%S+ (%d+):'))
end

-- --- what comes free -----------------------------------------------------------

take_back(tonumber)

-- A member that has a lease, but is in no list of members, is not gone: Redis has lost that list.
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

-- --- who shall have what, and who gets it now --------------------------------------

-- @include shares

if not gathers and (membership_changed or targets_lack or gathered) then
	share_out(count, capacities, limits, owner, target, set_target)
end

holds_end = 0
for p = 0, count - 1 do
	if held_until[p] then
		holds_end = holds_end == 0 and held_until[p] or math.min(holds_end, held_until[p])
	elseif owner[p] == NOBODY and target[p] ~= NOBODY and not gathers then
		hand_over(p)
	end
end

-- --- writing, and the answer -----------------------------------------------------

if gathered then
	redis.call('HDEL', partitions, 'gather_end', 'gather_by')
end
for name, is in pairs(gone) do
	if is then
		redis.call('HDEL', partitions, '@' .. name, '#' .. name)
	end
end

local function changed_lists()
	local lists = {}
	for name in pairs(capacities) do
		-- Every member must see a first assignment, and a member that joins needs a list, even an
		-- empty one.
		if generation == 0 or concerned[name] or joins and name == me then
			lists[name] = {}
		end
	end
	for p = 0, count - 1 do
		if lists[owner[p]] then
			table.insert(lists[owner[p]], p)
		end
	end
	for name, list in pairs(lists) do
		lists[name] = table.concat(list, ' ')
	end
	return lists
end

local changed = generation == 0 or next(dirty)
if changed then
	write_down(changed_lists())
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
-- The member's list was missing or wrong: write it, so that the next heartbeat need not read the whole
-- assignment.
if not changed and is_member and not leaves and #numbers <= CHUNK and not list_of(me) then
	redis.call('HSET', partitions, '#' .. me, stamped(share_changed, table.concat(numbers, ' ')))
end
return answer(share)
