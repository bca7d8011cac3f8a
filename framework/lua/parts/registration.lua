-- Redis has lost the stream's registration: its members make it again. If the stream was made anew with another
-- shape, the caller knows nothing of its partitions.
local shape = redis.call('HMGET', info, 'partitions', 'partition_size', 'overflow', 'packing')
if not shape[1] and command ~= 'leave' then
	redis.call('HSET', info, 'partitions', ARGV[7], 'partition_size', ARGV[10], 'overflow', ARGV[11],
		'version', ARGV[12], 'packing', ARGV[13])
elseif shape[1] and (shape[1] ~= ARGV[7] or shape[2] ~= ARGV[10] or shape[3] ~= ARGV[11]
	or (shape[4] or 'off') ~= ARGV[13]) and command ~= 'leave' then
	return {'RESHAPED', text(now), text(generation), '-1', false, table.concat(
		{shape[1], shape[2] or '?', shape[3] or '?', shape[4] or 'off'}, ' ')}
end
