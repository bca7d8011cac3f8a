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
local st, pos = ensure(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return {st, pos}
