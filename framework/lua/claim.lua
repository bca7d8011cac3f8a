local function ensure(log, state, group, start)
  local groups = redis.call('EXISTS', log) == 1 and redis.call('XINFO', 'GROUPS', log) or {}
  for _, g in ipairs(groups) do
    local m = {}
    for k = 1, #g, 2 do m[g[k]] = g[k + 1] end
    if m.name == group then return 'OK', m['last-delivered-id'], m['entries-read'] end
  end
  local pos = redis.call('HGET', state, 'position')
  local st = pos and 'REMADE' or 'MADE'
  redis.call('XGROUP', 'CREATE', log, group, pos or start, 'MKSTREAM')
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    local m = {}
    for k = 1, #g, 2 do m[g[k]] = g[k + 1] end
    if m.name == group then return st, m['last-delivered-id'], m['entries-read'] end
  end
end
local f = redis.call('HMGET', KEYS[2], 'epoch', 'nonce', 'clean', 'claimed', 'crashes', 'suspect', 'attempts')
local e, n = ARGV[4], ARGV[5]
local cur = tonumber(f[1] or '0')
local same = cur == tonumber(e) and f[2] == n
if cur > tonumber(e) or (cur == tonumber(e) and not same) then return {'STALE', f[1]} end
local st, pos, count = ensure(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
local crashes = tonumber(f[5] or '0')
if not same then
  if f[1] and f[3] ~= '1' and f[4] == pos then crashes = crashes + 1 else crashes = 0 end
end
redis.call('HSET', KEYS[2], 'epoch', e, 'nonce', n, 'owner', ARGV[3], 'clean', '0', 'claimed', pos, 'crashes', crashes)
local c = count and tostring(count) or '-1'
return {'OK', pos, c, tostring(crashes), f[6] or '0-0', f[7] or '0', '0', '0'}
