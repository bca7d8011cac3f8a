local n = tonumber(ARGV[5])
local i = 6
local first
for r = 1, n do
  local nf = tonumber(ARGV[i])
  local id = redis.call('XADD', KEYS[1], first and (string.match(first, '^(%d+)') .. '-*') or '*', unpack(ARGV, i + 1, i + 2 * nf))
  first = first or id
  i = i + 1 + 2 * nf
end
return {'OK', first, tostring(n)}
