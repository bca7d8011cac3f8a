-- Registers the shape of a stream, or returns the shape that is registered. Those who send to the stream ask again now
-- and then, because Redis may have lost it.
-- KEYS: info. ARGV: partitions size overflow version packing.
-- @include registration
local stored, made = register(KEYS[1], unpack(ARGV))
return {'OK', stored[1] or '0', stored[2] or '0', stored[3] or 'reject', stored[4] or '1', stored[5] or 'off',
	made and '1' or '0'}
