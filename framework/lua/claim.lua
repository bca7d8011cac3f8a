#!lua flags=allow-oom
-- A new owner raises the fence, and reads the position from which it resumes.
-- KEYS: log state, and values of handlers, if the answer shall say whether there are any. ARGV: group start member epoch nonce hint sure.
--
-- Allowed without memory: only an owner can commit, and Redis can trim only what is committed.
-- @include open
-- @include count
-- @include id
-- @include beyond
-- @include done
local log, state, values = KEYS[1], KEYS[2], KEYS[3]
local group, start, member, epoch, nonce, hint, sure = unpack(ARGV)

local function read_state()
	return redis.call('HMGET', state, 'epoch', 'nonce', 'clean', 'claimed', 'crashes', 'suspect', 'attempts', 'gap',
		'gap_id', 'count', 'position', 'gap_open', 'gap_before', 'begun', 'reading', 'read_deaths', 'reader',
		'released', 'beyond', 'lettered', 'run', 'lost')
end
local stored = read_state()
-- The same claim, sent again because its answer was lost.
local again = stored[1] == epoch and stored[2] == nonce
if stored[1] and not again and tonumber(stored[1]) >= tonumber(epoch) then
	return {'STALE', stored[1]}
end

local status, found, was = open_group(log, state, group, start, hint, sure)
if status == 'UNSURE' then
	return {status}
end
local info = named(redis.call('XINFO', 'STREAM', log))
-- The group was made again beyond the end of a log that was made anew, or was set there by hand.
if id_less(info['last-generated-id'], found['last-delivered-id']) then
	status, was = 'RENEWED', found['last-delivered-id']
	begin_anew(log, state, group, '0')
	found = find_group(log, group)
end
if status ~= 'OK' then
	stored = read_state()
end
local position = found['last-delivered-id']
local count = found['entries-read']
local noted = count

-- Readers with XREADGROUP have used this group. The group resumes at the oldest entry that they have not
-- acknowledged, and handles the acknowledged ones after it again, in order. The pending entries are
-- acknowledged, so this happens once.
local PENDING_CHUNK = 1000
local pending = oldest_pending(log, found)
if pending then
	if not id_less(position, pending) then
		position = id_before(pending)
		count, noted = nil, nil
		redis.call('XGROUP', 'SETID', log, group, position)
	end
	repeat
		local chunk = redis.call('XPENDING', log, group, '-', '+', PENDING_CHUNK)
		local ids = {}
		for i, entry in ipairs(chunk) do
			ids[i] = entry[1]
		end
		if #ids > 0 then
			redis.call('XACK', log, group, unpack(ids))
		end
	until #ids < PENDING_CHUNK
end

