#!lua flags=allow-oom
-- Gives partitions new epochs under their present owners, and wakes the owners, which claim the partitions
-- again.
-- KEYS: partitions control. ARGV: p ...
-- @include clock
local partitions, control = KEYS[1], KEYS[2]

-- @include assignment

local renewed, writes, lists = 0, {}, {}
for _, p in ipairs(ARGV) do
	local stored = redis.call('HGET', partitions, p) or ''
	local epoch, owner, target = string.match(stored, '^(%S+) (%S+) (%S+)$')
	if owner and owner ~= NOBODY then
		writes[#writes + 1] = p
		writes[#writes + 1] = raised(epoch, 0) .. ' ' .. owner .. ' ' .. target
		-- Each owner keeps its partitions, and so its list.
		if lists[owner] == nil then
			lists[owner] = list_of(owner) or false
		end
		renewed = renewed + 1
	end
end
if renewed > 0 then
	local stored = redis.call('HMGET', partitions, 'generation', 'counted')
	publish(tonumber(stored[1] or '0'), writes, lists, stored[1] == stored[2])
end
return {'OK', tostring(renewed)}
