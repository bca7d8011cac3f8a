-- @include id
-- @include memory

-- What the partition has from a source: a partition of another stream, whose messages a group handles. The hash `from` has
-- a field for each source: the group's run, the epoch of the newest owner that has added something, the position that the
-- group had committed by then (the floor), and for each slot of the source, the newest record that was added: the id of the
-- message that it came from, and its number among that message's records.
--
-- Only messages after the floor can be handled again, so a slot whose newest record came from before the floor is left out.
-- The slot `-` is for owners that handle all messages in order: its record is the newest of all slots.
local run, epoch, floor = ARGV[4], ARGV[5], ARGV[6]
local stored
local newest = {}
local has_slots = false

-- Returns nil, or the stored epoch if the caller is no longer the owner.
local function read_source()
	stored = redis.call('HGET', from, source)
	if not stored then
		return nil
	end
	local known_run, known_epoch, known_floor, slots = string.match(stored, '^(%d+) (%d+) (%d+%-%d+)(.*)$')
	if number_less(epoch, known_epoch) then
		return known_epoch
	elseif number_less(known_run, run) then
		return nil -- the group was reset, or its log was made anew: what it emits now is new
	end
	run = known_run -- the caller's is lower only if Redis has lost it
	if id_less(floor, known_floor) then
		floor = known_floor
	end
	for slot, id, number in string.gmatch(slots, ' (%S+) (%S+) (%S+)') do
		if id_less(floor, id) then
			newest[slot] = {id, tonumber(number)}
			has_slots = has_slots or slot ~= '-'
		end
	end
end

-- A mark says which record it is: "<slot> <id> <number>". An owner that handles all messages in order writes a `-` before the
-- slot, or `-` alone.
local function read_mark(mark)
	local ordered, slot, id, number = string.match(mark, '^(%-?)(%d*) (%d+%-%d+) (%d+)$')
	return ordered == '-' and '-' or slot, slot, id, tonumber(number)
end

local function is_up_to(id, number, last)
	return last and (id == last[1] and number <= last[2] or id_less(id, last[1]))
end

-- Whether the record was not added before.
local function is_new(mark)
	local _, slot, id, number = read_mark(mark)
	return id_less(floor, id) and not is_up_to(id, number, newest[slot]) and not is_up_to(id, number, newest['-'])
end

-- The record is added.
local function note(mark)
	local slot, _, id, number = read_mark(mark)
	if not is_up_to(id, number, newest[slot]) then
		newest[slot] = {id, number}
	end
end

-- alone: as the only write of a call that adds nothing. A WAIT after it covers the records, which another connection may have added.
local function write_source(alone)
	local parts = {run, epoch, floor}
	for slot, last in pairs(newest) do
		parts[#parts + 1] = slot .. ' ' .. last[1] .. ' ' .. string.format('%.0f', last[2])
	end
	if alone then
		-- Without memory, Redis refuses only a script's first write, but not HDEL.
		redis.call('HDEL', from, '')
	end
	redis.call('HSET', from, source, table.concat(parts, ' '))
end
