-- @include text

-- The hash `partitions` says who owns each partition and who shall own it. A change of it is published: every
-- member sees a new generation. The functions use the script's `partitions`, `control`, `time` and `now`.
local NOBODY = '-'
local CHUNK = 1000 -- the most words in one command: Lua's stack is bounded

-- The epoch of a partition's next owner. It follows the clock, so that it is later even than epochs that
-- Redis has lost; `seen`, the newest epoch that the caller has seen, tells of them if the clock was put back.
local newest = 0
local function raised(epoch, seen)
	local later = math.max(tonumber(epoch) + 1, now, seen + 1)
	newest = math.max(newest, later)
	return text(later)
end

-- Field #<member> lists the partitions that the member owns, behind the generation of the change that the
-- list belongs to. If field @<member> has another generation, the list is out of date: a writer that does not
-- know lists has changed the member's share. Field ><member> lists the partitions that are on their way to the member; it
-- is right while the field `counted` equals the generation.
-- Returns both lists, as text; nil for the first if it is missing or out of date.
local function list_of(name)
	local fields = redis.call('HMGET', partitions, '@' .. name, '#' .. name, '>' .. name)
	local stamp, list = string.match(fields[2] or '', '^(%d+) (.*)$')
	return stamp == (fields[1] or '0') and list or nil, fields[3] or ''
end

-- Writes fields and values, which come in turn.
local function put(writes)
	for i = 1, #writes, CHUNK do
		redis.call('HSET', partitions, unpack(writes, i, math.min(i + CHUNK - 1, #writes)))
	end
end

-- Writes a change under a new generation, which it returns, and wakes the members. `writes`: fields and
-- values in turn. `lists`: the list of each member whose share has changed; false where it is not known. `counted`:
-- whether `targets` and the fields ><member> are right with this change.
local function publish(generation, writes, lists, counted)
	-- The clock again: no generation comes twice, even if Redis has lost its newest writes. A generation also tells
	-- every member which epochs were given out: all are at most a thousandth of it, as far as Lua counts exactly.
	generation = math.max(generation + 1, time[1] * 1000000 + time[2], newest < 2^53 / 1000 and newest * 1000 or 0)
	local stamp = text(generation)
	writes[#writes + 1] = 'generation'
	writes[#writes + 1] = stamp
	if counted then
		writes[#writes + 1] = 'counted'
		writes[#writes + 1] = stamp
	end
	for name, list in pairs(lists) do
		writes[#writes + 1] = '@' .. name
		writes[#writes + 1] = stamp
		if list then
			writes[#writes + 1] = '#' .. name
			writes[#writes + 1] = stamp .. ' ' .. list
		end
	end
	put(writes)
	redis.call('XADD', control, 'MAXLEN', '64', '*', 'generation', stamp)
	return generation
end
