local f = redis.call('HMGET', KEYS[2], 'epoch', 'nonce')
if f[1] ~= ARGV[2] or f[2] ~= ARGV[3] then return {'FENCED', f[1] or '0'} end
local e = redis.call('XRANGE', KEYS[1], ARGV[4], ARGV[4])
local args = {'id', ARGV[4], 'reason', ARGV[6], 'attempts', ARGV[7], 'handler', ARGV[8], 'partition', ARGV[9], 'time_ms', '0'}
if e[1] then for _, v in ipairs(e[1][2]) do args[#args + 1] = v end end
local id = redis.call('XADD', KEYS[3], '*', unpack(args))
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[4], 'ENTRIESREAD', ARGV[5])
redis.call('HSET', KEYS[2], 'position', ARGV[4], 'count', ARGV[5])
return {'OK', id}