-- At both ends of the log, the number of removed entries is exact. In between, only Redis's own counter
-- knows, if anything does.
count = entries_up_to(info, position) or count
local lost = 0
-- What this claim counts. It is written with the fence, in one command: else a call that failed in between would count again.
local counted = {}
local function now_is(field, number)
	counted[#counted + 1], counted[#counted + 2] = field, text(number)
end
-- What earlier owners have counted of gaps after the position: the new owner must not count it again.
local gap = noted and stored[9] and id_less(position, stored[9]) and tonumber(stored[12] or '0') or 0
if noted and count > noted then
	lost = math.max(count - noted - gap, 0)
	gap = math.max(gap - (count - noted), 0)
	if lost > 0 then
		now_is('lost', (stored[22] or 0) + lost)
	end
end
if count and count ~= noted then
	redis.call('XGROUP', 'SETID', log, group, position, 'ENTRIESREAD', text(count))
end
local before = gap
if again then
	-- A claim that arrives twice may come the second time when its owner has counted a gap itself.
	gap, before = stored[8] or 0, stored[13] or 0
end

-- The previous owner died with messages to handle. If it has not moved the position, count it with the ones
-- before. A process that claims again has not died; its nonces begin alike, up to a dot.
local process = string.match(nonce, '^(%x+)%.')
local lives = process and process == string.match(stored[2] or '', '^(%x+)%.')
local left = stored[1] and stored[3] ~= '1' and position ~= info['last-generated-id']
local died = left and not lives and not again
local crashes = tonumber(stored[5] or '0')
if died then
	crashes = stored[4] == position and crashes + 1 or 1
elseif not again and not (left and stored[4] == position) then
	crashes = 0
end
-- What earlier owners have done beyond the position, and which messages they have made dead letters: it goes on under this
-- owner's nonce. It is out of date if the position was moved by hand, or by an owner that knows no such fields. If a group
-- vanishes before its first message is done, nothing tells whether its log is another one now.
local last = (stored[2] or '') ~= '' and stored[2] or stored[18] or ''
local unsure = status ~= 'OK' and position == '0-0'
local function inherited(field)
	return stored[11] == position and not unsure and of_owner(field, last) or ''
end
local function keep(name, field, value)
	if value then
		redis.call('HSET', state, name, nonce .. ' ' .. value)
	elseif field then
		redis.call('HDEL', state, name)
	end
end
local at, set = string.match(inherited(stored[19]), '^(%S+) (.*)$')
set = at == position and set
keep('beyond', stored[19], set and position .. ' ' .. set)
local number, since, letters = string.match(inherited(stored[20]), '^(%d+) (%S+) (.*)$')
letters = since and not id_less(position, since) and letters
keep('lettered', stored[20], letters and table.concat({again and number or '0', since, letters}, ' '))

-- A death counts against the message that the handler had alone, and against the entry that was being read.
local suspect, attempts = stored[6] or '0-0', tonumber(stored[7] or '0')
local is_done = suspect ~= '0-0' and (not id_less(position, suspect) or set and is_in_set(set, position, suspect)
	or letters and is_among(letters, suspect))
if is_done then
	-- Beyond the position, it explains the deaths that the position still counts.
	crashes = id_less(position, suspect) and math.min(crashes, died and 1 or 0) or crashes
	suspect, attempts = '0-0', 0
	redis.call('HDEL', state, 'suspect', 'attempts', 'begun')
elseif died and suspect ~= '0-0' and stored[14] == stored[1] then
	attempts = attempts + 1
	now_is('attempts', attempts)
end
local reading, read_deaths = stored[15] or '', tonumber(stored[16] or '0')
if reading ~= '' and id_less(reading, position) then
	reading, read_deaths = '', 0
	redis.call('HDEL', state, 'reading', 'read_deaths', 'reader')
elseif died and reading ~= '' and stored[17] == stored[1] then
	read_deaths = read_deaths + 1
	now_is('read_deaths', read_deaths)
end

count = text(count or -1)
-- Only owners count records; Redis counts entries.
if stored[10] and string.sub(stored[10], 1, 1) == 'r' then
	count = stored[11] == position and stored[10] or '-1'
end
redis.call('HSET', state, 'epoch', epoch, 'nonce', nonce, 'owner', member, 'clean', '0', 'claimed', position,
	'crashes', crashes, 'position', position, 'count', count, 'gap', text(gap), 'gap_before', text(before), unpack(counted))
-- What hindered the owner before; the last three fields are those of an earlier version.
redis.call('HDEL', state, 'hindrance', 'lanes', 'letters_full', 'retry', 'remark')
local answer = {'OK', position, count, tostring(crashes), suspect, tostring(attempts), text(lost),
	status ~= 'OK' and status ~= 'MADE' and status or nil, was}
if reading ~= '' then
	answer[#answer + 1] = 'READING ' .. reading .. ' ' .. read_deaths
end
if stored[21] then
	answer[#answer + 1] = 'RUN ' .. stored[21]
end
if set then
	answer[#answer + 1] = 'BEYOND ' .. set
end
if letters then
	answer[#answer + 1] = 'LETTERED ' .. letters
end
-- So that the owner knows how many entries its first read may ask for. Records of packed entries are of other sizes.
local function bytes_of(entry)
	local bytes = 0
	for _, text in ipairs(entry and entry[2] or {}) do
		bytes = bytes + #text
	end
	return bytes
end
local entry = info['last-entry']
if entry and not string.find(entry[2][1], '^packed') and position ~= info['last-generated-id'] then
	answer[#answer + 1] = 'ENTRY ' .. math.max(bytes_of(entry), bytes_of(info['first-entry']))
end
local kept = values and redis.call('HLEN', values) or 0
if kept > 0 then
	answer[#answer + 1] = 'VALUES ' .. kept
end
return answer
