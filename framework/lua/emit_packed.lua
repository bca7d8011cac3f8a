-- Adds records that the handler of another stream has emitted, as one entry: all of them or none, each once, within the
-- partition's bound.
-- KEYS: log from counters. ARGV: size overflow source run epoch floor n field value, then the mark of each record
-- (parts/source.lua).
--
-- No shebang line, for the reason that append.lua gives.
local log, from, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, source, n = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[7])
local field, value = ARGV[8], ARGV[9]
local FIRST_MARK = 10
-- @include source
-- @include packed

local later = read_source()
if later then
	return {'STALE', later}
end
local old, count = {}, 0
for i = 1, n do
	local new = is_new(ARGV[FIRST_MARK + i - 1])
	old[i] = new and '0' or '1'
	count = count + (new and 0 or 1)
end
if count == n then
	write_source(true)
	return {'OK', tostring(n), '0'}
elseif count > 0 then
	return {'OLD', table.concat(old)}
end

-- @include trial
local first, failure = add_packed()
if failure then
	return failure
elseif not first then
	return {'OK', '0', '0'}
end
for i = FIRST_MARK, FIRST_MARK + n - 1 do
	note(ARGV[i])
end
write_source()
return {'OK', tostring(n), tostring(n)}
