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

local stored = redis.call('HMGET', partitions, 'generation', 'holds_end', '@' .. me, 'clock', 'gather_end', 'counted')
local generation, holds_end = tonumber(stored[1] or '0'), tonumber(stored[2] or '0')
local share_changed = tonumber(stored[3] or '0')
local counted = stored[1] and stored[1] == stored[6]
-- Redis has lost the assignment. Members that come later may have seen later epochs, of changes of which the caller
-- had not heard: in a session, fewer than it has milliseconds, if the clock is behind. The microseconds tell apart two losses
-- that come one after the other, before all have heard of the first.
if generation == 0 and seen_epoch > 0 then
	seen_epoch = seen_epoch + session + time[2] % session
end

-- --- the stream ----------------------------------------------------------------

-- @include registration

-- Redis may have lost the registration: the members make it again. If the stream was made anew with another shape, the
-- caller knows nothing of its partitions.
local shape = command == 'leave' and {} or register(info, ARGV[7], ARGV[10], ARGV[11], ARGV[12], ARGV[13])
if shape[1] and (shape[1] ~= ARGV[7] or shape[2] ~= ARGV[10] or shape[3] ~= ARGV[11]
	or (shape[5] or 'off') ~= ARGV[13]) then
	return {'RESHAPED', text(now), text(generation), '-1', false, table.concat(
		{shape[1], shape[2] or '?', shape[3] or '?', shape[5] or 'off'}, ' ')}
end

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
local had_no_lease = false
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
	had_no_lease = redis.call('ZADD', leases, text(now + session), me) == 1
end

-- --- the dead ----------------------------------------------------------------

-- Redis has lost leases. Each member without one gets a new one; a dead member does not renew it. One call a second looks
-- for that, and one whose own lease was lost.
if (had_no_lease or looks) and redis.call('HLEN', members) > redis.call('ZCARD', leases) then
	for _, name in ipairs(redis.call('HKEYS', members)) do
		redis.call('ZADD', leases, 'NX', text(now + session), name)
	end
end
-- The first two leases to end. The caller is never among the dead: its lease has just been renewed.
local first = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
if first[2] and tonumber(first[2]) <= now then
	for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(now))) do
		gone[name] = true
		redis.call('HDEL', members, name)
		redis.call('ZREM', leases, name)
		membership_changed = true
	end
	first = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
end

-- --- members that start together -----------------------------------------------

-- Where many members start at once, the first ones would get partitions that move on at each further join. A
-- partition that moves on costs a claim, a worker and a release: for few partitions, less than the wait. So of
-- many partitions, nobody gets one of an empty group until no member has come for a while.
local gather_end = tonumber(stored[5] or '0')
local function is_gathering()
	-- Else the clock has gone back.
	return now < gather_end and gather_end - now <= GATHER_MOST
end
if waits_for_others and joins then
	if redis.call('ZCARD', leases) == 1 and redis.call('HLEN', members) == 1 then
		gather_end = now + GATHER
		redis.call('HSET', partitions, 'gather_end', text(gather_end), 'gather_by', text(now + GATHER_MOST))
	elseif is_gathering() then
		local gather_by = tonumber(redis.call('HGET', partitions, 'gather_by') or '0')
		gather_end = math.min(now + GATHER, gather_by)
		redis.call('HSET', partitions, 'gather_end', text(gather_end))
	end
end
local gathers = is_gathering()
local gathered = gather_end > 0 and not gathers

-- --- most heartbeats end here: there is nothing to do ----------------------------

-- Milliseconds until the first lease of another member, the first hold, or the gathering ends.
local function next_expiry()
	local least = tonumber((first[1] ~= me and first[2] or first[4]) or '0')
	if holds_end > 0 and (least == 0 or holds_end < least) then
		least = holds_end
	end
	if gathers and (least == 0 or gather_end < least) then
		least = gather_end
	end
	return least > now and text(least - now) or least > 0 and '0' or '-1'
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

-- --- what the caller owns ----------------------------------------------------------

-- @include assignment

-- The values of the partitions in a list, in chunks, and their numbers.
local function each_chunk(numbers, take)
	for i = 1, #numbers, CHUNK do
		local last = math.min(i + CHUNK - 1, #numbers)
		for k, value in ipairs(redis.call('HMGET', partitions, unpack(numbers, i, last))) do
			take(numbers[i + k - 1], value or '')
		end
	end
end

-- The answer's form of what the caller owns, which its list says. nil if the list is missing or wrong.
local function share_of(list)
	local numbers, share = {}, {}
	for p in string.gmatch(list or '', '%d+') do
		numbers[#numbers + 1] = p
	end
	local find, settled = string.find, ' ' .. me .. ' ' .. me -- most are so, and finding that is quicker than matching
	each_chunk(numbers, function(p, value)
		local at, last = find(value, settled, 1, true)
		local its_epoch, its_owner, its_target
		if last == #value and at == find(value, ' ', 1, true) then
			its_epoch, its_owner, its_target = string.sub(value, 1, at - 1), me, me
		else
			its_epoch, its_owner, its_target = string.match(value, '^(%S+) (%S+) (%S+)$')
		end
		if its_owner == me then
			share[#share + 1] = p
			share[#share + 1] = its_epoch
			share[#share + 1] = its_target == me and '0' or '1'
		else
			list = nil
		end
	end)
	return list and share
end

if members_stay and #ARGV < FIRST_RELEASE and generation > 0 and known <= generation then
	local share = share_of(list_of(me))
	if share then
		return answer(share)
	end
end

-- --- the assignment changes ------------------------------------------------------

-- @include shares
-- @include change
-- @include few

if counted and not gathered and change_few() then
	local share = leaves and {} or share_of(owned[me] or list_of(me))
	if share then
		return answer(share)
	end
end

-- @include whole

change_whole()
local share = {}
for _, p in ipairs(scope) do
	if owner[p] == me then
		share[#share + 1] = text(p)
		share[#share + 1] = epoch[p]
		share[#share + 1] = target[p] == me and '0' or '1'
	end
end
return answer(share)
