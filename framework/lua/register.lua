-- Registers the shape of a stream, or returns the shape that is registered.
-- KEYS: info. ARGV: partitions size overflow version packing.
local info = KEYS[1]
if redis.call('EXISTS', info) == 0 then
	redis.call('HSET', info, 'partitions', ARGV[1], 'partition_size', ARGV[2], 'overflow', ARGV[3],
		'version', ARGV[4], 'packing', ARGV[5])
end
local stored = redis.call('HMGET', info, 'partitions', 'partition_size', 'overflow', 'version', 'packing')
return {'OK', stored[1] or '0', stored[2] or '0', stored[3] or 'reject', stored[4] or '1', stored[5] or 'off'}
