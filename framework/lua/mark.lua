local f = redis.call('HMGET', KEYS[2], 'epoch', 'nonce', 'suspect', 'attempts')
if f[1] ~= ARGV[1] or f[2] ~= ARGV[2] then return {'FENCED', f[1] or '0'} end
local a = 1
if f[3] == ARGV[3] then a = tonumber(f[4]) + 1 end
redis.call('HSET', KEYS[2], 'suspect', ARGV[3], 'attempts', a)
return {'OK', tostring(a)}
