local f = redis.call('HMGET', KEYS[2], 'epoch', 'nonce')
if f[1] ~= ARGV[2] or f[2] ~= ARGV[3] then return {'FENCED', f[1] or '0'} end
if ARGV[5] == '-1' then redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[4])
else redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[4], 'ENTRIESREAD', ARGV[5]) end
redis.call('HSET', KEYS[2], 'position', ARGV[4], 'count', ARGV[5])
if ARGV[6] == '1' then redis.call('HSET', KEYS[2], 'clean', '1', 'nonce', '') end
return {'OK'}
