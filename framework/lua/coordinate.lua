local members, leases, parts, control, groups = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, cmd, me, inc, session, cap, P, known = unpack(ARGV, 1, 8)
session, cap, P = tonumber(session), tonumber(cap), tonumber(P)
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local f = function(x) return string.format('%.0f', x) end
local changed = false
local mine = redis.call('HGET', members, me)
if cmd == 'join' then
  if mine ~= inc .. ' ' .. cap then redis.call('HSET', members, me, inc .. ' ' .. cap); changed = true end
  redis.call('SADD', groups, group)
elseif not mine then return {'UNKNOWN', f(now), '0', '-1', false}
elseif string.match(mine, '^%S+') ~= inc then return {'REPLACED', f(now), '0', '-1', false}
elseif cmd == 'leave' then redis.call('HDEL', members, me); redis.call('ZREM', leases, me); changed = true
elseif mine ~= inc .. ' ' .. cap then redis.call('HSET', members, me, inc .. ' ' .. cap); changed = true end
if cmd ~= 'leave' then redis.call('ZADD', leases, now + session, me) end
for _, d in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do
  if d ~= me then redis.call('HDEL', members, d); redis.call('ZREM', leases, d); changed = true end
end
local gen = tonumber(redis.call('HGET', parts, 'generation') or '0')
if changed or #ARGV > 8 or known ~= f(gen) then
  local owner, target, epoch = {}, {}, {}
  for p = 0, P - 1 do
    local v = redis.call('HGET', parts, p)
    if v then epoch[p], owner[p], target[p] = string.match(v, '^(%S+) (%S+) (%S+)$') else epoch[p], owner[p], target[p] = '0', '-', '-' end
  end
  local dirty = false
  for i = 9, #ARGV, 2 do
    local p = tonumber(ARGV[i])
    if owner[p] == me and epoch[p] == ARGV[i + 1] then owner[p] = '-'; dirty = true end
  end
  local caps, names = {}, {}
  local m = redis.call('HGETALL', members)
  for i = 1, #m, 2 do caps[m[i]] = tonumber(string.match(m[i + 1], '%S+$')); if caps[m[i]] > 0 then names[#names + 1] = m[i] end end
  table.sort(names)
  for p = 0, P - 1 do if owner[p] ~= '-' and not caps[owner[p]] then owner[p] = '-'; dirty = true end end
  if changed then
    local count, quota = {}, {}
    for i, nme in ipairs(names) do quota[nme] = math.floor(P / #names) + (i <= P % #names and 1 or 0); count[nme] = 0 end
    local pool = {}
    for p = 0, P - 1 do
      local k = target[p]
      if count[k] and count[k] < quota[k] then count[k] = count[k] + 1 else pool[#pool + 1] = p end
    end
    local j = 1
    for _, p in ipairs(pool) do
      while names[j] and count[names[j]] >= quota[names[j]] do j = j + 1 end
      target[p] = names[j] or '-'
      if names[j] then count[names[j]] = count[names[j]] + 1 end
    end
    dirty = true
  end
  for p = 0, P - 1 do
    if owner[p] == '-' and target[p] ~= '-' then
      owner[p] = target[p]; epoch[p] = f(math.max(tonumber(epoch[p]) + 1, now)); dirty = true
    end
  end
  if dirty then
    gen = gen + 1
    for p = 0, P - 1 do redis.call('HSET', parts, p, epoch[p] .. ' ' .. owner[p] .. ' ' .. target[p]) end
    redis.call('HSET', parts, 'generation', gen)
    redis.call('XADD', control, 'MAXLEN', 64, '*', 'generation', gen)
  end
  local share = {}
  for p = 0, P - 1 do
    if owner[p] == me then
      share[#share + 1] = tostring(p); share[#share + 1] = epoch[p]; share[#share + 1] = target[p] == me and '0' or '1'
    end
  end
  local nx = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
  local ne = -1
  for i = 1, #nx, 2 do if nx[i] ~= me then ne = tonumber(nx[i + 1]) - now break end end
  return {'OK', f(now), f(gen), f(ne), share}
end
local nx = redis.call('ZRANGE', leases, 0, 1, 'WITHSCORES')
local ne = -1
for i = 1, #nx, 2 do if nx[i] ~= me then ne = tonumber(nx[i + 1]) - now break end end
return {'OK', f(now), f(gen), f(ne), false}
