-- The shape under which the stream is registered: partitions, partition_size, overflow, version and packing. Registers the
-- given one if there is none, because the stream is new or Redis has lost it; then the second value is true.
local function register(info, ...)
	local shape = redis.call('HMGET', info, 'partitions', 'partition_size', 'overflow', 'version', 'packing')
	if shape[1] or redis.call('EXISTS', info) == 1 then
		return shape, false
	end
	local given = {...}
	for i, field in ipairs({'partitions', 'partition_size', 'overflow', 'version', 'packing'}) do
		redis.call('HSET', info, field, given[i])
	end
	return given, true
end
