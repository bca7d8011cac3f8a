if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'partitions', ARGV[1], 'partition_size', ARGV[2], 'overflow', ARGV[3], 'version', ARGV[4])
end
local f = redis.call('HMGET', KEYS[1], 'partitions', 'partition_size', 'overflow')
return {'OK', f[1], f[2], f[3]}
