-- Moves a message to the dead letters, and the group's position past it. Only the owner may.
-- KEYS: log state dead. ARGV: group epoch nonce id count reason attempts handler partition limit full lettered, then
-- the fields of a packed record. Without them, the letter gets the fields of the log's entry. limit: how many
-- letters the partition keeps, 0: any number. full: what happens at the limit, drop-oldest or stop.
--
-- lettered: '' without lanes. Else `<number> <ids>...`: the letters of this owner have rising numbers; this one stands for
-- the first ids, and the others are of earlier ones that no commit has covered: `<id>`, or `<first>:<last>`, a whole entry. With lanes, the
-- position stays: messages before this one may not be done. The state remembers the ids until a commit says that they are done.
--
-- The script has no shebang line, so that Redis without memory refuses the letter, and not the script: the
-- script then trims committed messages to make room.
-- @include fence
-- @include advance
-- @include trim
-- @include memory
-- @include text
-- @include beyond
local log, state, dead = KEYS[1], KEYS[2], KEYS[3]
local group, epoch, nonce, id, count, reason, attempts, handler, partition, limit, full, lettered = unpack(ARGV)
local number, ids = string.match(lettered or '', '^(%d+) (.+)$')

local later, known = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
-- A call that is sent again because its answer was lost: it is done.
local newest = number and string.match(of_owner(redis.call('HGET', state, 'lettered'), nonce) or '', '^%d+')
if newest and tonumber(newest) >= tonumber(number) or known and not id_less(known, id) then
	-- A write, so that a WAIT after it covers the letter, which another connection may have added. Without memory, Redis
	-- refuses only a script's first write.
	redis.call('HDEL', state, '')
	redis.call('HSET', state, 'position', known)
	return {'OK', '0-0'}
end

if is_gone(log, state, group, id, known) then
	return {'GONE'}
end

-- A call that failed after the letter would add the letter again at each retry. So it fails here, with nothing done, if the owner may
-- not write what follows. Without memory only the first is tried: Redis refuses no write of a script after one that it has let pass.
local tried = redis.pcall('HSET', state, 'nonce', nonce)
if type(tried) == 'number' then
	redis.call('HDEL', state, '')
	local counted = not number and known and redis.call('HGET', state, 'count')
	local failure = counted and advance(log, state, group, known, counted, known)
	if failure then
		return failure
	end
elseif not out_of_memory(tried) then
	return tried
end

-- How many letters go at most with one that comes: Redis serves nobody else meanwhile.
local DROPPED_MAX = 1000
local dropped = 0
local length = redis.call('XLEN', dead)
if limit ~= '0' and length >= tonumber(limit) then
	if full == 'stop' then
		return {'FULL', text(length)}
	end
	dropped = redis.call('XTRIM', dead, 'MAXLEN', text(math.max(limit - 1, length - DROPPED_MAX)))
	redis.call('HINCRBY', state, 'letters_dropped', dropped)
end

local FIRST_FIELD = 13
local fields = {unpack(ARGV, FIRST_FIELD)}
if #fields == 0 then
	local entry = redis.call('XRANGE', log, id, id)[1]
	fields = entry and entry[2] or {}
end
local time = redis.call('TIME')
local time_ms = time[1] .. string.format('%03d', math.floor(time[2] / 1000))

-- Lua passes fewer than 8,000 arguments in one call. An entry with more fields, which only another program
-- can have added, becomes several letters.
local FIELDS_MAX = 7000
local function add(call, from)
	local to = math.min(from + FIELDS_MAX - 1, #fields)
	return call('XADD', dead, '*', 'id', id, 'reason', reason, 'attempts', attempts, 'handler', handler,
		'partition', partition, 'time_ms', time_ms, unpack(fields, from, to))
end

local letter = add(redis.pcall, 1)
if type(letter) == 'table' and out_of_memory(letter) then
	trim_committed(log, '=')
	letter = add(redis.pcall, 1)
end
if type(letter) == 'table' then
	return letter
end
for from = 1 + FIELDS_MAX, #fields, FIELDS_MAX do
	add(redis.call, from)
end

if number then
	redis.call('HSET', state, 'lettered',
		table.concat({nonce, number, known or '0-0', ids}, ' '))
else
	local failure = advance(log, state, group, id, count, known)
	if failure then
		return failure
	end
end
redis.call('HSET', state, 'crashes', '0')
if redis.call('HGET', state, 'suspect') == id then
	redis.call('HDEL', state, 'suspect', 'attempts', 'begun')
end
return {'OK', letter, text(dropped)}
