-- Adds a batch of records as one entry, all of them or none, once, and within the partition's bound.
-- KEYS: log producer counters. ARGV: size overflow sequence oldest ttl_ms n field value.
--
-- No shebang line, for the reason that append.lua gives.
local log, producer, counters = KEYS[1], KEYS[2], KEYS[3]
local size, overflow, ttl, n = tonumber(ARGV[1]), ARGV[2], ARGV[5], tonumber(ARGV[6])
local sequence, oldest = tonumber(ARGV[3]), tonumber(ARGV[4])
local field, value = ARGV[7], ARGV[8]

-- @include duplicate
-- @include packed
local first, failure = add_packed()
if failure then
	return failure
elseif not first then
	return {'OK', '0-0', '0'}
end
local added = n
-- @include remember
return {'OK', first, tostring(n)}
